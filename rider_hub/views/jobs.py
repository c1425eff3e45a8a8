"""定时任务: what comes next, what runs now with progress, what ran; a failed one says the cure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import ACTOR, HUB, Look, guarded
from rider_hub.access.policy import allows
from rider_hub.access.small_counts import count_words, shown_count
from rider_hub.access.users import shown_names
from rider_hub.runs.tables import job_run
from rider_hub.web.ledger import Column, Ledger, ledger_routes, ledger_view
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone

__all__ = ["SCHEDULE", "Scheduled", "routes"]

_STATES = {
    "running": State("进行中", Tone.DOING),
    "done": State("已完成", Tone.DONE),
    "failed": State("失败", Tone.OVERDUE),
}


@dataclass(frozen=True)
class Scheduled:
    """A job as the page tells of it; the application fills these in, since views lie below jobs."""

    name: str
    title: str
    purpose: str
    due: str
    counted: Mapping[str, str] = field(default_factory=dict)

    def said(self, counts: Mapping[str, int], *, sees_rows: bool) -> str:
        """Return the counts of a run in words; what was zero is left out.

        For whoever may not see riders, small counts read 不足5, nought among them.
        """
        told = [(self.counted[key], value) for key, value in counts.items() if key in self.counted]
        return "，".join(
            f"{words} {count_words(shown_count(value, sees_rows=sees_rows))}"
            for words, value in told
            if value or not sees_rows
        )


#: Where the application keeps what is scheduled.
SCHEDULE: web.AppKey[Mapping[str, Scheduled]] = web.AppKey("schedule", dict)


def routes() -> list[web.RouteDef]:
    """Return the page of scheduled jobs."""
    _, export = ledger_routes(_JOBS, "/jobs")
    return guarded("jobs.view", [web.get("/jobs", _page), export])


async def _page(request: web.Request) -> web.Response:
    async with request.app[HUB].look(request[ACTOR], "jobs.view") as look:
        last = await _last_runs(look.connection)
    jobs = [(job, last.get(job.name)) for job in request.app[SCHEDULE].values()]
    view = await ledger_view(_JOBS, request, "/jobs")
    sees_rows = allows(request[ACTOR], "riders.view")
    return await render(request, "views/jobs.html", view=view, jobs=jobs, states=_STATES, sees_rows=sees_rows)


async def _last_runs(connection: AsyncConnection) -> dict[str, RowMapping]:
    newest = (
        select(job_run.c.job, func.max(job_run.c.due_at).label("due_at")).group_by(job_run.c.job).subquery()
    )
    query = select(job_run).join(
        newest, (job_run.c.job == newest.c.job) & (job_run.c.due_at == newest.c.due_at)
    )
    return {row["job"]: row for row in (await connection.execute(query)).mappings()}


async def _load(request: web.Request, query: Query) -> Page:
    schedule = request.app[SCHEDULE]
    async with request.app[HUB].look(request[ACTOR], "jobs.view") as look:
        chosen = select(job_run)
        if name := query.get("job"):
            chosen = chosen.where(job_run.c.job == name)
        if state := query.get("state"):
            chosen = chosen.where(job_run.c.state == state)
        if query.get("all") is None:
            chosen = chosen.where(job_run.c.worked | (job_run.c.state != "done"))
        total = (
            await look.connection.execute(select(func.count()).select_from(chosen.subquery()))
        ).scalar_one()
        newest = (
            chosen.order_by(job_run.c.started_at.desc(), job_run.c.id).limit(query.size).offset(query.offset)
        )
        rows = (await look.connection.execute(newest)).mappings().all()
        people = await shown_names(look.connection, [row["started_by"] for row in rows])
    return Page([_row(row, schedule, people, look) for row in rows], total, look.now)


def _row(
    row: RowMapping, schedule: Mapping[str, Scheduled], people: Mapping[str, str], look: Look
) -> dict[str, Any]:
    job = schedule.get(row["job"])
    ended: datetime = row["finished_at"] or look.now
    return {
        **row,
        "title": job.title if job else row["job"],
        "said": row["cure_zh"]
        or (job.said(row["counts"], sees_rows=allows(look.actor, "riders.view")) if job else "")
        or "没有需要处理的",
        "seconds": round((ended - row["started_at"]).total_seconds(), 1),
        "started_by": people[row["started_by"]],
    }


async def _job_options(request: web.Request) -> Sequence[tuple[str, str]]:
    return [(job.name, job.title) for job in request.app[SCHEDULE].values()]


_JOBS = Ledger(
    key="jobs",
    title="定时任务",
    purpose="系统按时自动做的事：做了什么、结果如何；失败的写明怎么办。",
    personal=False,
    columns=[
        Column("title", "任务", width=10),
        Column("state", "状态", "state", states=_STATES),
        Column("due_at", "应运行时间", "time"),
        Column("started_at", "开始", "time", hidden=True),
        Column("seconds", "用时(秒)", "number"),
        Column("progress", "进度(%)", "number"),
        Column("said", "结果或处理办法", width=30),
        Column("started_by", "由谁启动", width=10),
    ],
    filters=[
        Choice("job", "任务", _job_options),
        Choice("state", "状态", [(key, state.word) for key, state in _STATES.items()]),
        Choice("all", "没有需要处理的", [("yes", "也显示")]),
    ],
    load=_load,
    empty="还没有处理过内容的运行。到点后会自动运行并记录在这里。",
)
