"""审计: the trail as a ledger for audit administrators, one row of it, and the state of the chain."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import ACTOR, HUB, Actor, Keyring, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.persons import person_indexes
from rider_hub.access.seals import chain_end, unsealed
from rider_hub.access.trail import Asked, find_row, list_rows, own_actors, review_row
from rider_hub.access.users import shown_names
from rider_hub.clock import SHANGHAI, check_aware
from rider_hub.errors import Failure, Invalid
from rider_hub.riders.tables import registration
from rider_hub.runs.tables import job_run
from rider_hub.views.audit_words import COUNTS, OPERATIONS, OUTCOMES, REVIEWS
from rider_hub.web.ledger import Column, Ledger, ledger_routes, ledger_view
from rider_hub.web.query import Choice, Page, Query, Text
from rider_hub.web.shell import render

__all__ = ["routes"]

#: The job that verifies the chain; its newest run is the state the page shows.
_VERIFIED_BY = "verify_trail"


def routes() -> list[web.RouteDef]:
    """Return the pages of the audit trail."""
    _, export = ledger_routes(_LEDGER, "/audit")
    return [
        *guarded("audit.view", [web.get("/audit", _page), web.get("/audit/{id}", _one)]),
        *guarded("audit.export", [export]),
        *guarded("audit.review", [web.post("/audit/{id}/review", _review)]),
    ]


async def _page(request: web.Request) -> web.Response:
    async with request.app[HUB].look(request[ACTOR], "audit.view") as look:
        end = await chain_end(look.connection)
        waiting = await unsealed(look.connection)
        run = await _last_verified(look.connection)
    view = await ledger_view(_LEDGER, request, "/audit")
    return await render(request, "views/audit.html", view=view, end=end, waiting=waiting, run=run)


async def _last_verified(connection: AsyncConnection) -> RowMapping | None:
    query = select(job_run).where(job_run.c.job == _VERIFIED_BY, job_run.c.finished_at.is_not(None))
    newest = query.order_by(job_run.c.finished_at.desc()).limit(1)
    return (await connection.execute(newest)).mappings().first()


async def _load(request: web.Request, query: Query) -> Page:
    hub, viewer = request.app[HUB], request[ACTOR]
    operation = "audit.export" if query.is_export else "audit.view"
    async with hub.look(viewer, operation, target="page" if not query.is_export else "xlsx") as look:
        own = await _own(look.connection, hub.keys, viewer)
        rows, total = await list_rows(look, _asked(query, own), limit=query.size, offset=query.offset)
        names = await shown_names(
            look.connection, [row[name] for row in rows for name in ("actor", "target")]
        )
        look.count(rows=len(rows))
    return Page([_row(row, names, own) for row in rows], total, look.now)


async def _one(request: web.Request) -> web.Response:
    hub, viewer, row_id = request.app[HUB], request[ACTOR], request.match_info["id"]
    async with hub.look(viewer, "audit.view", target=f"audit:{row_id}") as look:
        found, reviews = await find_row(look, row_id)
        own = await _own(look.connection, hub.keys, viewer)
        whom = [found["actor"], found["target"], *(one["actor"] for one in reviews)]
        names = await shown_names(look.connection, whom)
        look.count(rows=1)
    shown = _row(found, names, own)
    return await render(
        request,
        "views/audit_row.html",
        it=shown,
        account=found["actor"].removeprefix("user:"),
        reviews=[(one["at"], names[one["actor"]]) for one in reviews],
        outcomes=OUTCOMES,
        may_review=found["actor"] not in own,
    )


@takes()
async def _review(request: web.Request) -> web.Response:
    hub, viewer, row_id = request.app[HUB], request[ACTOR], request.match_info["id"]
    async with hub.look(viewer, "audit.view") as look:
        own = await _own(look.connection, hub.keys, viewer)
    await review_row(hub, viewer, row_id, own)
    raise web.HTTPSeeOther(f"/audit/{row_id}")


async def _own(connection: AsyncConnection, keys: Keyring, viewer: Actor) -> frozenset[str]:
    """Return the actors that are the viewer: other accounts and a rider's log-in of the same person."""
    phones = await person_indexes(connection, keys, viewer)
    own = await own_actors(connection, viewer, phones)
    query = select(registration.c.rider_id).where(registration.c.phone_index.in_(phones))
    return own | {f"rider:{rider_id}" for rider_id in (await connection.execute(query)).scalars()}


def _row(row: Mapping[str, Any], names: Mapping[str, str], own: frozenset[str]) -> dict[str, Any]:
    mine = row["actor"] in own
    return {
        **row,
        "who": _who(row["actor"], names),
        # A scope named like the role would say the same twice.
        "actor_title": " ".join(dict.fromkeys(row["actor_title"].split())),
        "target": _account(row["target"], names),
        "people": row["people"] or None,
        "what": OPERATIONS.get(row["operation"], row["operation"]),
        "review": "own" if mine and not row["reviewed"] else "reviewed" if row["reviewed"] else "open",
        "counted": "，".join(f"{COUNTS.get(key, key)} {value}" for key, value in row["counts"].items()),
        "sealed": f"第 {row['seal_no']} 号" if row["seal_no"] else "待封存",
    }


def _who(actor: str, names: Mapping[str, str]) -> str:
    kind, _, rest = actor.partition(":")
    named = {"public": "访客", "rider": "骑手本人", "sender": f"报送方 {rest}", "user": rest}
    return names[actor] if names[actor] != actor else named.get(kind, actor)


def _account(name: str, names: Mapping[str, str]) -> str:
    """Return an account as name and user name; anything else as it stands."""
    if not name.startswith("user:"):
        return name
    username, shown = name.removeprefix("user:"), names.get(name, name)
    return username if shown == name else f"{shown}（{username}）"


def _asked(query: Query, own: frozenset[str]) -> Asked:
    end = _day(query, "to")
    return Asked(
        start=_day(query, "from"),
        end=end + timedelta(days=1) if end else None,
        actor=query.get("actor") or "",
        operation=query.get("operation") or "",
        outcome=query.get("outcome") or "",
        own=own if query.get("own") else None,
    )


def _day(query: Query, name: str) -> datetime | None:
    words = query.get(name)
    if not words:
        return None
    try:
        return check_aware(datetime.strptime(words, "%Y-%m-%d").replace(tzinfo=SHANGHAI))
    except (ValueError, OverflowError):
        zh, en = "日期请写成 2026-11-02 的样子。", "Write a date like 2026-11-02."
        fault = Failure(row=0, path=name, code="date_unreadable", zh=zh, en=en)
        raise Invalid(zh, en, errors=[fault], status=400) from None


_LEDGER = Ledger(
    key="audit",
    title="审计",
    purpose="谁在什么时候做了什么、为什么、结果如何。查看和导出本页也会留下记录。",
    columns=[
        Column("at", "时间", "time"),
        Column("who", "谁", width=8),
        Column("actor_title", "身份", width=12),
        Column("what", "做了什么", width=12),
        Column("outcome", "结果", "state", states=OUTCOMES),
        Column("review", "复核", "state", states=REVIEWS),
        Column("purpose", "用途", width=12),
        Column("target", "对象", width=16, hidden=True),
        Column("people", "涉及骑手", "number"),
        Column("counted", "数量", width=12, hidden=True),
        Column("sealed", "封存", width=6, hidden=True),
    ],
    filters=[
        Text("from", "起始日期", hint="2026-11-01"),
        Text("to", "截止日期", hint="2026-11-30"),
        Text("actor", "用户名", hint="完整用户名"),
        Choice("operation", "操作", list(OPERATIONS.items())),
        Choice("outcome", "结果", [(key, state.word) for key, state in OUTCOMES.items()]),
        Choice("own", "本人操作", [("yes", "只看本人的")]),
    ],
    load=_load,
    personal=False,  # of what staff did; whom they opened is here a number
    row_url=lambda row: f"/audit/{row['id']}",
    empty="没有符合条件的记录。有人查看个人信息或改动内容后，会出现在这里。",
    template="views/audit.html",
)
