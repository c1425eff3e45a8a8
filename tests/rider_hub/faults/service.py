"""A hub served by a process that may be killed, stopped and started again on its database and its port."""

import asyncio
import io
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from connectors.transport.push_client import Retry, push
from connectors.transport.signatures import signed_headers
from rider_hub.access import Hub
from rider_hub.access.opening import make_first_keys, open_hub
from rider_hub.app import _ROUTES
from rider_hub.settings import Settings
from tests.rider_hub.faults.faulty_server import Order, serve
from tests.rider_hub.faults.ports import free_port
from tests.rider_hub.intake.build import bring_in_county, sender_of

__all__ = ["LONG", "PATIENT", "PLATFORM", "Order", "Service", "prepared"]

PLATFORM = "ding"
LONG = os.environ.get("RIDER_HUB_TEST_LONG") == "1"
#: A platform's program that tries again every second at most, for minutes.
PATIENT = Retry(attempts=200, first_s=0.05, longest_s=1.0)

_START_S = 60
_FORKS = multiprocessing.get_context("forkserver")
# Loaded once, so that a server starts in a fraction of a second and many may be killed.
_FORKS.set_forkserver_preload(["rider_hub.cli.serving", "tests.rider_hub.faults.faulty_server", *_ROUTES])


class Service:
    """One hub over one database: where it answers, how to sign for it, and its process, if it lives."""

    def __init__(self, settings: Settings, keys: dict[str, bytes]) -> None:
        self.settings, self.keys = settings, keys
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.starts = 0
        self._process: Any = None

    @property
    def pid(self) -> int:
        """The process now serving."""
        return int(self._process.pid)

    @property
    def alive(self) -> bool:
        """Say whether the process lives."""
        return bool(self._process is not None and self._process.is_alive())

    def begin(self, order: Order | None = None, **environment: str) -> None:
        """Start a process without waiting for it to answer."""
        given = {
            "RIDER_HUB_DATA_DIR": str(self.settings.data_dir),
            "RIDER_HUB_DATABASE_URL": self.settings.url,
            "RIDER_HUB_PORT": str(self.port),
            "RIDER_HUB_JOBS_INSIDE": "no",
        } | environment
        log = str(self.settings.data_dir / "server.log")
        self._process = _FORKS.Process(target=serve, args=(given, order or Order(), log), daemon=True)
        self._process.start()
        self.starts += 1

    async def start(self, order: Order | None = None, **environment: str) -> None:
        """Start a process and wait until it answers."""
        self.begin(order, **environment)
        deadline = time.monotonic() + _START_S
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/healthz") as answer:
                        if answer.status == 200:
                            return
                assert self.alive, self.log
                await asyncio.sleep(0.02)
        raise AssertionError(f"the server did not start: {self.log}")

    async def ended(self, within_s: float = 60) -> int:
        """Wait until the process has ended and return its exit status."""
        await asyncio.to_thread(self._process.join, within_s)
        assert not self.alive, "the server is still there"
        return int(self._process.exitcode)

    async def kill(self, kind: signal.Signals = signal.SIGKILL) -> int:
        """Send the process a signal, wait for its end and return its exit status."""
        os.kill(self.pid, kind)
        return await self.ended()

    @property
    def log(self) -> str:
        """What the server has written."""
        path = self.settings.data_dir / "server.log"
        return path.read_text("utf-8") if path.exists() else ""

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Return what the process holds of memory now (VmRSS) or held at most (VmHWM), in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) / 1024

    def busy_s(self) -> float:
        """Return the seconds of processor the process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def feed(self, feed_type: str = "registration", platform: str = PLATFORM, *, url: str = "") -> str:
        """Return the address of a feed, at another `url` where something stands between."""
        return f"{url or self.url}/api/v1/feeds/{platform}/{feed_type}"

    async def push(
        self,
        rows: Any,
        key: str,
        feed_type: str = "registration",
        *,
        platform: str = PLATFORM,
        retry: Retry | None = PATIENT,
        url: str = "",
        compress: bool = True,
    ) -> dict[str, Any]:
        """Push rows as a platform's program would and return the receipt."""
        timeout = aiohttp.ClientTimeout(total=60, sock_connect=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await push(
                session,
                self.feed(feed_type, platform, url=url),
                rows,
                key=self.keys[platform],
                message_id=key,
                now=time.time,
                retry=retry,
                compress=compress,
            )

    async def post(
        self, session: aiohttp.ClientSession, body: bytes, key: str, platform: str = PLATFORM, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Post a body once, with a message of its own; returns status, headers and content."""
        message = headers.pop("message", f"{key}-{time.monotonic_ns()}")
        signed = signed_headers(self.keys[platform], message, int(time.time()), body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/x-ndjson", "Idempotency-Key": key} | signed | named
        async with session.post(self.feed(platform=platform), data=io.BytesIO(body), headers=sent) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Hub]:
        """Open the hub's database beside the server, to look."""
        async with open_hub(self.settings, seals=False) as hub:
            yield hub


@asynccontextmanager
async def prepared(
    database_url: str,
    folder: Path,
    *,
    platforms: tuple[str, ...] = (PLATFORM,),
    keys_from: Path | None = None,
    change: Callable[[str], str] = str,
    agreement: Mapping[str, Any] | None = None,
) -> AsyncIterator[Service]:
    """Bring a county and senders into a migrated database; nothing is served yet.

    `keys_from` is the data folder of another hub, whose keys are used, so that states can be compared.
    `change` makes of the database's URL the one the server uses, where something stands between. `agreement`
    is what the senders' agreements say beside the defaults.
    """
    settings = Settings(data_dir=folder, database_url=database_url)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    if keys_from:
        shutil.copyfile(keys_from / "keys.json", settings.keys)
    await make_first_keys(settings)
    async with open_hub(settings, seals=False) as hub:
        await bring_in_county(hub)
        keys = {platform: (await sender_of(hub, platform, **(agreement or {})))[1] for platform in platforms}
    service = Service(Settings(data_dir=folder, database_url=change(database_url)), keys)
    try:
        yield service
    finally:
        if service.alive:
            await service.kill()
