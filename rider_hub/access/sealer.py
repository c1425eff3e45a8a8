"""The sealer: a task that links rows of the trail within a second and puts the head outside each minute."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import Counter, Gauge
from sqlalchemy import select

from rider_hub.access.heads import append_head
from rider_hub.access.hub import Hub
from rider_hub.access.seals import Head, chain_end, seal_pending, unsealed
from rider_hub.access.tables import audit_checkpoint, audit_seal
from rider_hub.logs import logger

__all__ = ["FAULTS", "Sealer", "sealing"]

FAULTS = Counter("rider_hub_audit_faults_total", "Findings of the audit trail's checks: any is an alarm.")
_WAITING = Gauge("rider_hub_audit_unsealed_rows", "Rows of the audit trail that wait for a seal.")
_NUMBER = Gauge("rider_hub_audit_seal_number", "Number of the newest seal this process saw.")
_SEALED = Gauge("rider_hub_audit_sealed_timestamp_seconds", "When this process last found nothing unsealed.")
_PAUSE = 0.5  # seconds; twice that is the limit that is promised
_HEAD_EVERY = 60.0  # seconds


class Sealer:
    """Seals for one process, and remembers the end of the chain it saw last.

    A seal that was there and is not, or is another, was taken away while we ran: the head we remember goes to
    the file at once, so that every later verification finds it.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._seen: Head | None = None

    async def step(self) -> None:
        """Seal what waits, and look whether the chain still holds what was seen of it."""
        await self._check()
        while (head := await seal_pending(self._hub)) is not None:
            self._saw(head)
        async with self._hub.database.read() as connection:
            waiting = await unsealed(connection)
        _WAITING.set(waiting)
        if not waiting:
            _SEALED.set(self._hub.clock.now().timestamp())

    async def put_head(self) -> None:
        """Add the end of the chain to the head file."""
        await self._check()
        async with self._hub.database.read() as connection:
            head = await chain_end(connection)
        if head.number:
            await self._append(head)
            self._saw(head)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; then seal and put the head outside once more.

        A fault is logged and tried again: a database that is away must not end the sealing for good.
        """
        loop = asyncio.get_running_loop()
        head_due = loop.time() + _HEAD_EVERY
        while not stop.is_set():
            await self._try(with_head=loop.time() >= head_due)
            if loop.time() >= head_due:
                head_due = loop.time() + _HEAD_EVERY
            try:
                async with asyncio.timeout(_PAUSE):
                    await stop.wait()
            except TimeoutError:
                continue
        await self.finish()

    async def finish(self) -> None:
        """Seal what waits and put the head outside."""
        await self._try(with_head=True)

    async def _try(self, *, with_head: bool) -> None:
        try:
            await self.step()
            if with_head:
                await self.put_head()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next step tries again
            logger("audit").warning("sealing_failed", kind=type(error).__name__)

    async def _check(self) -> None:
        """Find out whether the seal seen last is still there as it was."""
        if self._seen is None:
            return
        seal = select(audit_seal.c.mac).where(audit_seal.c.number == self._seen.number)
        pruned = select(audit_checkpoint.c.seal_no).where(audit_checkpoint.c.seal_no >= self._seen.number)
        async with self._hub.database.read() as connection:
            mac = (await connection.execute(seal)).scalar()
            if mac is None and (await connection.execute(pruned)).first() is not None:
                return
        if mac != self._seen.mac:
            FAULTS.inc()
            logger("audit").error("chain_cut", seal=self._seen.number)
            await self._append(self._seen)
            self._seen = None

    def _saw(self, head: Head) -> None:
        self._seen = head
        _NUMBER.set(head.number)

    async def _append(self, head: Head) -> None:
        path: Path = self._hub.settings.audit_heads
        await asyncio.to_thread(append_head, path, head, self._hub.clock.now())


@asynccontextmanager
async def sealing(hub: Hub) -> AsyncIterator[Sealer]:
    """Run a sealer beside the block; at its end what waits is sealed and the head put outside."""
    sealer, stop = Sealer(hub), asyncio.Event()
    task = asyncio.create_task(sealer.run(stop))
    try:
        yield sealer
    finally:
        stop.set()
        await task
