"""匹配结果: who is matched to what, and why."""

from aiohttp import web
from sqlalchemy import func, select

from rider_hub.access import ACTOR, HUB, Look, guarded
from rider_hub.assignments import run_pages, store
from rider_hub.assignments.listing import Names, list_assignments
from rider_hub.assignments.tables import assignment
from rider_hub.organizations.pages import street_options
from rider_hub.riders.pages import SECTIONS, Section
from rider_hub.web.ledger import Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query

__all__ = ["prepare", "routes"]


def routes() -> list[web.RouteDef]:
    """Return the pages of assignments and match runs."""
    return [*guarded("match.view", ledger_routes(_ASSIGNMENTS, "/assignments")), *run_pages.routes()]


def prepare(app: web.Application) -> None:
    """Give the rider's drawer its section on assignments."""
    app[SECTIONS].append(_section)


async def _section(look: Look, rider_id: str) -> Section:
    versions = await store.history(look.connection, rider_id)
    found = [store.read(row) for row in versions]
    named = await Names.of(look.connection, found)
    entries = [
        {
            "at": row["valid_from"],
            "title": named.words(each) + ("" if row["valid_to"] is None else "（已失效）"),
            "text": f"依据：{named.reason(each)}",
        }
        for row, each in zip(versions, found, strict=True)
    ]
    return Section("匹配结果", entries, empty="还没有匹配结果。下一次匹配生效后会出现在这里。")


async def _load_assignments(request: web.Request, query: Query) -> Page:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, "match.view") as look:
        rows, total = await list_assignments(
            look.connection,
            look.scope,
            filters=query.filters,
            limit=query.size,
            offset=query.offset,
            sort=query.sort,
            descending=query.descending,
        )
        look.count(riders=len(rows))
        newest = await look.connection.execute(
            select(func.max(assignment.c.valid_from)).where(look.scope.where(assignment.c.division))
        )
        return Page(rows, total, newest.scalar())


_ASSIGNMENTS = Ledger(
    key="assignments",
    title="匹配结果",
    purpose="每位在册骑手对接哪个社区、党组织和驿站，以及依据。匹配只看位置和登记，对所有骑手一视同仁。",
    personal=True,
    people=lambda row: [row["rider_id"]],
    columns=[
        Column("rider", "骑手编号", "code", width=9),
        Column("street", "街道", sortable=True, width=8),
        Column("community", "社区", width=11),
        Column("reason", "匹配依据", "reason", width=24),
        Column("station", "配送站点", sortable=True, width=10),
        Column("station_branch", "站点党组织", width=12),
        Column("community_branch", "社区党组织", width=11),
        Column("instructor", "指导员", width=14, hidden=True),
        Column("love_station", "最近驿站", width=14),
        Column("metres", "距离", "metres"),
        Column("love_stations", "附近驿站", "tags", width=20, hidden=True),
        Column("unresolved", "待确认事项", width=14),
        Column("valid_from", "生效时间", "time", sortable=True),
    ],
    filters=[
        Choice("street", "街道", street_options),
        Choice("unresolved", "待确认", [("yes", "有待确认事项"), ("no", "已确定")]),
        Choice(
            "cover",
            "覆盖方式",
            [
                ("station_branch", "站点党组织"),
                ("community_branch", "社区或兜底党组织"),
                ("instructor", "指导员联系"),
            ],
        ),
    ],
    load=_load_assignments,
    row_url=lambda row: f"/riders/{row['rider_id']}",
    empty="还没有匹配结果。区县工作人员在“匹配任务”里预览、审批并使其生效后，这里会列出每位骑手的匹配结果。",
)
