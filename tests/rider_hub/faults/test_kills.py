"""kill -9 of the server while a platform pushes: at any time, and exactly before and after a COMMIT."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connectors.simulator import Faults, World, communities_of, history, parts, source_rows
from rider_hub.access import Actor
from rider_hub.intake import store
from tests.rider_hub.faults.outcome import outcome_of
from tests.rider_hub.faults.service import LONG, PLATFORM, Order, Service, prepared
from tests.rider_hub.intake.build import COUNTY, push

KILLS = 100 if LONG else 5
PART = 2_000 if LONG else 1_200
ROWS = 200_000 if LONG else 20_000
WORLD = World(communities=communities_of(COUNTY), stations=20, riders=ROWS, tier="B")
FAULTS = Faults(corrected_every=7, retracted_every=11, late_every=5, shuffled=True)
#: Rows that are refused or said twice make receipts and quarantine worth comparing.
ROW_FAULTS = Faults(bad_every=97, duplicate_every=50)

Row = dict[str, Any]
Sent = list[tuple[str, Any, Sequence[Row]]]


def pushes() -> Sent:
    """Return all pushes the platform could send: key, feed type, rows."""
    riders = source_rows(
        None, "registration", history("registration", WORLD.registration_rows(), FAULTS), ROW_FAULTS
    )
    many = [(f"k-{n}", "registration", part) for n, part in enumerate(parts(riders, PART))]
    return [("stations", "station", WORLD.station_rows()), *many]


def orders(seed: int) -> list[Order]:
    """Return how each server ends: killed exactly at a commit of a receipt, or at random."""
    draw = random.Random(seed)
    exact = [Order(kill=kind, at=at) for kind in ("after_commit", "before_commit") for at in (1, 2)]
    return [*exact, Order()] if KILLS == 5 else [draw.choice([*exact, Order()]) for _ in range(KILLS)]


async def kill_again_and_again(service: Service, seed: int) -> None:
    """Start a server and see it killed, for every order; the last one lives."""
    draw = random.Random(seed)
    for order in orders(seed):
        await service.start(order)
        if order.kill:
            assert await service.ended(within_s=120) == -9
        else:
            await asyncio.sleep(draw.uniform(0.05, 1.0))
            await service.kill()
    await service.start()


async def test_kills_lose_nothing_and_double_nothing(
    database_url: str, twin_url: str, tmp_path: Path
) -> None:
    """State, history, receipts and quarantine are those of an undisturbed run, and the database is whole."""
    sent: Sent = []
    async with prepared(database_url, tmp_path / "hub") as service:
        killing = asyncio.create_task(kill_again_and_again(service, seed=KILLS))
        for key, feed_type, rows in pushes():
            sent.append((key, feed_type, rows))
            await service.push(rows, key, feed_type)
            if killing.done():
                break
        await killing
        assert service.starts == KILLS + 1
        assert await service.kill() == -9
        async with service.opened() as hub:
            disturbed = await outcome_of(hub)
    async with (
        prepared(twin_url, tmp_path / "twin", keys_from=tmp_path / "hub") as twin,
        twin.opened() as hub,
    ):
        async with hub.database.read() as connection:
            sender = await store.find_sender(connection, PLATFORM, Actor.sender(PLATFORM).scope)
        assert sender
        for key, feed_type, rows in sent:
            await push(hub, sender, rows, feed_type, key=key)
        undisturbed = await outcome_of(hub)
    assert disturbed == undisturbed
    assert disturbed.registrations > PART / 2
