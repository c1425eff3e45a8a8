"""How much of pushing goes on at once: few batches run, some wait a little, others come again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from connectors.transport.http_push import MIB
from rider_hub.errors import Unavailable
from rider_hub.parameters import parameter

__all__ = ["GATE", "Gate", "Room"]


class Room:
    """What one push holds of the memory for bodies."""

    def __init__(self, gate: "Gate") -> None:
        self._gate = gate
        self.taken = 0

    def take(self, size: int) -> None:
        """Hold so many bytes more; raises Unavailable (429) where all pushes together would hold too much."""
        if self._gate.held + size > self._gate.most_held:
            raise _busy()
        self._gate.held += size
        self.taken += size


class Gate:
    """Stand before the work on pushes, in one process.

    Bodies are held in memory, and a batch of 100,000 rows is some 100 MB of work: without a limit a rush of
    senders would take the memory first and then everybody's time. Told 429 early, they come again.
    """

    def __init__(self) -> None:
        self.held = 0
        self.most_held = int(parameter("intake.held").value) * MIB
        self._patience_s = parameter("intake.patience").value
        self._turns = asyncio.Semaphore(int(parameter("intake.at_once").value))

    @asynccontextmanager
    async def room(self) -> AsyncIterator[Room]:
        """Give back at the end what a push held."""
        room = Room(self)
        try:
            yield room
        finally:
            self.held -= room.taken

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn to work; raises Unavailable (429) where none comes soon."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._turns.acquire()
        except TimeoutError:
            raise _busy() from None
        try:
            yield
        finally:
            self._turns.release()


def _busy() -> Unavailable:
    return Unavailable(
        "正在处理的报送较多，请稍后用同一幂等键重试。",
        "Many pushes are under way; try again shortly with the same key.",
        code="hub_busy",
        status=429,
    )


GATE: Final = web.AppKey("gate", Gate)
