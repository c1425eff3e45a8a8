"""What happens to a stream: a reader dies by kill -9, or all pause while messages come."""

import asyncio
import itertools
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.kafka.site import PARTITIONS, Site

__all__ = ["pause", "take_over"]

_TICK_S = 0.1
_SAID_EVERY_S = 30
#: Riders of these courses; a number is a second of their time, which must not be to come.
_numbers = itertools.count()


@asynccontextmanager
async def _coming(site: Site, rate: int) -> AsyncIterator[None]:
    """Let messages come all the while, so many a second."""

    async def send() -> None:
        started, sent = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - started) * rate) - sent
            if due > 0:
                await site.send(site.batches(itertools.islice(_numbers, due)))
                sent += due
            await asyncio.sleep(_TICK_S)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def take_over(site: Site, readers: int) -> float:
    """Kill a reader with -9 amid messages; return the seconds until each partition is read again."""
    await site.start_readers(readers - len(site.readers))
    async with _coming(site, 30 * PARTITIONS):
        await asyncio.sleep(2)
        victim = site.readers.pop()
        killed = time.monotonic()
        await victim.end(signal.SIGKILL)
        await asyncio.sleep(_TICK_S)  # what the killed one committed last shows by now
        before = await site.positions()
        waiting = set(before)
        while waiting:
            now = await site.positions()
            waiting -= {one for one in waiting if now[one] > before[one]}
            await asyncio.sleep(_TICK_S / 2)
        took = time.monotonic() - killed
    await site.until_read()
    return took


async def pause(site: Site, readers: int, seconds: int, rate: int) -> tuple[float, int]:
    """Stop all readers for a while, start them, and return the seconds to the end, and how many waited."""
    await site.end_readers()
    async with _coming(site, rate):
        for left in range(seconds, 0, -1):
            if left % _SAID_EVERY_S == 0:
                print(f"pause: {left} s left, {await _behind(site):,} behind", file=sys.stderr)
            await asyncio.sleep(1)
        started, behind = time.monotonic(), await _behind(site)
        joining = asyncio.create_task(site.start_readers(readers))
        await _until_close(site, rate)
        took = time.monotonic() - started
        await joining
    return took, behind


async def _until_close(site: Site, rate: int) -> None:
    """Wait until no more is behind than came within the second that is gathered."""
    said = 0.0
    while (behind := await _behind(site)) > rate:
        if time.monotonic() > said + 1:
            said = time.monotonic()
            print(f"pause: over, {behind:,} behind", file=sys.stderr)
        await asyncio.sleep(_TICK_S)


async def _behind(site: Site) -> int:
    return site.sent - sum((await site.positions()).values())
