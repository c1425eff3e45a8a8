"""Keys rotate under load: no read fails, each row tells its key, and old keys go when no row needs them."""

import asyncio
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Hub, Keyring, Role
from rider_hub.access.audit import signed_text
from rider_hub.access.keyfile import ROTATED, KeyFault, read_keys
from rider_hub.access.persons import person_indexes
from rider_hub.access.resealing import count_rows, reseal, stale
from rider_hub.access.rotation import announce, drop_old, rotate
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.access.users import add_user, operator
from rider_hub.errors import Conflict, Refused
from rider_hub.intake.senders import register_sender
from rider_hub.intake.store import sender_secrets
from rider_hub.membership.ledger import append, history, live, live_consents
from rider_hub.membership.model import Entry
from rider_hub.membership.store import hold_record
from rider_hub.membership.tables import declaration
from rider_hub.riders.store import find_by_phone
from rider_hub.riders.tables import identity_link, registration
from tests.rider_hub.access.rotating import (
    BODY,
    COUNTY,
    JOB,
    SECURITY,
    add,
    bodies_rows,
    faults,
    opened,
    phone,
)
from tests.rider_hub.riders.build import row, take

_AT_ONCE = timedelta(0)
_RIDERS = range(1, 21)


@pytest.fixture(params=["intl", "sm"])
def suite(request: pytest.FixtureRequest) -> str:
    """Give the name of each suite."""
    return str(request.param)


async def _left(hub: Hub) -> int:
    keys = hub.keys.keyset
    return sum(each.rows for each in stale(await count_rows(hub.database, keys), keys))


async def test_after_a_rotation_every_row_is_under_new_keys_and_old_ones_can_go(
    database_url: str, tmp_path: Path, suite: str
) -> None:
    """Nothing is lost, found or opened differently; the file keeps of old keys those of the trail alone."""
    async with opened(database_url, tmp_path, suite) as hub:
        path = hub.settings.keys
        await add(hub, _RIDERS)
        shown = await register_sender(hub, COUNTY, platform="jia", county="110101")
        before = read_keys(path)
        done = await rotate(hub, SECURITY, path, wait=0)
        assert len(done.used) == len(ROTATED)
        # registration, private record, invitation and message of each rider, and the secrets of the sender
        assert (done.resealed.rows, done.resealed.unreadable) == (4 * len(_RIDERS) + 1, {})
        assert await _left(hub) == 0
        assert [each for number in _RIDERS for each in await faults(hub, number)] == []
        assert await bodies_rows(hub) == len(_RIDERS)
        gone, kept = await drop_old(hub, SECURITY, path, settled=_AT_ONCE)
        assert {key.id for key in before.keys} - {*gone} == {
            key.id for key in before.keys if key.purpose in {"audit", "lasting", "feed"}
        }
        assert kept == (before.active("audit").id,)
        assert not {*gone} & {key.id for key in read_keys(path).keys}
    async with opened(database_url, tmp_path) as hub:
        assert [each for number in _RIDERS for each in await faults(hub, number)] == []
        async with hub.database.read() as connection:
            assert await _tampered(connection, hub.keys) == []
            secrets = await sender_secrets(connection, hub.keys, "jia")
        assert len(secrets.signing) == 1
        assert shown.startswith("whsec_")


async def _begun(hub: Hub) -> bool:
    """Say whether some row is under new keys already."""
    active = set(hub.keys.active.values())
    counts = await count_rows(hub.database, hub.keys.keyset)
    return any(each.key_id in active for each in counts if each.purpose == "membership")


async def _tampered(connection: AsyncConnection, keys: Keyring) -> list[str]:
    """Return the rows of the trail whose MAC no key of the file made."""
    people: dict[str, list[str]] = {}
    for each in await connection.execute(select(audit_subject)):
        people.setdefault(each.audit_id, []).append(each.rider_id)
    rows = (await connection.execute(select(audit_row))).mappings().all()
    return [
        row["id"]
        for row in rows
        if not keys.verifies("audit", signed_text(row, people.get(row["id"], [])), row["mac"])
    ]


async def test_a_hub_moves_from_one_suite_to_the_other(database_url: str, tmp_path: Path) -> None:
    """Rotation into another suite leaves under the old one only what can't be recomputed."""
    async with opened(database_url, tmp_path, "intl") as hub:
        await add(hub, range(1, 3))
        await rotate(hub, SECURITY, hub.settings.keys, suite="sm", wait=0)
        await drop_old(hub, SECURITY, hub.settings.keys, settled=_AT_ONCE)
        suites = {key.purpose: key.suite for key in hub.keys.keyset.keys if key.state == "active"}
        assert {purpose for purpose, suite in suites.items() if suite == "intl"} == {"lasting", "feed"}
        assert await faults(hub, 1) == []


async def test_no_read_or_write_of_another_process_fails_meanwhile(database_url: str, tmp_path: Path) -> None:
    """A second process reads and adds riders through two rotations: nothing fails, nobody is there twice."""
    async with opened(database_url, tmp_path) as hub:
        await add(hub, _RIDERS)
        user = await _second_process("use", database_url, tmp_path)
        while not (tmp_path / "ready").exists():
            assert user.returncode is None
            await asyncio.sleep(0.05)
        for _ in range(2):
            await rotate(hub, SECURITY, hub.settings.keys, wait=5)
        (tmp_path / "stop").touch()
        _, said = await user.communicate()
        assert user.returncode == 0, said.decode()
        assert (tmp_path / "wrong").read_text() == ""
        added = int((tmp_path / "added").read_text())
        assert added > 1001
        await reseal(hub, SECURITY)
        await drop_old(hub, SECURITY, hub.settings.keys, settled=_AT_ONCE)
        numbers = [*_RIDERS, *range(1000, added)]
        assert [each for number in numbers for each in await faults(hub, number)] == []
        async with hub.database.read() as connection:
            records = (await connection.execute(select(func.count()).select_from(declaration))).scalar_one()
        assert records == len(numbers)


async def test_a_killed_rotation_goes_on_where_it_was(database_url: str, tmp_path: Path) -> None:
    """Killed between two batches, it leaves every row readable; run again, it makes no further keys."""
    async with opened(database_url, tmp_path) as hub:
        await add(hub, range(1, 121))
        old = hub.keys.keyset.active("personal").id
        killed = await _second_process("rotate", database_url, tmp_path)
        while old in hub.keys.active.values() or not await _begun(hub):
            assert killed.returncode is None
            await asyncio.sleep(0.05)
            hub.keys.reload()
        killed.kill()
        await killed.wait()
        assert [each for number in range(1, 121) for each in await faults(hub, number)] == []
        ids = {key.id for key in read_keys(hub.settings.keys).keys}
        done = await rotate(hub, SECURITY, hub.settings.keys, wait=0)
        assert done.used == ()
        assert 0 < done.resealed.rows < 120 * 4
        assert {key.id for key in read_keys(hub.settings.keys).keys} == ids
        assert await _left(hub) == 0


async def test_old_keys_stay_while_rows_are_under_them(database_url: str, tmp_path: Path) -> None:
    """Dropping is refused with the tables named, and the file is as it was; status counts the rows."""
    async with opened(database_url, tmp_path) as hub:
        path = hub.settings.keys
        await add(hub, range(1, 4))
        old = hub.keys.keyset.active("personal").id
        await announce(hub, SECURITY, path)
        with pytest.raises(Conflict, match="not in use yet"):
            await drop_old(hub, SECURITY, path, settled=_AT_ONCE)
        await rotate(hub, SECURITY, path, wait=0)
        await _under_old_key(hub, old)
        before = path.read_bytes()
        with pytest.raises(Conflict, match=r"registration\.sealed personal-[0-9a-f]{8}: 1"):
            await drop_old(hub, SECURITY, path, settled=_AT_ONCE)
        assert path.read_bytes() == before
        counted = Counter[str]()
        for each in await count_rows(hub.database, hub.keys.keyset):
            counted[each.table, each.column, each.key_id] += each.rows  # type: ignore[index]
        assert counted["registration", "sealed", old] == 1  # type: ignore[index]
        with pytest.raises(Conflict, match="10 minutes"):
            await drop_old(hub, SECURITY, path)


async def _under_old_key(hub: Hub, old: str) -> None:
    """Put one registration back under an old key, as a transaction that was slow to commit would."""
    from rider_hub.access.keyfile import Keyset  # noqa: PLC0415
    from rider_hub.riders.tables import registration  # noqa: PLC0415

    keys = hub.keys.keyset
    swapped = Keyring(
        Keyset(
            tuple(
                key.__class__(key.id, key.suite, key.secret, "active" if key.id == old else "old")
                if key.purpose == "personal"
                else key
                for key in keys.keys
            )
        )
    )
    async with hub.database.write() as connection:
        one = (await connection.execute(select(registration).limit(1))).mappings().one()
        envelope, _ = swapped.reseal("personal", ("registration", "sealed", one["id"]), one["sealed"])
        await connection.execute(
            registration.update().where(registration.c.id == one["id"]).values(sealed=envelope)
        )


async def test_a_row_that_does_not_open_stops_nothing_but_the_dropping(
    database_url: str, tmp_path: Path
) -> None:
    """A damaged envelope is counted and left; the others are sealed anew, and the old keys stay."""
    from rider_hub.messages.tables import outbox  # noqa: PLC0415

    async with opened(database_url, tmp_path) as hub:
        await add(hub, range(1, 4))
        async with hub.database.write() as connection:
            one = (await connection.execute(select(outbox).limit(1))).mappings().one()
            broken = one["sealed"][:-1] + bytes([one["sealed"][-1] ^ 1])
            await connection.execute(outbox.update().where(outbox.c.id == one["id"]).values(sealed=broken))
        done = await rotate(hub, SECURITY, hub.settings.keys, wait=0)
        assert (done.resealed.rows, done.resealed.unreadable) == (11, {"outbox": 1})
        with pytest.raises(Conflict, match=r"outbox\.sealed"):
            await drop_old(hub, SECURITY, hub.settings.keys, settled=_AT_ONCE)
        again = await rotate(hub, SECURITY, hub.settings.keys, wait=0)
        assert (again.used, again.resealed.rows) == ((), 0)
        anew = await rotate(hub, SECURITY, hub.settings.keys, wait=0, anew=True)
        assert len(anew.used) == len(ROTATED)


async def test_rotation_is_the_security_administrators_and_on_the_trail(
    database_url: str, tmp_path: Path
) -> None:
    """Others are refused and no key is made; each step and each batch has its row in the trail."""
    async with opened(database_url, tmp_path) as hub:
        await add(hub, range(1, 3))
        before = hub.settings.keys.read_bytes()
        with pytest.raises(Refused):
            await rotate(hub, COUNTY, hub.settings.keys, wait=0)
        assert hub.settings.keys.read_bytes() == before
        await rotate(hub, SECURITY, hub.settings.keys, wait=0)
        await drop_old(hub, SECURITY, hub.settings.keys, settled=_AT_ONCE)
        async with hub.database.read() as connection:
            query = select(audit_row).where(audit_row.c.operation == "keys.rotate")
            rows = (await connection.execute(query.order_by(audit_row.c.at))).mappings().all()
        done = [each["target"] for each in rows if each["outcome"] == "done"]
        assert done[:2] == ["keys announced", "keys put to use"]
        assert done[-1] == "keys dropped"
        assert {"registration", "declaration", "invitation", "outbox"} <= set(done)
        assert {each["actor"] for each in rows if each["outcome"] == "done"} == {SECURITY.id}


async def test_one_rider_has_one_record_though_two_processes_use_different_keys(
    database_url: str, tmp_path: Path
) -> None:
    """Between announcing and using, one process writes under the old pseudonym and one under the new."""
    async with opened(database_url, tmp_path) as hub:
        await take(hub, [row("R-1", name="骑手甲", phone=phone(1))])
        await announce(hub, SECURITY, hub.settings.keys)
        async with opened(database_url, tmp_path) as ahead:
            ahead.keys._ring = type(hub.keys)(  # the process that has seen the next state of the file
                hub.keys.keyset.activating(hub.clock.now())
            )._ring

            async def hold(which: Hub) -> None:
                async with which.change(JOB, "membership.surface") as work:
                    rider_id = str(await find_by_phone(work.connection, which.keys, phone(1)))
                    await hold_record(work.connection, which.keys, rider_id)

            await asyncio.gather(*(hold(which) for which in (hub, ahead) * 4))
        async with hub.database.read() as connection:
            assert (await connection.execute(select(func.count()).select_from(declaration))).scalar_one() == 1


async def test_a_withdrawal_under_a_new_pseudonym_ends_what_was_given_under_the_old(
    database_url: str, tmp_path: Path
) -> None:
    """In the middle of a rotation a rider's lines stand under two pseudonyms and are read as one ledger."""
    async with opened(database_url, tmp_path) as hub:
        await add(hub, range(1, 3))
        await announce(hub, SECURITY, hub.settings.keys)
        hub.keys._ring = type(hub.keys)(hub.keys.keyset.activating(hub.clock.now()))._ring
        async with hub.change(JOB, "membership.surface") as work:
            rider_id = str(await find_by_phone(work.connection, hub.keys, phone(1)))
            (line, given), *_ = await history(work.connection, hub.keys, rider_id)
            ended = Entry(rider_id, "withdrawn", given.purpose, BODY, 1, hub.clock.now(), ends=line)
            await append(work.connection, hub.keys, ended)
            assert await live(work.connection, hub.keys, rider_id) == []
            found = [each async for each in live_consents(work, hub.keys, given.purpose)]
        assert len(found) == 1
        assert found[0].rider_id != rider_id


async def test_the_same_phone_is_proposed_as_one_person_across_keys(
    database_url: str, tmp_path: Path
) -> None:
    """A registration taken during a rotation meets one indexed before it; moving on lapses nothing else."""
    async with opened(database_url, tmp_path) as hub:
        await take(hub, [row("R-1", name="骑手甲", phone=phone(1))])
        await take(hub, [row("R-2", name="骑手甲", phone=phone(1))], platform="yi")
        await announce(hub, SECURITY, hub.settings.keys)
        hub.keys._ring = type(hub.keys)(hub.keys.keyset.activating(hub.clock.now()))._ring
        await take(hub, [row("R-3", name="骑手甲", phone=phone(1))], platform="zhong")
        assert await _link_states(hub) == ["proposed", "proposed"]
        await take(hub, [row("R-3", day=2, name="骑手甲", phone=phone(2))], platform="zhong")
        assert await _link_states(hub) == ["proposed", "undone"]


async def test_a_person_with_two_log_ins_is_known_across_keys(database_url: str, tmp_path: Path) -> None:
    """In the middle of a rotation a registration under the new key is still the secretary's own."""
    async with opened(database_url, tmp_path) as hub:
        await add_user(
            hub,
            replace(SECURITY, roles=frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN})),
            username="twin",
            display_name="书记",
            password="a long phrase for tests 4",
            roles=[Role.BRANCH_SECRETARY],
            phone=phone(1),
        )
        await announce(hub, SECURITY, hub.settings.keys)
        hub.keys._ring = type(hub.keys)(hub.keys.keyset.activating(hub.clock.now()))._ring
        await take(hub, [row("R-1", name="骑手甲", phone=phone(1))])
        twin = await operator(hub, "twin")
        async with hub.database.read() as connection:
            (index,) = (await connection.execute(select(registration.c.phone_index))).scalars()
            assert index != twin.person
            assert index in await person_indexes(connection, hub.keys, twin)
            assert await person_indexes(connection, hub.keys, replace(twin, person=None)) == []


async def _link_states(hub: Hub) -> list[str]:
    async with hub.database.read() as connection:
        return sorted((await connection.execute(select(identity_link.c.state))).scalars())


async def test_two_rotations_at_once_are_refused(database_url: str, tmp_path: Path) -> None:
    """A second command that would change the file while one does is told to wait."""
    from rider_hub.access.keyfile import locked  # noqa: PLC0415

    async with opened(database_url, tmp_path) as hub:
        with locked(hub.settings.keys), pytest.raises(KeyFault, match="Another command"):
            await announce(hub, SECURITY, hub.settings.keys)


async def _second_process(what: str, database_url: str, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.rider_hub.access.rotating",
        what,
        database_url,
        str(folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
