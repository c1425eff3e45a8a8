"""定时任务: what comes next, what runs now with progress, what ran; a failed one says the cure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any

from aiohttp import web
from sqlalchemy import RowMapping, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import ACTOR, HUB, Look, guarded
from rider_hub.access.policy import allows
from rider_hub.access.small_counts import count_words, shown_count
from rider_hub.access.users import shown_names
from rider_hub.intake.tables import sender
from rider_hub.organizations.tables import party_organization, station
from rider_hub.runs.tables import job_run
from rider_hub.web.ledger import Column, Ledger, ledger_routes, ledger_view
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone

__all__ = ["SCHEDULE", "Scheduled", "Told", "routes"]

_COUNTY = 6

_STATES = {
    "running": State("进行中", Tone.DOING),
    "done": State("已完成", Tone.DONE),
    "failed": State("失败", Tone.OVERDUE),
}


_NOT_TOLD = "有处理结果；数量是全系统合计，不在此列出"


class Told(Enum):
    """How much of a run's counts a viewer learns: they are of the whole hub, whatever the viewer's scope."""

    #: To whom all riders of the hub are in scope: who sees the rows could count them.
    EVERY = auto()
    #: To whom no rider is: the system's administrator, who must see that it works.
    LARGE = auto()
    #: To whom some are: the hub's figure less the own one would be that of the others.
    NOTHING = auto()


@dataclass(frozen=True)
class Scheduled:
    """A job as the page tells of it; the application fills these in, since views lie below jobs."""

    name: str
    title: str
    purpose: str
    due: str
    counted: Mapping[str, str] = field(default_factory=dict)
    #: Counts of what nobody sees row by row, such as invitations: small for every viewer.
    withheld: Collection[str] = ()

    def said(self, counts: Mapping[str, int], told: Told) -> str:
        """Return the counts of a run in words; what was zero is left out where every count is told.

        Where small ones are not, they read 不足5, nought among them.
        """
        if told is Told.NOTHING:
            return _NOT_TOLD if self.counted and counts else ""
        named = [(key, value) for key, value in counts.items() if key in self.counted]
        exact = {key: told is Told.EVERY and key not in self.withheld for key, _ in named}
        return "，".join(
            f"{self.counted[key]} {count_words(shown_count(value, sees_rows=exact[key]))}"
            for key, value in named
            if value or not exact[key]
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
        told = await _told(look)
    jobs = [(job, last.get(job.name)) for job in request.app[SCHEDULE].values()]
    view = await ledger_view(_JOBS, request, "/jobs")
    return await render(request, "views/jobs.html", view=view, jobs=jobs, states=_STATES, told=told)


async def _told(look: Look) -> Told:
    if not allows(look.actor, "riders.view"):
        return Told.LARGE
    return Told.EVERY if await _holds_all(look) else Told.NOTHING


async def _holds_all(look: Look) -> bool:
    """Say whether every county with senders, stations or organizations lies in the viewer's scope."""
    counties = union(
        select(sender.c.county),
        select(func.substr(station.c.division, 1, _COUNTY)).where(station.c.division.is_not(None)),
        select(func.substr(party_organization.c.division, 1, _COUNTY)),
    )
    return all(look.scope.covers(county) for county in (await look.connection.execute(counties)).scalars())


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
        told = await _told(look)
    return Page([_row(row, schedule, people, look.now, told) for row in rows], total, look.now)


def _row(
    row: RowMapping,
    schedule: Mapping[str, Scheduled],
    people: Mapping[str, str],
    now: datetime,
    told: Told,
) -> dict[str, Any]:
    job = schedule.get(row["job"])
    ended: datetime = row["finished_at"] or now
    return {
        **row,
        "title": job.title if job else row["job"],
        "said": row["cure_zh"] or (job.said(row["counts"], told) if job else "") or "没有需要处理的",
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
