"""Queries behind the pages of intake: senders, receipts, quarantine as rows of ledgers; within scope."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from rider_hub.access import Look
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.freshness import feed_states, feeds_late
from rider_hub.intake.model import FEED_TITLES, Receipt
from rider_hub.intake.stream_listing import behind_of
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.organizations.tables import platform as platform_table

__all__ = ["TRANSPORTS", "list_quarantine", "list_receipts", "list_senders", "platform_names", "show_receipt"]

TRANSPORTS = {
    "push": "平台推送",
    "pull": "主动拉取",
    "file": "文件",
    "upload": "网页报送",
    "kafka": "数据流",
    "replay": "重新入库",
}


async def platform_names(work: Look) -> dict[str, str]:
    """Return the names of the platforms in scope that send, by code."""
    query = select(platform_table.c.code, platform_table.c.name)
    named = {row.code: row.name for row in await work.connection.execute(query)}
    senders = await store.senders(work.connection, work.scope)
    return {one.platform: named.get(one.platform, one.platform) for one in senders}


async def list_senders(work: Look) -> list[dict[str, Any]]:
    """Return one row a sender: fresh or late, its totals, what waits to be mended."""
    named = await platform_names(work)
    late = feeds_late(await feed_states(work.connection, work.scope, work.now))
    behind: dict[str, int] = {}
    for (platform, _), messages in (await behind_of(work.connection)).items():
        behind[platform] = behind.get(platform, 0) + messages
    return [
        {
            "platform": one.platform,
            "name": named[one.platform],
            "state": "never" if one.last_received_at is None else "late" if one.late else "fresh",
            "late_feeds": late.get(one.platform, []),
            "last": one.last_received_at,
            **one.totals,
            "to_mend": one.waiting_rows,
            "behind": behind.get(one.platform),
            "held_now": one.held_rows,
            "receipt": one.last_receipt,
        }
        for one in await store.freshness(work.connection, work.scope, late)
    ]


async def list_receipts(
    work: Look, filters: Mapping[str, str], *, limit: int | None, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Return receipts, the newest first, and how many there are."""
    chosen = [name for name in ("platform", "feed_type", "state") if name in filters]
    wanted = [receipt.c[name] == filters[name] for name in chosen]
    rows, total = await _page(work, store.receipts(work.scope, *wanted), limit, offset)
    named = await platform_names(work)
    return [
        {
            **{name: row[name] for name in ("id", "received", "accepted", "unchanged", "waiting", "held")},
            "platform": named.get(row["platform"], row["platform"]),
            "feed": FEED_TITLES.get(row["feed_type"], row["feed_type"]),
            "transport": TRANSPORTS.get(row["transport"], row["transport"]),
            "source": row["source_name"],
            "rejected": row["rejected"],
            "frame": row["frame_verdict"],
            "state": row["state"],
            "at": row["created_at"],
        }
        for row in rows
    ], total


async def list_quarantine(
    work: Look, filters: Mapping[str, str], *, limit: int | None, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Return quarantined rows: where they stood, which fields are wrong and why; never a value."""
    c = quarantine.c
    wanted: list[ColumnElement[bool]] = [c[n] == filters[n] for n in ("platform", "state") if n in filters]
    if filters.get("receipt"):
        wanted.append(c.receipt_id == filters["receipt"])
    rows, total = await _page(work, store.quarantined(work.scope, *wanted), limit, offset)
    named = await platform_names(work)
    return [
        {
            "id": row["id"],
            "platform": named.get(row["platform"], row["platform"]),
            "feed": FEED_TITLES.get(row["feed_type"], row["feed_type"]),
            "row": row["row"],
            "record": row["record_id"],
            "fields": list(dict.fromkeys(one["path"] for one in row["failures"] if one["path"])),
            "why": " ".join(dict.fromkeys(one["zh"] for one in row["failures"])),
            "state": row["state"],
            "at": row["created_at"],
            "expires": row["expires_at"],
        }
        for row in rows
    ], total


async def show_receipt(work: Look, receipt_id: str) -> Receipt:
    """Return one receipt; raises Absent out of scope."""
    found = await store.find_receipt(work.connection, receipt_id, work.scope)
    if found is None:
        raise Absent
    return found


async def _page(work: Look, query: Select[Any], limit: int | None, offset: int) -> tuple[Any, int]:
    counted = select(func.count()).select_from(query.order_by(None).subquery())
    total = (await work.connection.execute(counted)).scalar_one()
    rows = (await work.connection.execute(query.limit(limit).offset(offset))).mappings().all()
    return rows, total
