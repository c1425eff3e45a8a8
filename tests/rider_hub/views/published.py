"""A hub served over a real connection from a thread of its own, for clients that know nothing of asyncio."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

from aiohttp import web
from sqlalchemy import select

from connectors.transport.signatures import signed_headers
from rider_hub.access.rider_sessions import find_rider_session, open_rider_session
from rider_hub.app import build_app, runner_for
from rider_hub.clock import Clock
from rider_hub.intake.sender_keys import make_key
from rider_hub.riders.tables import registration
from rider_hub.storage import new_id
from tests.factories import county_staff, make_hub
from tests.rider_hub.intake.build import bring_in_county, push, rider, sender_of

__all__ = ["Served", "served"]


@dataclass(frozen=True)
class Served:
    """Where the hub answers, the key of its sender, and the session of a rider."""

    url: str
    platform: str
    key: bytes
    now: int
    cookie: str
    csrf: str
    #: A test key as the platform's account is shown it.
    test_secret: str

    @property
    def secret(self) -> str:
        """The key as the county hands it over."""
        return "whsec_" + base64.b64encode(self.key).decode()

    def signed(self, body: bytes, message: str = "") -> dict[str, str]:
        """Return the headers of a signed body."""
        return signed_headers(self.key, message or new_id(), self.now, body)


@contextmanager
def served(folder: Path, template: Path, *, clock: Clock | None = None, tier: str = "B") -> Iterator[Served]:
    """Serve a hub with a county, a sender of a tier and a rider until the block ends."""
    copyfile(template, folder / "hub.db")
    ready: list[Served] = []
    failed: list[BaseException] = []
    up, stop = threading.Event(), threading.Event()

    def run() -> None:
        try:
            asyncio.run(_serve(folder, clock=clock, tier=tier, ready=ready, up=up, stop=stop))
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failed.append(error)
        finally:
            up.set()

    thread = threading.Thread(target=run, name="hub")
    thread.start()
    up.wait()
    try:
        if failed:
            raise failed[0]
        yield ready[0]
    finally:
        stop.set()
        thread.join()


async def _serve(
    folder: Path,
    *,
    clock: Clock | None,
    tier: str,
    ready: list[Served],
    up: threading.Event,
    stop: threading.Event,
) -> None:
    async with make_hub(f"sqlite+aiosqlite:///{folder / 'hub.db'}", folder, clock) as hub:
        await bring_in_county(hub)
        # More than is asked below: who sends too often is tried in tests/rider_hub/intake/test_api.py.
        sender, key = await sender_of(hub, tier=tier, settings={"pushes_a_minute": 10_000_000})
        personal = {"name": None, "phone": None} if tier == "A" else {}
        await push(hub, sender, [rider(1, **personal)])
        cookie, csrf = await _session(hub)
        runner = runner_for(build_app(hub))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        now = int(hub.clock.now().timestamp())
        test_secret, _ = await make_key(hub, county_staff(), sender.platform, test=True)
        ready.append(Served(f"http://{host}:{port}", sender.platform, key, now, cookie, csrf, test_secret))
        up.set()
        await asyncio.to_thread(stop.wait)
        await runner.cleanup()


async def _session(hub: Any) -> tuple[str, str]:
    """Open the session of the rider that was sent, and return its cookie and the token of its pages."""
    async with hub.database.read() as connection:
        rider_id = (await connection.execute(select(registration.c.rider_id))).scalar_one()
    token = f"r-{new_id()}"
    await open_rider_session(hub, token, rider_id, b"")
    found = await find_rider_session(hub, token)
    assert found is not None
    return token, found.csrf
