"""Use case: asking a platform for what is new; the position moves with the rows or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from connectors.records import FeedType
from connectors.transport.http_pull import Page, pull
from connectors.transport.push_client import Retry
from rider_hub.access import Actor, Hub
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.batches import Source, keyed_digest, take_batch
from rider_hub.intake.faults import whole
from rider_hub.intake.model import Receipt, Sender

__all__ = ["pull_sender"]

#: Stations before riders, so that none has to wait for its station.
_ORDER: Sequence[FeedType] = ("station", "registration", "request")


async def pull_sender(hub: Hub, actor: Actor, platform: str, *, retry: Retry | None = None) -> list[Receipt]:
    """Pull every feed a platform offers from where the last time ended; one receipt a page with rows.

    Raises FeedError where the platform does not answer rightly: what was stored up to there stays, and the
    next pull goes on from it.
    """
    async with hub.look(actor, "feeds.take", target=f"sender:{platform}") as look:
        sender = await store.find_sender(look.connection, platform, look.scope)
        if sender is None:
            raise Absent
        secrets = await store.sender_secrets(look.connection, hub.keys, platform)
    manifest, url = sender.mapping, str(sender.settings.get("url", ""))
    if manifest is None or not url:
        raise whole("not_configured")
    headers = {"Authorization": f"Bearer {secrets.token}"} if secrets.token else {}
    receipts: list[Receipt] = []
    async with aiohttp.ClientSession() as session:
        for feed_type in (one for one in _ORDER if one in manifest.feeds):
            async with hub.database.read() as connection:
                at = await store.position(connection, platform, feed_type)
            pages = pull(
                session,
                manifest,
                at[0] if at else None,
                base_url=url,
                feed_type=feed_type,
                now=hub.clock.now,
                headers=headers,
                retry=retry,
            )
            # The round's name is when its position was written: a page asked for again after a break has
            # the same key and counts once, the next round another.
            round_key = at[1].isoformat() if at else "first"
            async for page in pages:
                receipts += await _take_page(_Round(hub, actor, sender, feed_type, round_key), page)
    return receipts


@dataclass(frozen=True)
class _Round:
    hub: Hub
    actor: Actor
    sender: Sender
    feed_type: FeedType
    key: str


async def _take_page(this: _Round, page: Page) -> list[Receipt]:
    hub, platform = this.hub, this.sender.platform
    if not page.rows:
        async with hub.change(this.actor, "feeds.take", target=f"sender:{platform}") as work:
            await store.move_cursor(work.connection, platform, this.feed_type, page.next_cursor, work.now)
            await store.touch_sender(work.connection, platform, work.now)
        return []
    digest = keyed_digest(hub, b"\n".join(row for _, row in page.rows) + page.next_cursor.encode())
    source = Source(
        transport="pull",
        idempotency_key=f"pull:{this.key}:{digest.hex()[:40]}",
        body_digest=digest,
        cursor=page.next_cursor,
    )
    rows, feed_type = page.rows, this.feed_type
    return [await take_batch(hub, this.actor, this.sender, feed_type=feed_type, rows=rows, source=source)]
