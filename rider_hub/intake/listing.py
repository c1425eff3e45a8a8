"""Queries behind the pages of intake: senders, receipts, quarantine as rows of ledgers; within scope."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from rider_hub.access import Look, Scope
from rider_hub.clock import SHANGHAI
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.freshness import feed_states, feeds_late
from rider_hub.intake.links import find_link
from rider_hub.intake.model import FEED_TITLES, Receipt
from rider_hub.intake.stream_listing import behind_of
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.intake.within import is_bound, platforms_of
from rider_hub.organizations.tables import platform as platform_table

__all__ = [
    "TRANSPORTS",
    "LinkSource",
    "list_quarantine",
    "list_receipts",
    "list_senders",
    "platform_names",
    "show_receipt",
    "source_of",
]

TRANSPORTS = {
    "push": "平台推送",
    "pull": "主动拉取",
    "file": "文件",
    "upload": "网页报送",
    "kafka": "数据流",
    "link": "站点链接",
    "replay": "重新入库",
}


async def platform_names(work: Look) -> dict[str, str]:
    """Return the names of the platforms in scope that send, by code; a partner's are those it works for."""
    query = select(platform_table.c.code, platform_table.c.name)
    named = {row.code: row.name for row in await work.connection.execute(query)}
    if is_bound(work.actor):
        theirs = await platforms_of(work.connection, work.actor)
        sending = {one.platform for one in await store.senders(work.connection, Scope.all())} & theirs
    else:
        sending = {one.platform for one in await store.senders(work.connection, work.scope)}
    return {code: named.get(code, code) for code in sorted(sending)}


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
            "partner": row["partner"],
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


@dataclass(frozen=True)
class LinkSource:
    """By which link a batch came, in words, and whether it is still there to be looked at."""

    words: str
    there: bool


async def source_of(work: Look, taken: Receipt) -> LinkSource | None:
    """Return by which link a batch came, None where it came by none."""
    if taken.link is None:
        return None
    try:
        it = await find_link(work, taken.link)
    except Absent:
        return LinkSource("链接已过保存期限，或不在您的范围", there=False)
    made = it["made_at"].astimezone(SHANGHAI)
    return LinkSource(f"{it['station_name']}（{it['made_by']} {made:%Y-%m-%d %H:%M} 建立）", there=True)


async def _page(work: Look, query: Select[Any], limit: int | None, offset: int) -> tuple[Any, int]:
    counted = select(func.count()).select_from(query.order_by(None).subquery())
    total = (await work.connection.execute(counted)).scalar_one()
    rows = (await work.connection.execute(query.limit(limit).offset(offset))).mappings().all()
    return rows, total
