"""One process that reads streams: a reader in its group, beside it the sending of dead letters."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from connectors.transport.kafka.places import ClusterError
from connectors.transport.kafka.reader import StreamReader
from connectors.transport.kafka.sender import sending
from rider_hub.access import Hub
from rider_hub.errors import HubError
from rider_hub.intake.dead_letters import send_dead_letters
from rider_hub.intake.stream_positions import HubPositions
from rider_hub.intake.stream_taking import STREAM, StreamTaker
from rider_hub.logs import logger
from rider_hub.settings_kafka import StreamSettings
from rider_hub.storage.silent import end_silent

__all__ = ["PROCESS", "read_streams"]

#: What PostgreSQL shows of the connections of such a process.
PROCESS: Final = "rider-hub stream"

#: How long to wait after the cluster could not be reached, at first and at most.
_AGAIN_S: Final = (1.0, 30.0)
#: How often dead letters are looked for.
_LETTERS_S: Final = 1.0
#: A process that says nothing for so long amid a transaction, and is waited for, was stopped or is gone.
_SILENT_S: Final = 10.0
_log = logger("streams")


async def read_streams(hub: Hub, settings: StreamSettings, stop: asyncio.Event) -> None:
    """Read all streams of this hub until told to stop; neither the cluster nor the database ends it.

    Several processes share the work. What is under way when it is told to stop is finished.
    """
    taker, positions = StreamTaker(hub), HubPositions(hub)

    async def read() -> None:
        cluster, group = settings.cluster, settings.group
        reader = StreamReader(cluster, group, positions, taker, rows=lambda: hub.database.rows_a_part)
        await reader.run(stop)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_again_and_again(read, stop, "reading"))
        tasks.create_task(_again_and_again(lambda: _send_letters(hub, settings, stop), stop, "dead_letters"))
        tasks.create_task(_again_and_again(lambda: _end_silent(hub, stop), stop, "silent"))


async def _again_and_again(work: Callable[[], Awaitable[None]], stop: asyncio.Event, what: str) -> None:
    """Do something until told to stop, and again where the cluster or the database broke it off."""
    first, longest = _AGAIN_S
    loop, pause = asyncio.get_running_loop(), first
    while not stop.is_set():
        begun = loop.time()
        try:
            await work()
        except (ClusterError, HubError) as error:
            if loop.time() - begun > longest:
                pause = first
            _log.warning("stream_broken_off", what=what, kind=type(error).__name__, fault=str(error))
            await _pause(stop, pause)
            pause = min(longest, 2 * pause)


async def _send_letters(hub: Hub, settings: StreamSettings, stop: asyncio.Event) -> None:
    async with sending(settings.cluster) as sender:
        while True:
            ending = stop.is_set()
            sent, failed = await send_dead_letters(hub, STREAM, sender, settings.dead_letter_suffix)
            if failed:
                _log.warning("dead_letters_not_sent", letters=failed)
            if ending:
                return
            if not sent:
                await _pause(stop, _LETTERS_S)


async def _end_silent(hub: Hub, stop: asyncio.Event) -> None:
    """End what a process like this one holds that was stopped amid a batch: its sender's feeds would wait."""
    while not stop.is_set():
        await _pause(stop, _SILENT_S / 2)
        if ended := await end_silent(hub.database, PROCESS, _SILENT_S):
            _log.warning("stream_silent_ended", sessions=ended)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
