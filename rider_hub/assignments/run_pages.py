"""匹配任务: a match run from preview to roll-back; one primary button, always the next step."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import ACTOR, HUB, Actor, Hub, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.policy import allows
from rider_hub.access.users import shown_names
from rider_hub.assignments import service, store
from rider_hub.assignments.listing import Names, list_differences
from rider_hub.assignments.tables import match_run
from rider_hub.divisions.store import names
from rider_hub.web.ledger import Action, Column, Ledger, export_routes, ledger_routes, ledger_view
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone

__all__ = ["routes"]

_RUN_STATES = {
    "previewed": State("待审批", Tone.TODO),
    "approved": State("待生效", Tone.DOING),
    "applied": State("已生效", Tone.DONE),
    "rolled_back": State("已回退", Tone.WITHDRAWN),
    "discarded": State("已作废", Tone.WITHDRAWN),
}
_KINDS = {
    "new": State("新增", Tone.DONE),
    "moved": State("变更", Tone.DOING),
    "lost": State("失去", Tone.WITHDRAWN),
    "unresolved": State("待确认", Tone.SOON),
    "unchanged": State("不变", Tone.PLAIN),
}
_COUNTY_DIGITS = 6

Handler = Callable[[web.Request], Awaitable[web.Response]]


def routes() -> list[web.RouteDef]:
    """Return the pages of match runs and the steps of one."""
    shown = [
        *ledger_routes(_RUNS, "/match-runs"),
        web.get("/match-runs/{id}", _run),
        *export_routes(_DIFFERENCES, "/match-runs/{id}"),
    ]
    changing = [
        web.post("/match-runs/preview", _preview),
        web.post("/match-runs/{id}/approve", _step(service.approve_run)),
        web.post("/match-runs/{id}/discard", _step(service.discard_run)),
        web.post("/match-runs/{id}/apply", _step(service.apply_run)),
        web.post("/match-runs/{id}/roll-back", _step(service.roll_back_run)),
    ]
    return [*guarded("match.view", shown), *guarded("match.approve", changing)]


async def _load_runs(request: web.Request, query: Query) -> Page:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, "match.view") as look:
        chosen = select(match_run).where(look.scope.where(match_run.c.county))
        if state := query.get("state"):
            chosen = chosen.where(match_run.c.state == state)
        total = (
            await look.connection.execute(select(func.count()).select_from(chosen.subquery()))
        ).scalar_one()
        newest = chosen.order_by(match_run.c.created_at.desc()).limit(query.size).offset(query.offset)
        rows = (await look.connection.execute(newest)).mappings().all()
        counties = await names(look.connection, {row["county"] for row in rows})
        people = await shown_names(look.connection, [row["created_by"] for row in rows])
    return Page([_run_row(row, counties, people) for row in rows], total)


def _run_row(row: RowMapping, counties: Mapping[str, str], people: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "county": counties.get(row["county"], row["county"]),
        "state": row["state"],
        "created_at": row["created_at"],
        "created_by": people[row["created_by"]],
        "riders": row["inputs"]["riders"],
        **{kind: row["counts"].get(kind, 0) for kind in _KINDS},
    }


async def _load_differences(request: web.Request, query: Query) -> Page:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, "match.view") as look:
        run = await store.find_run(look.connection, look.scope, request.match_info["id"])
        rows, total = await list_differences(
            look.connection,
            look.scope,
            run["id"],
            kind=query.get("kind"),
            limit=query.size,
            offset=query.offset,
        )
        look.count(riders=len(rows))
        return Page(rows, total, run["created_at"])


async def _run(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    run = await service.show_run(hub, actor, request.match_info["id"])
    async with hub.look(actor, "match.view") as look:
        county = (await names(look.connection, [run["county"]])).get(run["county"], run["county"])
        people = await shown_names(
            look.connection, [run["approved_by"], run["applied_by"], run["rolled_back_by"]]
        )
        not_restored = await _words_of(look.connection, (run["outcome"] or {}).get("not_restored", []))
        if not_restored:
            look.count(riders=len(not_restored))
    return await render(
        request,
        "assignments/run.html",
        run=run,
        county=county,
        states=_RUN_STATES,
        kinds=_KINDS,
        step=_next_step(run, actor),
        not_restored=not_restored,
        people=people,
        view=await ledger_view(_DIFFERENCES, request, f"/match-runs/{run['id']}"),
    )


async def _words_of(connection: AsyncConnection, riders: Sequence[str]) -> list[str]:
    found = await store.current(connection, riders)
    named = await Names.of(connection, found.values())
    return [f"{rider[:8]}：{named.words(found.get(rider))}" for rider in riders]


def _next_step(run: RowMapping, actor: Actor) -> list[tuple[str, str, str, bool]]:
    """Return the buttons of a run: (path, words, question, primary); the first is the next step."""
    steps = {
        "previewed": [
            ("approve", "审批通过", "", True),
            ("discard", "作废", "作废后不能恢复，确定吗？", False),
        ],
        "approved": [
            ("apply", "使其生效", "将按预览更新骑手匹配结果，确定吗？", True),
            ("discard", "作废", "", False),
        ],
        "applied": [("roll-back", "回退", "将恢复到生效前的匹配结果，确定吗？", False)],
    }
    return steps.get(run["state"], []) if allows(actor, "match.approve") else []


@takes()
async def _preview(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    counties = [code for code in actor.scope.divisions if len(code) == _COUNTY_DIGITS]
    run_id = ""
    for county in counties:
        run_id = await service.preview_run(hub, actor, county)
    raise web.HTTPSeeOther(f"/match-runs/{run_id}" if len(counties) == 1 else "/match-runs")


def _step(use_case: Callable[[Hub, Actor, str], Awaitable[object]]) -> Handler:
    """Return the handler of one step of a run: do it, and show the run as it then is."""

    @takes()
    async def handler(request: web.Request) -> web.Response:
        run_id = request.match_info["id"]
        await use_case(request.app[HUB], request[ACTOR], run_id)
        raise web.HTTPSeeOther(f"/match-runs/{run_id}")

    return handler


async def _run_actions(request: web.Request) -> Sequence[Action]:
    if not allows(request[ACTOR], "match.run"):
        return []
    return [Action("预览匹配", "/match-runs/preview", primary=True, method="post")]


_RUNS = Ledger(
    key="match-runs",
    title="匹配任务",
    purpose="先预览差异，再审批，再生效；生效后可以回退。",
    personal=False,
    columns=[
        Column("created_at", "预览时间", "time"),
        Column("county", "区县"),
        Column("state", "状态", "state", states=_RUN_STATES),
        Column("riders", "在册骑手", "number"),
        *[Column(kind, state.word, "number") for kind, state in _KINDS.items()],
        Column("created_by", "发起人", width=10),
    ],
    filters=[Choice("state", "状态", [(key, state.word) for key, state in _RUN_STATES.items()])],
    load=_load_runs,
    row_url=lambda row: f"/match-runs/{row['id']}",
    actions=_run_actions,
    empty="还没有匹配任务。点“预览匹配”生成第一份预览，预览不会改动任何结果。",
)

_DIFFERENCES = Ledger(
    key="match-differences",
    title="匹配差异",
    purpose="这次匹配会改变什么。",
    personal=True,
    people=lambda row: [row["rider_id"]],
    columns=[
        Column("rider", "骑手编号", "code", width=9),
        Column("kind", "差异", "state", states=_KINDS),
        Column("before", "原结果", width=18),
        Column("after", "新结果", width=24),
        Column("reason", "匹配依据", "reason", width=30),
        Column("outcome", "处理"),
    ],
    filters=[Choice("kind", "差异", [(key, s.word) for key, s in _KINDS.items() if key != "unchanged"])],
    load=_load_differences,
    row_url=lambda row: f"/riders/{row['rider_id']}",
    empty="没有差异：匹配结果与现在生效的一致。",
)
