"""Records and snapshots, singly and in batches, by push, file and replay, in any order: one end state."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.transport.push_client import ndjson
from rider_hub.access import Actor, Hub
from rider_hub.intake.batches import Source, keyed_digest, take_batch
from rider_hub.intake.model import Sender
from rider_hub.intake.quarantine import replay
from rider_hub.intake.snapshot_model import Declared
from rider_hub.storage import new_id
from tests.factories import county_staff, make_hub
from tests.rider_hub.intake.build import push, quarantine_rows, sender_of
from tests.rider_hub.riders.build import OTHER_PHONE, PHONE, id_number, row, state_of, tombstone

#: Each is one delivery: the rows of a batch, and of what scope and day it is the whole, if it is one.
Delivery = tuple[list[dict[str, Any]], tuple[str, int] | None]


def dedicated(ref: str, day: int, station: str) -> dict[str, Any]:
    """Make the row of a rider bound to a station."""
    return row(ref, day, employment="dedicated", station_ref=station, work_area=None)


A1 = row("A", 1, name="骑手甲0001号", phone=PHONE, id_number=id_number(1))
A5 = row("A", 5, name="骑手甲0001号", phone=OTHER_PHONE, id_number=id_number(1))
B2 = row("B", 2, name="骑手甲0002号", phone=PHONE, id_number=id_number(2))
C1, C4 = dedicated("C", 1, "S-1"), dedicated("C", 4, "S-2")
D3, E2 = dedicated("D", 3, "S-1"), row("E", 2, phone=OTHER_PHONE, id_number=id_number(1))
DELIVERIES: list[Delivery] = [
    ([A1, B2], None),
    ([A5], None),
    ([C1, D3], None),
    ([C4], None),
    ([tombstone("B", 7)], None),
    ([row("B", 9, name="骑手甲0002号", phone=PHONE)], None),
    ([E2], None),
    ([tombstone("E", 4, "retract")], None),
    #: B and E are missing by an oversight on day 3, and back on day 6 with their old versions.
    ([A1, C1, D3], ("", 3)),
    ([A5, B2, C4, D3, E2], ("", 6)),
    #: Of S-1 only C is said to be there, who by then belongs to S-2: D has left.
    ([C1], ("S-1", 5)),
    ([D3], ("S-1", 8)),
    ([], ("S-2", 7)),
    ([A5, D3], ("", 10)),
]


async def deliver(hub: Hub, sender: Sender, delivery: Delivery, transport: str) -> None:
    """Bring a delivery in by one transport."""
    rows, whole = delivery
    if transport == "replay" and rows and whole is None:
        await push(hub, sender, [one | {"op": "?"} for one in rows])
        waiting = [one["id"] for one in await quarantine_rows(hub) if one["state"] == "waiting"]
        bodies = [ndjson([one]).strip() for one in rows]
        await replay(hub, county_staff(), ids=waiting, mended=dict(zip(waiting, bodies, strict=True)))
        return
    declared = None
    if whole:
        at = datetime.fromisoformat(f"2026-10-{whole[1]:02d}T12:00:00+08:00")
        declared = Declared(at, len(rows), whole[0])
    body = ndjson(rows)
    source = Source(
        "file" if transport == "file" else "push", new_id(), keyed_digest(hub, body), snapshot=declared
    )
    actor = county_staff() if transport == "file" else Actor.sender(sender.platform)
    lines = list(enumerate(body.splitlines(), 1))
    await take_batch(hub, actor, sender, feed_type="registration", rows=lines, source=source)


async def end_state(hub: Hub, order: list[int], transports: list[str]) -> str:
    """Bring deliveries in by turns of transports, and return the state they end in."""
    sender, _ = await sender_of(hub, settings={"leave_share": 1})
    for turn, index in enumerate(order):
        await deliver(hub, sender, DELIVERIES[index], transports[turn % len(transports)])
    return await state_of(hub)


ORDERS = st.permutations(range(len(DELIVERIES)))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=ORDERS,
    again=st.lists(st.sampled_from(range(len(DELIVERIES))), max_size=4),
    transports=st.lists(st.sampled_from(["push", "file", "replay"]), min_size=1, max_size=5),
)
async def test_any_order_repetition_and_transport_of_records_and_snapshots_gives_one_state(
    order: list[int],
    again: list[int],
    transports: list[str],
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """In order once by push, or shuffled, repeated and by mixed transports: the same hash."""
    hashes = []
    for given_order, by in ((list(range(len(DELIVERIES))), ["push"]), ([*order, *again], transports)):
        folder = tmp_path_factory.mktemp("order")
        shutil.copyfile(sqlite_template, folder / "hub.db")
        async with make_hub(f"sqlite+aiosqlite:///{folder / 'hub.db'}", folder) as hub:
            hashes.append(await end_state(hub, given_order, by))
    assert hashes[0] == hashes[1]


async def test_backwards_and_mixed_on_each_database(
    database_url: str, sqlite_template: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The newest first, by all transports, on either database: the state of the plain order on SQLite."""
    folder = tmp_path_factory.mktemp("plain")
    shutil.copyfile(sqlite_template, folder / "hub.db")
    every = list(range(len(DELIVERIES)))
    async with make_hub(f"sqlite+aiosqlite:///{folder / 'hub.db'}", folder) as hub:
        plain = await end_state(hub, every, ["push"])
    async with make_hub(database_url, tmp_path) as hub:
        assert await end_state(hub, [*every[::-1], 3, 9, 0], ["replay", "file", "push"]) == plain
