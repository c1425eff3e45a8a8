"""Feeds the demo's registrations through the three transports: signed push, pull, files in a folder."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from connectors import sources
from connectors.records import FeedType
from connectors.simulator import PlatformServer, csv_document, workbook_document
from connectors.sources import Manifest
from connectors.sources.values import put_path
from connectors.transport.push_client import push
from rider_hub.access import Actor, Hub
from rider_hub.app import build_app, runner_for
from rider_hub.demo.world_model import Fault, Feed, Record, World
from rider_hub.intake.files import take_files
from rider_hub.intake.model import Receipt
from rider_hub.intake.pull import pull_sender
from rider_hub.intake.senders import register_sender, signing_key_bytes

__all__ = ["Fed", "feed_all"]

_FEED_TYPES: tuple[FeedType, ...] = ("station", "registration")
_ROWS_A_PUSH = 2000
#: Faults that no standard record can hold; the simulated platform speaks from standard records.
_NOT_STANDARD = ("unknown_employment", "forbidden_field")


@dataclass
class Fed:
    """Totals over all receipts; `refused` counts rows by the code of their first fault."""

    received: int = 0
    accepted: int = 0
    unchanged: int = 0
    waiting: int = 0
    held: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, receipt: Mapping[str, Any]) -> None:
        """Add one receipt as the sender sees it."""
        for name in ("received", "accepted", "unchanged", "waiting", "held"):
            setattr(self, name, getattr(self, name) + receipt[name])
        first: dict[int, str] = {}
        for failure in receipt["failures"]:
            first.setdefault(failure["row"], failure["code"])
        self.refused.update(first.values())


async def feed_all(hub: Hub, world: World, staff: Actor, platforms: AsyncExitStack) -> Fed:
    """Register the three senders and take everything they send, planned faults included.

    The platform that is pulled from stays up until `platforms` closes: the hub's job goes on asking it.
    """
    fed = Fed()
    feeds = {feed.platform: feed for feed in world.feeds}
    await _push(hub, world, feeds["jia"], staff, fed)
    await _be_pulled(hub, world, feeds["yi"], staff, fed, platforms=platforms)
    await _leave_files(hub, world, feeds["bing"], staff, fed)
    return fed


async def _register(hub: Hub, world: World, feed: Feed, staff: Actor, **settings: Any) -> str:
    return await register_sender(
        hub,
        staff,
        platform=feed.platform,
        county=world.county,
        manifest=feed.platform,
        tier="B",
        basis="separate_consent",
        basis_document="演示协议",
        settings=settings,
    )


async def _push(hub: Hub, world: World, feed: Feed, staff: Actor, fed: Fed) -> None:
    """Push over HTTP to the hub's own API, signed and compressed, as a platform's program would."""
    key = signing_key_bytes(await _register(hub, world, feed, staff))
    manifest = sources.load(feed.platform)
    runner = runner_for(build_app(hub))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with aiohttp.ClientSession() as session:
            for name, feed_type, rows in _pushes(manifest, world, feed):
                url = f"http://{host}:{port}/api/v1/feeds/{feed.platform}/{feed_type}"
                fed.add(await push(session, url, rows, key=key, message_id=name, now=time.time))
    finally:
        await runner.cleanup()


def _pushes(
    manifest: Manifest, world: World, feed: Feed
) -> list[tuple[str, FeedType, Sequence[Mapping[str, Any]]]]:
    batches: list[tuple[str, FeedType, Sequence[Mapping[str, Any]]]] = []
    for feed_type in _FEED_TYPES:
        rows = _native(
            manifest, feed_type, _records(feed, feed_type), _faults(world, feed.platform, feed_type)
        )
        batches += [
            (f"demo-{feed_type}-{start}", feed_type, rows[start : start + _ROWS_A_PUSH])
            for start in range(0, len(rows), _ROWS_A_PUSH)
        ]
    for number, fault in enumerate(f for f in world.frame_faults if f.platform == feed.platform):
        rows = [_encode(manifest, "station", record) for record in fault.records]
        batches.append((f"demo-wrong-frame-{number}", "station", rows))
    return batches


async def _be_pulled(
    hub: Hub, world: World, feed: Feed, staff: Actor, fed: Fed, *, platforms: AsyncExitStack
) -> None:
    """Offer the feed on loopback as the platform would, and have the hub pull it."""
    manifest = sources.load(feed.platform)
    records = {
        feed_type: [
            *(_standard(record) for record in _records(feed, feed_type)),
            *(
                _standard(fault.record)
                for fault in _faults(world, feed.platform, feed_type)
                if fault.kind not in _NOT_STANDARD
            ),
        ]
        for feed_type in _FEED_TYPES
    }
    server = await platforms.enter_async_context(PlatformServer(manifest, records))
    await _register(hub, world, feed, staff, url=server.url)
    for receipt in await pull_sender(hub, staff, feed.platform):
        fed.add(_shown(receipt))


async def _leave_files(hub: Hub, world: World, feed: Feed, staff: Actor, fed: Fed) -> None:
    """Leave files in the folder the hub watches: stations as CSV in GB18030, riders as a workbook."""
    inbox = hub.settings.data_dir / "inbox" / feed.platform
    await _register(hub, world, feed, staff, folder=str(inbox))
    await asyncio.to_thread(_write_files, inbox, world, feed)
    for receipt in await take_files(hub, staff, feed.platform, inbox, settle_s=0):
        fed.add(_shown(receipt))


def _write_files(inbox: Path, world: World, feed: Feed) -> None:
    inbox.mkdir(parents=True)
    manifest = sources.load(feed.platform)
    stations = _native(manifest, "station", feed.stations, _faults(world, feed.platform, "station"))
    (inbox / "1-station.csv").write_bytes(csv_document(manifest, "station", stations))
    faults = _faults(world, feed.platform, "registration")
    # A forbidden column refuses every row of its table: it stands in a file of its own.
    apart = [fault for fault in faults if fault.kind == "forbidden_field"]
    together = [fault for fault in faults if fault not in apart]
    riders = _native(manifest, "registration", feed.registrations, together)
    (inbox / "2-registration.xlsx").write_bytes(workbook_document(manifest, "registration", riders))
    refused = _native(manifest, "registration", (), apart)
    (inbox / "3-registration-extra.csv").write_bytes(csv_document(manifest, "registration", refused))


def _records(feed: Feed, feed_type: FeedType) -> Sequence[Record]:
    return feed.stations if feed_type == "station" else feed.registrations


def _faults(world: World, platform: str, feed_type: FeedType) -> list[Fault]:
    return [fault for fault in world.faults if (fault.platform, fault.record_type) == (platform, feed_type)]


def _native(
    manifest: Manifest, feed_type: FeedType, records: Sequence[Record], faults: Sequence[Fault]
) -> list[dict[str, Any]]:
    rows = [_encode(manifest, feed_type, record) for record in records]
    return rows + [_faulty(manifest, feed_type, fault) for fault in faults]


def _faulty(manifest: Manifest, feed_type: FeedType, fault: Fault) -> dict[str, Any]:
    """Return a planned bad row; a value no code table has is put in as the platform would write it."""
    record = dict(fault.record)
    unmapped = record.pop("employment", None) if fault.kind == "unknown_employment" else None
    row = _encode(manifest, feed_type, record) | fault.native_extra
    if unmapped is not None:
        put_path(row, manifest.source_path(feed_type, "employment"), unmapped)
    return row


def _encode(manifest: Manifest, feed_type: FeedType, record: Record) -> dict[str, Any]:
    return manifest.encode_row(feed_type, _standard(record))


def _standard(record: Record) -> dict[str, Any]:
    """Leave out the platform: who sends is known from the key, and no source has a column for it."""
    return {name: value for name, value in record.items() if name != "platform"}


def _shown(receipt: Receipt) -> Mapping[str, Any]:
    shown: Mapping[str, Any] = receipt.to_json()
    return shown
