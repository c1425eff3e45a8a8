"""A TCP proxy on loopback that delays, slows, cuts, swallows answers, hangs or refuses, as it is told to."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.rider_hub.faults.ports import free_port

__all__ = ["Proxy"]

_PIECE = 16 * 1024


class Proxy:
    """Stand before `host:port`; its attributes may be changed at any time.

    `delay_s` is waited before each piece, `bytes_per_s` is the bandwidth (0: all there is), `cut_after` ends
    a connection once it has carried so many bytes, `swallows` takes the request to its end and drops the
    answer (`swallowed` is set then). While `flows` is not set nothing is carried either way.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.target = (host, port)
        self.delay_s = 0.0
        self.bytes_per_s = 0.0
        self.cut_after: int | None = None
        self.swallows = False
        self.swallowed = asyncio.Event()
        self.flows = asyncio.Event()
        self.flows.set()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self.port = free_port()
        await self.accept()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Refuse from now on, and leave no task behind."""
        await self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def accept(self) -> None:
        """Take connections (again), on the port known."""
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", self.port)

    async def refuse(self) -> None:
        """Take no connection any more and drop those there are, as a server does that is gone."""
        if self._server:
            self._server.close()
            self._server = None
        self.drop()
        await asyncio.sleep(0)

    def drop(self) -> None:
        """End every connection in the middle of whatever it carries."""
        for writer in list(self._links):
            writer.transport.abort()

    def heal(self) -> None:
        """Carry everything as it comes; connections that hang go on."""
        self.delay_s = self.bytes_per_s = 0.0
        self.cut_after, self.swallows = None, False
        self.flows.set()

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        self._links |= {writer, far_writer}
        there, back = (
            self._pump(reader, far_writer, answers=False),
            self._pump(far_reader, writer, answers=True),
        )
        await asyncio.gather(there, back)
        self._links -= {writer, far_writer}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        carried = 0
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                pause = self.delay_s + (len(piece) / self.bytes_per_s if self.bytes_per_s else 0)
                await asyncio.sleep(pause)
                await self.flows.wait()
                carried += len(piece)
                if answers and self.swallows:
                    self.swallowed.set()
                if (answers and self.swallows) or (self.cut_after is not None and carried > self.cut_after):
                    self.drop()
                    return
                writer.write(piece)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.close()
