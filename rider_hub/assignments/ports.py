"""What becomes of a rider's matches on copy and erasure."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Change, Keyring, Look
from rider_hub.assignments.store import history
from rider_hub.assignments.tables import assignment, match_change, match_run
from rider_hub.consent.ports import Section

__all__ = ["erase", "export", "forget_changes", "forget_past"]


async def erase(work: Change, keys: Keyring, rider_id: str) -> int:  # noqa: ARG001 - every port has one signature
    """Delete a rider's assignments and staged differences; each run keeps how many of its own are missing."""
    mine = match_change.c.rider_id == rider_id
    runs = Counter((await work.connection.execute(select(match_change.c.run_id).where(mine))).scalars())
    for run_id, count in sorted(runs.items()):
        row = await work.connection.execute(select(match_run.c.inputs).where(match_run.c.id == run_id))
        inputs = dict(row.scalar_one())
        inputs["missing"] = inputs.get("missing", 0) + count
        await work.connection.execute(update(match_run).where(match_run.c.id == run_id).values(inputs=inputs))
    await work.connection.execute(delete(match_change).where(mine))
    gone = await work.connection.execute(delete(assignment).where(assignment.c.rider_id == rider_id))
    return int(gone.rowcount) + sum(runs.values())


async def export(look: Look, keys: Keyring, rider_id: str) -> Sequence[Section]:  # noqa: ARG001 - every port has one signature
    """Return every version of a rider's match, with its reasons."""
    versions = [
        {
            "version": row["version"],
            "division": row["division"],
            "station": row["station"],
            "station_branch": row["station_branch"],
            "community_branch": row["community_branch"],
            "instructor": row["instructor"],
            "love_stations": [near["code"] for near in row["love_stations"]],
            "reasons": [f"{part}: {code}" for part, code in sorted(row["reasons"].items())],
            "unresolved": row["unresolved"],
            "valid_from": row["valid_from"],
            "valid_to": row["valid_to"],
        }
        for row in await history(look.connection, rider_id)
    ]
    query = select(match_change).where(match_change.c.rider_id == rider_id).order_by(match_change.c.run_id)
    staged = [
        {"run": row["run_id"], "kind": row["kind"], "applied": row["applied"], "skipped": row["skipped"]}
        for row in (await look.connection.execute(query)).mappings()
    ]
    return [
        Section(
            "assignments",
            "匹配结果",
            ("assignment",),
            {
                "version": "版本",
                "division": "区划代码",
                "station": "站点",
                "station_branch": "站点党组织",
                "community_branch": "社区党组织",
                "instructor": "指导员",
                "love_stations": "就近驿站",
                "reasons": "依据",
                "unresolved": "待确认",
                "valid_from": "起",
                "valid_to": "止",
            },
            versions,
        ),
        Section(
            "match_changes",
            "匹配任务中的变化",
            ("match_change",),
            {"run": "任务", "kind": "变化", "applied": "已生效", "skipped": "已跳过"},
            staged,
        ),
    ]


async def forget_past(connection: AsyncConnection, before: datetime) -> int:
    """Delete assignments that ended before a time; returns how many."""
    return int((await connection.execute(delete(assignment).where(assignment.c.valid_to < before))).rowcount)


async def forget_changes(connection: AsyncConnection, before: datetime) -> int:
    """Delete the staged differences of runs made before a time; returns how many. The run itself stays."""
    runs = select(match_run.c.id).where(match_run.c.created_at < before)
    gone = await connection.execute(delete(match_change).where(match_change.c.run_id.in_(runs)))
    return int(gone.rowcount)
