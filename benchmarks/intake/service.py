"""A real `serve` process with a county and one sender, pushed to over HTTP; memory and answers watched."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.intake.people import station_body
from connectors.transport.signatures import signed_headers
from rider_hub.access.opening import make_first_keys, open_hub
from rider_hub.settings import Settings
from rider_hub.storage import new_id
from tests.rider_hub.intake.build import bring_in_county, sender_of

__all__ = ["PLATFORM", "Service", "serving"]

PLATFORM = "ding"
_START_S = 60
_KNOCK_S = 0.02
_KIB = 1024


@dataclass
class Service:
    """One running service: where it is, how to sign for it, and how long answers were waited for."""

    url: str
    key: bytes
    process: int
    session: aiohttp.ClientSession
    longest_wait_s: float = 0.0

    async def push(self, bodies: Iterable[bytes], feed_type: str = "registration") -> float:
        """Push bodies one after another and return the seconds from the first byte to the last answer."""
        prepared = [(new_id(), body) for body in bodies]
        watching = asyncio.create_task(self._watch())
        started = time.perf_counter()
        for message, body in prepared:
            await self._push_one(feed_type, message, body)
        took = time.perf_counter() - started
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        return took

    async def _push_one(self, feed_type: str, message: str, body: bytes) -> None:
        headers = signed_headers(self.key, message, int(time.time()), body)
        headers |= {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
        target = f"{self.url}/api/v1/feeds/{PLATFORM}/{feed_type}"
        async with self.session.post(target, data=body, headers=headers) as answer:
            receipt = await answer.json()
        if answer.status != 200 or receipt["rejected"] or receipt["held"]:  # noqa: PLR2004 - the one right answer
            raise SystemExit(f"a push was not taken: {answer.status} {receipt}")

    async def _watch(self) -> None:
        """Ask for a small answer all the while, as a page would, and remember the longest wait."""
        while True:
            started = time.perf_counter()
            async with self.session.get(f"{self.url}/healthz") as answer:
                await answer.read()
            self.longest_wait_s = max(self.longest_wait_s, time.perf_counter() - started)
            await asyncio.sleep(_KNOCK_S)

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Return what the process holds of memory now (VmRSS) or held at most (VmHWM), in MB."""
        status = Path(f"/proc/{self.process}/status").read_text(encoding="ascii")
        [size] = [row.split()[1] for row in status.splitlines() if row.startswith(f"{field}:")]
        return int(size) / _KIB

    def cpu_s(self) -> float:
        """Return the seconds of processor the process has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def serving(database_url: str, folder: Path, suite: str) -> AsyncIterator[Service]:
    """Serve a migrated, empty database from a process of its own; stations are in, riders are not."""
    settings = Settings(data_dir=folder, database_url=database_url, suite=suite)
    await make_first_keys(settings)
    async with open_hub(settings) as hub:
        await bring_in_county(hub)
        _, key = await sender_of(hub, PLATFORM, settings={"pushes_a_minute": 1_000_000})
    port = _free_port()
    given = {"DATA_DIR": str(folder), "DATABASE_URL": database_url, "PORT": str(port), "JOBS_INSIDE": "no"}
    environment = os.environ | {f"RIDER_HUB_{name}": value for name, value in given.items()}
    command = (sys.executable, "-m", "rider_hub", "serve")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=quiet, stderr=quiet)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            service = Service(f"http://127.0.0.1:{port}", key, process.pid, session)
            await _answers(service)
            await service.push([station_body()], "station")
            service.longest_wait_s = 0.0
            yield service
    finally:
        process.terminate()
        await process.wait()


async def _answers(service: Service) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        with suppress(aiohttp.ClientError):
            async with service.session.get(f"{service.url}/readyz") as answer:
                if answer.status == 200:  # noqa: PLR2004 - ready
                    return
        await asyncio.sleep(_KNOCK_S)
    raise SystemExit("The service did not start.")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
