"""定时任务: what ran, what runs now, what failed and the cure."""

from aiohttp import web
from sqlalchemy import func, select

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.runs.tables import job_run
from rider_hub.web.ledger import Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.values import State, Tone

__all__ = ["JOB_TITLES", "routes"]

_STATES = {
    "running": State("进行中", Tone.DOING),
    "done": State("已完成", Tone.DONE),
    "failed": State("失败", Tone.OVERDUE),
}

#: Names of jobs on pages, filled by the application: views lie below jobs and don't know them.
JOB_TITLES: web.AppKey[dict[str, str]] = web.AppKey("job_titles", dict)


def routes() -> list[web.RouteDef]:
    """Return the page of scheduled jobs."""
    return guarded("jobs.view", ledger_routes(_JOBS, "/jobs"))


async def _load(request: web.Request, query: Query) -> Page:
    hub, titles = request.app[HUB], request.app[JOB_TITLES]
    async with hub.look(request[ACTOR], "jobs.view") as look:
        chosen = select(job_run)
        if state := query.get("state"):
            chosen = chosen.where(job_run.c.state == state)
        total = (
            await look.connection.execute(select(func.count()).select_from(chosen.subquery()))
        ).scalar_one()
        newest = chosen.order_by(job_run.c.started_at.desc()).limit(query.size).offset(query.offset)
        rows = (await look.connection.execute(newest)).mappings().all()
        now = look.now
    return Page(
        [
            {
                **row,
                "title": titles.get(row["job"], row["job"]),
                "said": row["cure_zh"] or "，".join(f"{key} {value}" for key, value in row["counts"].items()),
                "seconds": ((row["finished_at"] or now) - row["started_at"]).total_seconds(),
            }
            for row in rows
        ],
        total,
        now,
    )


_JOBS = Ledger(
    key="jobs",
    title="定时任务",
    purpose="系统按时自动做的事：做了什么、结果如何；失败的写明怎么办。",
    columns=[
        Column("title", "任务", width=10),
        Column("state", "状态", "state", states=_STATES),
        Column("due_at", "应运行时间", "time"),
        Column("started_at", "开始", "time", hidden=True),
        Column("seconds", "用时(秒)", "number"),
        Column("progress", "进度(%)", "number"),
        Column("said", "结果或处理办法", width=36),
        Column("started_by", "由谁启动", "code", width=12),
    ],
    filters=[Choice("state", "状态", [(key, state.word) for key, state in _STATES.items()])],
    load=_load,
    empty="还没有运行过定时任务。到点后会自动运行并记录在这里。",
)
