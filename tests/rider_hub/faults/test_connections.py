"""A network between platform and hub that cuts, delays, narrows and swallows: stored once, and soon after."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.simulator import World, communities_of, parts
from rider_hub.intake.tables import receipt
from rider_hub.riders.tables import registration
from tests.rider_hub.faults.outcome import outcome_of
from tests.rider_hub.faults.proxy import Proxy
from tests.rider_hub.faults.service import LONG, Order, prepared
from tests.rider_hub.intake.build import COUNTY, count

#: The promise: once the network is whole again, the platform's program is done within this.
DONE_S = 60
RIDERS = 200_000 if LONG else 3_000
PART = 5_000 if LONG else 500
WORLD = World(communities=communities_of(COUNTY), stations=0, riders=RIDERS, tier="B")

Trouble = Callable[[Proxy, random.Random], None]


def cuts(proxy: Proxy, draw: random.Random) -> None:
    """End connections now, and those to come after so many bytes."""
    proxy.drop()
    proxy.cut_after = draw.randint(0, 40_000)


def delays(proxy: Proxy, draw: random.Random) -> None:
    """Let every piece wait, and some connections end."""
    proxy.delay_s = draw.uniform(0.05, 0.3)
    if draw.random() < 0.3:
        proxy.drop()


def narrows(proxy: Proxy, draw: random.Random) -> None:
    """Halve what is left of the bandwidth, from some 200 kB/s on."""
    proxy.bytes_per_s = max(10_000, (proxy.bytes_per_s or 400_000) / 2)


def swallows(proxy: Proxy, draw: random.Random) -> None:
    """Take requests to their end and send the answers into nothing."""
    proxy.swallows = True


def all_in_turn(proxy: Proxy, draw: random.Random) -> None:
    """Make another kind of trouble each time."""
    proxy.heal()
    draw.choice(ALONE)(proxy, draw)


ALONE = [cuts, delays, narrows, swallows]


async def trouble_for(proxy: Proxy, kind: Trouble, seconds: float) -> None:
    """Make trouble again and again for a while, then heal."""
    draw = random.Random(kind.__name__)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        kind(proxy, draw)
        await asyncio.sleep(draw.uniform(0.1, 0.5))
    proxy.heal()


@pytest.mark.parametrize("kind", [*ALONE, all_in_turn] if LONG else [all_in_turn])
async def test_a_broken_network_loses_and_doubles_nothing(
    database_url: str, tmp_path: Path, kind: Trouble
) -> None:
    """Every row is stored once under one receipt a key, and the program is done soon after healing.

    The program is the client of `simulate push` with its own patience, and the hub keeps its own figures.
    """
    rows = WORLD.registration_rows()
    async with prepared(database_url, tmp_path) as service:
        await service.start(Order(take_over_s=30))
        async with Proxy(service.port) as proxy:
            url = f"http://127.0.0.1:{proxy.port}"
            # Nobody is let in at first: a quick machine could else be done before any trouble met it.
            await proxy.refuse()
            sent = [
                asyncio.create_task(service.push(part, f"k-{n}", url=url, retry=None))
                for n, part in enumerate(parts(rows, PART))
            ]
            await asyncio.sleep(0.5)
            assert not any(one.done() for one in sent)
            await proxy.accept()
            await trouble_for(proxy, kind, 300 if LONG else 4)
            receipts = await asyncio.wait_for(asyncio.gather(*sent), DONE_S)
        assert sum(one["received"] for one in receipts) == sum(one["accepted"] for one in receipts) == RIDERS
        await service.kill()
        async with service.opened() as hub:
            assert await count(hub, registration) == RIDERS
            assert await count(hub, receipt) == len(sent)
            found = await outcome_of(hub)
    assert found.history.total() == RIDERS
