"""A small hub with rows under every kind of key, on a key file of its own, for tests of rotation.

Run as a module, it is the second process of these tests: `python -m tests.rider_hub.access.rotating WHAT
DATABASE_URL FOLDER`, WHAT being `use` (read and write until told to stop) or `rotate`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from rider_hub.access import Actor, Hub, Role, Scope, resealing
from rider_hub.access.keys import Keyring
from rider_hub.access.opening import open_hub
from rider_hub.access.rotation import _activate, announce
from rider_hub.cli.all_tables import load_all_tables
from rider_hub.clock import Clock
from rider_hub.membership.ledger import append, live
from rider_hub.membership.model import Entry
from rider_hub.membership.store import hold_record, read_record
from rider_hub.messages.service import post
from rider_hub.outreach.model import Invitation, State
from rider_hub.outreach.store import insert_invitation, of_bodies, of_rider
from rider_hub.riders.store import find_by_phone, identities
from rider_hub.settings import Settings
from tests.rider_hub.riders.build import row, take

SECURITY = Actor("user:keeper", "安全管理员", frozenset({Role.SECURITY_ADMIN}), Scope.all())
COUNTY = Actor("user:county", "区县人员", frozenset({Role.COUNTY_STAFF}), Scope.all())
JOB = Actor.job("test")
BODY = "110101001001-ZB"
_SOMETIME = datetime(2026, 11, 1, tzinfo=UTC)


@asynccontextmanager
async def opened(
    database_url: str, folder: Path, suite: str = "intl", clock: Clock | None = None
) -> AsyncIterator[Hub]:
    """Open a hub as a process does: on the key file of the folder, which is made where there is none."""
    load_all_tables()
    settings = Settings(data_dir=folder, database_url=database_url)
    if not settings.keys.exists():
        Keyring.new(suite).save(settings.keys)
    async with open_hub(settings, clock) as hub:
        yield hub


def phone(number: int) -> str:
    """Return the phone of one rider of these tests."""
    return f"199{number:08d}"


async def add(hub: Hub, numbers: range) -> None:
    """Add riders with a phone and a name, each with a private record, a consent, an invitation, a message."""
    rows = [row(f"R-{n}", name=f"骑手{n}号", phone=phone(n)) for n in numbers]
    await take(hub, rows)
    for number in numbers:
        async with hub.change(JOB, "membership.surface") as work:
            rider_id = str(await find_by_phone(work.connection, hub.keys, phone(number)))
            await hold_record(work.connection, hub.keys, rider_id)
            line = await append(
                work.connection,
                hub.keys,
                Entry(rider_id, "given", "party_activities", BODY, 1, _SOMETIME),
            )
            value = Invitation(
                f"{number:032d}",
                rider_id,
                "activity",
                BODY,
                "party_activities",
                line,
                (),
                State.SURFACED,
                _SOMETIME,
            )
            await insert_invitation(work.connection, hub.keys, value)
            await post(work, hub.keys, "sign_in_code", phone(number), {"code": "1"})


async def faults(hub: Hub, number: int) -> list[str]:
    """Return what of a rider can't be found or opened, which is nothing in a sound hub."""
    async with hub.look(JOB, "membership.surface") as look:
        rider_id = await find_by_phone(look.connection, hub.keys, phone(number))
        if rider_id is None:
            return [f"{number}: not found by phone"]
        person = (await identities(look, hub.keys, [rider_id]))[rider_id]
        record = await read_record(look.connection, hub.keys, rider_id)
        consents = await live(look.connection, hub.keys, rider_id)
        mine = await of_rider(look.connection, hub.keys, rider_id)
        found = {
            "name": person.name == f"骑手{number}号",
            "record": record.rider_id == rider_id,
            "consent": [each.rider_id for each in consents] == [rider_id],
            "invitation": [each.id for each in mine] == [f"{number:032d}"],
        }
    return [f"{number}: {what}" for what, right in found.items() if not right]


async def bodies_rows(hub: Hub) -> int:
    """Return how many invitations are found by their body."""
    async with hub.look(JOB, "membership.surface") as look:
        return len(await of_bodies(look.connection, hub.keys, [BODY]))


async def _use(hub: Hub, folder: Path) -> None:
    """Read riders and add new ones until a file says stop; what fails goes to a file."""
    number, seen, wrong = 1000, 0, list[str]()
    while not (folder / "stop").exists():
        await add(hub, range(number, number + 1))
        for each in (number, 1000 + seen % (number - 999), 1 + seen % 20):
            wrong += await faults(hub, each)
            async with hub.change(JOB, "membership.surface") as work:
                rider_id = str(await find_by_phone(work.connection, hub.keys, phone(each)))
                await hold_record(work.connection, hub.keys, rider_id)
            seen += 1
        number += 1
        (folder / "ready").touch()
    (folder / "added").write_text(str(number))
    (folder / "wrong").write_text("\n".join(wrong))


async def _main(what: str, database_url: str, folder: Path) -> None:
    async with opened(database_url, folder) as hub:
        if what == "use":
            await _use(hub, folder)
        else:
            # Slowly, so that the kill comes in the middle on any machine.
            resealing._PAUSE = 0.5
            await announce(hub, SECURITY, hub.settings.keys)
            await _activate(hub, SECURITY, hub.settings.keys)
            await resealing.reseal(hub, SECURITY, batch=20)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
