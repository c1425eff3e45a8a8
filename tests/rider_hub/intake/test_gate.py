"""The gate of pushes: so many at a time, so much held, and what is held is given back."""

import asyncio

import pytest

from connectors.transport.http_push import MAX_SENT
from rider_hub.errors import Unavailable
from rider_hub.intake.gate import Gate
from rider_hub.parameters import parameter


async def test_bodies_beyond_what_may_be_held_are_told_to_come_again() -> None:
    """Four of the largest are held, a byte more is refused with 429, and room given back is room again."""
    gate = Gate()
    async with gate.room() as first, gate.room() as second:
        for _ in range(3):
            first.take(MAX_SENT)
        second.take(MAX_SENT)
        with pytest.raises(Unavailable) as refused:
            second.take(1)
        assert (refused.value.status, refused.value.code, refused.value.retry_after) == (429, "hub_busy", 5)
    assert gate.held == 0
    async with gate.room() as again:
        again.take(MAX_SENT)


async def test_a_turn_is_waited_for_a_little_and_is_given_on() -> None:
    """As many work at once as the figure says; one more waits, is refused, and later has its turn."""
    gate = Gate()
    gate._patience_s = 0.05
    free = asyncio.Event()

    async def work() -> None:
        async with gate.turn():
            await free.wait()

    working = [asyncio.create_task(work()) for _ in range(int(parameter("intake.at_once").value))]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        async with gate.turn():
            pass
    free.set()
    await asyncio.gather(*working)
    async with gate.turn():
        pass
