"""The demo's main job from the first feed to the pages, by the same use cases that serve a county."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rider_hub.access import Hub, Keyring
from rider_hub.access.opening import open_hub
from rider_hub.assignments import service as assignments
from rider_hub.assignments.totals import assignment_totals
from rider_hub.clock import local_date
from rider_hub.demo.accounts import ACCOUNTS_FILE, write_accounts
from rider_hub.demo.clock import DemoClock
from rider_hub.demo.feeding import feed_all
from rider_hub.demo.ground import Account, bring_in_ground
from rider_hub.demo.living import live
from rider_hub.demo.summary import Summary, peak_mb
from rider_hub.demo.world import build_world
from rider_hub.demo.world_model import World
from rider_hub.settings import Settings
from rider_hub.storage.migrate import upgrade

__all__ = ["Demo", "build_demo"]

#: What a demo writes into its folder; a second run removes these and nothing else.
_FILES = (
    "rider_hub.db",
    "rider_hub.db-wal",
    "rider_hub.db-shm",
    "keys.json",
    "messages.jsonl",
    ACCOUNTS_FILE,
)
_FOLDERS = ("inbox", "outbox")


@dataclass(frozen=True)
class Demo:
    """A demo ready to be served."""

    hub: Hub
    summary: Summary
    accounts: list[Account]
    notice: str
    phone: str
    accounts_file: Path


@asynccontextmanager
async def build_demo(folder: Path, *, county: str, scale: float) -> AsyncIterator[Demo]:
    """Build the demo anew in a folder and keep its hub open for the block."""
    started = time.perf_counter()
    clock = DemoClock()
    world = await asyncio.to_thread(build_world, county=county, scale=scale, today=local_date(clock.now()))
    settings = Settings(data_dir=folder, demo=True)
    await asyncio.to_thread(_clear, settings.data_dir)
    Keyring.new(settings.suite).save(settings.keys)
    await asyncio.to_thread(upgrade, settings.url)
    async with open_hub(settings, clock) as hub, AsyncExitStack() as platforms:
        accounts = await bring_in_ground(hub, world)
        staff = {account.username: account.actor for account in accounts}
        fed = await feed_all(hub, world, staff["qu"], platforms)
        run_id = await assignments.preview_run(hub, staff["qu"], county)
        await assignments.approve_run(hub, staff["qu"], run_id)
        await assignments.apply_run(hub, staff["qu"], run_id)
        lived = await live(hub, clock, world, staff)
        async with hub.look(staff["qu"], "match.view") as look:
            totals = await assignment_totals(look.connection, look.scope)
        summary = Summary(
            received=fed.received,
            accepted=fed.accepted,
            refused=dict(sorted(fed.refused.items())),
            riders=totals.riders,
            assignments=totals.by_kind,
            unresolved=totals.unresolved,
            surfaced=lived.surfaced,
            requests=lived.requests,
            seconds=round(time.perf_counter() - started, 1),
            peak_mb=peak_mb(),
            unchanged=fed.unchanged,
            waiting=fed.waiting,
            held=fed.held,
        )
        notice = f"{world.notice_zh}\n{world.notice_en}"
        kept = write_accounts(folder, accounts)
        yield Demo(hub, summary, accounts, notice, _phone(world, lived.invited), kept)


def _phone(world: World, invited: int | None) -> str:
    """Return the number of a rider with an invitation to answer: the whole phone page has content."""
    shown = invited if invited is not None else world.members[0].rider
    return next(rider.phone for rider in world.riders if rider.index == shown)


def _clear(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
