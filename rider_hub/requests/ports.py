"""What becomes of a rider's requests on copy, erasure, and some time after they were closed."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Change, Keyring, Look
from rider_hub.consent.ports import Section
from rider_hub.requests.model import WAITING, Category, Channel, EventKind, RequestState
from rider_hub.requests.store import add_event, events_of, list_own
from rider_hub.requests.tables import request_event, service_request

__all__ = ["erase", "export", "export_confidential", "forget_closed"]

_GONE = "（内容已按规定删除）"
_ENDED = "反映人要求删除个人信息，这条诉求不再办理"


async def erase(work: Change, keys: Keyring, rider_id: str) -> int:
    """Empty a rider's requests: category, place and times stay for statistics, nobody and no word with them.

    One that still waits is closed: nobody is left to answer to. What was filed anonymously is tied to nobody
    and can't be found.
    """
    rows = await list_own(work.connection, rider_id)
    for row in rows:
        if row["state"] in WAITING:
            closed = update(service_request).where(service_request.c.id == row["id"])
            await work.connection.execute(closed.values(state=RequestState.CONFIRMED, closed_at=work.now))
            kind = EventKind.CONFIRMED
            await add_event(work.connection, row["id"], kind, at=work.now, title=_ENDED)
        await _empty(work.connection, keys, row["id"], work.now)
    return len(rows)


async def forget_closed(connection: AsyncConnection, keys: Keyring, before: datetime, now: datetime) -> int:
    """Empty up to 500 requests that were closed before a time; returns how many."""
    query = select(service_request.c.id).where(
        service_request.c.closed_at < before, service_request.c.emptied_at.is_(None)
    )
    ids = (await connection.execute(query.limit(500))).scalars().all()
    for request_id in ids:
        await _empty(connection, keys, request_id, now)
    return len(ids)


async def export(look: Look, keys: Keyring, rider_id: str) -> Sequence[Section]:
    """Return the requests a rider filed under their name, but those told in confidence."""
    return await _told(look, keys, rider_id, confidential=False)


async def export_confidential(look: Look, keys: Keyring, rider_id: str) -> Sequence[Section]:
    """Return the requests a rider told to the counselling or legal officer; for the rider alone."""
    return await _told(look, keys, rider_id, confidential=True)


async def _told(look: Look, keys: Keyring, rider_id: str, *, confidential: bool) -> Sequence[Section]:
    rows = [
        row
        for row in await list_own(look.connection, rider_id)
        if Category(row["category"]).is_confidential is confidential
    ]
    aside = "confidential_" if confidential else ""
    records = [_record(keys, row) for row in rows]
    said = [
        {
            "request": row["id"],
            "at": event["at"],
            "kind": event["kind"],
            "by": event["actor_title"],
            "text": _open(keys, "request_event", event).get("text"),
        }
        for row in rows
        for event in await events_of(look.connection, row["id"])
    ]
    return [
        Section(
            f"{aside}requests",
            "只给专员看的诉求" if confidential else "诉求",
            ("service_request",),
            {
                "id": "编号",
                "channel": "渠道",
                "category": "类别",
                "division": "社区代码",
                "text": "内容",
                "address": "地点",
                "state": "进展",
                "filed_at": "反映时间",
                "due_at": "办理时限",
                "answered_at": "答复时间",
                "closed_at": "办结时间",
            },
            records,
        ),
        Section(
            f"{aside}request_events",
            "只给专员看的诉求办理过程" if confidential else "诉求办理过程",
            ("request_event",),
            {"request": "诉求编号", "at": "时间", "kind": "事项", "by": "谁", "text": "内容"},
            said,
        ),
    ]


def _record(keys: Keyring, row: RowMapping) -> dict[str, Any]:
    names = ("id", "division", "state", "filed_at", "due_at", "answered_at", "closed_at")
    content = _open(keys, "service_request", row)
    return {name: row[name] for name in names} | {
        "channel": Channel(row["channel"]).title_zh,
        "category": Category(row["category"]).title_zh,
        "text": content.get("text"),
        "address": content.get("address"),
    }


def _open(keys: Keyring, table: str, row: RowMapping) -> dict[str, Any]:
    if not row["sealed"]:
        return {}
    values: dict[str, Any] = keys.unseal("personal", (table, "sealed", row["id"]), row["sealed"])
    return values


async def _empty(connection: AsyncConnection, keys: Keyring, request_id: str, at: datetime) -> None:
    mine = update(service_request).where(service_request.c.id == request_id)
    cell = ("service_request", "sealed", request_id)
    await connection.execute(
        mine.values(
            rider_id=None,
            sealed=keys.seal("personal", cell, {"text": _GONE, "address": ""}),
            # The reporter's code no longer finds it; a feed's own mark stays, so that it isn't filed anew.
            query_index=case(
                (service_request.c.channel == Channel.FEED, service_request.c.query_index),
                else_=secrets.token_bytes(32),
            ),
            emptied_at=at,
        )
    )
    events = update(request_event).where(request_event.c.request_id == request_id)
    await connection.execute(events.values(sealed=None))
