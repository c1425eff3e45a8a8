"""What the 工作台 counts and lists, for one viewer; opens nobody's personal data."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub, Look
from rider_hub.access.account_listing import ShownAccount, list_accounts, missing_duties
from rider_hub.access.approvals import waiting_for
from rider_hub.access.policy import allows
from rider_hub.assignments.tables import assignment, match_run
from rider_hub.clock import SHANGHAI, check_aware, local_date
from rider_hub.consent.queue import count_waiting
from rider_hub.intake.freshness import feed_states, feeds_late
from rider_hub.intake.sender_keys import changed_lately
from rider_hub.intake.snapshot_listing import count_held
from rider_hub.intake.store import Freshness, freshness
from rider_hub.intake.tables import receipt
from rider_hub.membership.ledger import live_by_rider
from rider_hub.membership.verification import count_unanswered
from rider_hub.organizations.tables import platform
from rider_hub.outreach.model import State as InvitationState
from rider_hub.outreach.store import of_bodies
from rider_hub.parameters import parameter
from rider_hub.requests import store as requests
from rider_hub.requests.clock import soon_until
from rider_hub.requests.listing import Names
from rider_hub.requests.model import Category, status_of
from rider_hub.requests.reach import reach_of
from rider_hub.riders.tables import registration, rider
from rider_hub.runs.tables import job_run

__all__ = ["Desk", "Task", "evening_before", "read_desk"]

_SHOWN = 8
#: What came in "overnight" came in since the office closed the day before.
_OFFICE_CLOSES = time(17, 30)


@dataclass(frozen=True)
class Task:
    """Something that waits for the viewer: how many, what, and where it is done."""

    count: int
    words: str
    path: str


@dataclass
class Desk:
    """Everything the page shows; a part the viewer's role may not see stays None."""

    now: datetime
    since: datetime
    figures: list[tuple[str, int, str]] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    due: list[dict[str, Any]] | None = None
    on_time: float | None = None
    feeds: list[Freshness] | None = None
    #: By platform.
    arrived: dict[str, dict[str, Any]] = field(default_factory=dict)
    platforms: dict[str, str] = field(default_factory=dict)


def evening_before(now: datetime) -> datetime:
    """Return when offices closed on the day before."""
    day = local_date(now) - timedelta(days=1)
    return check_aware(datetime.combine(day, _OFFICE_CLOSES, tzinfo=SHANGHAI))


async def read_desk(hub: Hub, actor: Actor) -> Desk:
    """Return the viewer's desk: each part only where the policy lets the role see it."""
    async with hub.look(actor, "desk.view") as look:
        desk = Desk(look.now, evening_before(look.now))
        if allows(actor, "riders.view"):
            desk.figures.append(("在册骑手", await _active_riders(look), "/riders?state=active"))
        if allows(actor, "match.view"):
            desk.figures.append(("匹配待确认", await _unresolved(look), "/assignments?unresolved=yes"))
        if allows(actor, "requests.view"):
            await _add_requests(look, desk)
        if allows(actor, "match.approve"):
            await _add_runs(look, desk)
        if allows(actor, "invitations.send") and actor.organizations:
            waiting = await _to_invite(hub, look)
            desk.tasks.append(Task(waiting, "位骑手等您决定是否邀请", "/invitations"))
        if allows(actor, "exports.approve") or allows(actor, "emergency.approve"):
            asked = await waiting_for(look, hub.keys)
            desk.tasks.append(Task(asked, "份导出、紧急访问申请等您审批", "/approvals?state=asked"))
        await _add_people(hub, look, desk)
        if allows(actor, "jobs.view"):
            desk.tasks.append(
                Task(await _failed_jobs(look, desk.since), "个定时任务失败", "/jobs?state=failed")
            )
        if allows(actor, "users.change"):
            desk.tasks += _vacant(await list_accounts(look, hub.keys))
        if allows(actor, "feeds.view"):
            await _add_feeds(look, desk)
        desk.tasks = [task for task in desk.tasks if task.count]
        return desk


def _vacant(accounts: list[ShownAccount]) -> list[Task]:
    # A hub without any account is at its first start, which has a page of its own.
    missing = missing_duties(accounts) if accounts else []
    posts = "、".join(role.title_zh for role in missing)
    return [Task(len(missing), f"项职责还没有人：{posts}，请先建立账号", "/accounts")]


async def _add_requests(look: Look, desk: Desk) -> None:
    soon = soon_until(look.now)
    waiting, overdue = await requests.counts_waiting(look.connection, reach_of(look.actor), look.now)
    desk.figures.append(("待答复诉求", waiting, "/requests?state=pending"))
    desk.figures.append(("已超期诉求", overdue, "/requests?state=overdue"))
    rows, _ = await requests.list_requests(
        look.connection,
        reach_of(look.actor),
        filters={"state": "pending"},
        now=look.now,
        soon=soon,
        limit=_SHOWN,
        offset=0,
    )
    named = await Names.of(look.connection, rows)
    desk.on_time = await requests.on_time_rate(look.connection, reach_of(look.actor), look.now)
    desk.due = [
        {
            "path": f"/requests/{row['id']}",
            "place": named.place(row["division"]),
            "category": Category(row["category"]).title_zh,
            "status": status_of(row["state"], row["due_at"], now=look.now, soon=soon),
            "due_at": row["due_at"],
            "organization": named.body(row["organization"]),
        }
        for row in rows
    ]


async def _add_people(hub: Hub, look: Look, desk: Desk) -> None:
    """Add what single riders asked of the viewer, as figures alone."""
    if allows(look.actor, "rights.handle"):
        waiting, overdue = await count_waiting(look)
        words = f"项权利请求待办理（{overdue} 项已超期）" if overdue else "项权利请求待办理"
        desk.tasks.append(Task(waiting, words, "/rights?state=open"))
    if allows(look.actor, "membership.verify"):
        asked = await count_unanswered(hub, look)
        desk.tasks.append(Task(asked, "条申报等您核验", "/members?state=waiting"))


async def _add_runs(look: Look, desk: Desk) -> None:
    for state, words in (("previewed", "份匹配预览待审批"), ("approved", "份匹配已审批，待生效")):
        query = select(func.count()).where(match_run.c.state == state, look.scope.where(match_run.c.county))
        count = (await look.connection.execute(query)).scalar_one()
        desk.tasks.append(Task(count, words, f"/match-runs?state={state}"))


async def _add_feeds(look: Look, desk: Desk) -> None:
    late = feeds_late(await feed_states(look.connection, look.scope, look.now))
    desk.feeds = await freshness(look.connection, look.scope, late)
    desk.arrived = await _arrived(look, desk.since)
    desk.platforms = await _platform_names(look.connection)
    waiting = sum(feed.waiting_rows for feed in desk.feeds)
    held = sum(feed.held_rows for feed in desk.feeds)
    desk.tasks.append(Task(len(late), "家平台逾期未报送数据", "/feeds"))
    if allows(look.actor, "snapshots.decide"):
        snapshots = await count_held(look)
        desk.tasks.append(
            Task(snapshots, "份全量名册待核对：将离开的骑手过多", "/feeds/snapshots?state=held")
        )
    desk.tasks.append(Task(waiting, "行数据待修正", "/feeds"))
    desk.tasks.append(Task(held, "行数据整批暂存，待核对坐标系", "/feeds"))
    if allows(look.actor, "senders.keys"):
        desk.tasks += [await _new_keys(look, feed.platform) for feed in desk.feeds]


async def _new_keys(look: Look, platform: str) -> Task:
    """Tell that others changed a platform's signing keys this week: nothing to do, but to be known."""
    since = look.now - timedelta(days=7)
    changes = await changed_lately(look.connection, platform, look.now)
    news = sum(one["at"] > since and one["by"] != look.actor.id for one in changes)
    return Task(news, f"次签名密钥变动（{platform}，近 7 天），请知悉", f"/feeds/senders/{platform}/keys")


async def _active_riders(look: Look) -> int:
    window = timedelta(days=parameter("matching.active_window").value)
    query = (
        select(func.count(registration.c.rider_id.distinct()))
        .join(rider, rider.c.id == registration.c.rider_id)
        .where(registration.c.state == "active", registration.c.seen_at > look.now - window)
        .where(look.scope.where(rider.c.division))
    )
    return int((await look.connection.execute(query)).scalar_one())


async def _unresolved(look: Look) -> int:
    query = select(func.count()).where(
        assignment.c.valid_to.is_(None),
        assignment.c.unresolved.is_not(None),
        look.scope.where(assignment.c.division),
    )
    return int((await look.connection.execute(query)).scalar_one())


async def _failed_jobs(look: Look, since: datetime) -> int:
    query = select(func.count()).where(job_run.c.state == "failed", job_run.c.started_at > since)
    return int((await look.connection.execute(query)).scalar_one())


async def _to_invite(hub: Hub, look: Look) -> int:
    """Count the invitations of the viewer's bodies that wait to be sent and whose consent is live now."""
    rows = await of_bodies(look.connection, hub.keys, look.actor.organizations)
    waiting = [each for each in rows if each.state == InvitationState.SURFACED]
    consents = await live_by_rider(look.connection, hub.keys, (each.rider_id for each in waiting))
    live = {consent.id for found in consents.values() for consent in found}
    return sum(each.consent in live for each in waiting)


async def _arrived(look: Look, since: datetime) -> dict[str, dict[str, Any]]:
    totals = [func.sum(receipt.c[name]).label(name) for name in ("received", "accepted", "rejected")]
    query = (
        select(receipt.c.platform, *totals)
        .where(receipt.c.created_at > since)
        .where(look.scope.where(receipt.c.county, receipt.c.platform))
        .group_by(receipt.c.platform)
    )
    return {row["platform"]: dict(row) for row in (await look.connection.execute(query)).mappings()}


async def _platform_names(connection: AsyncConnection) -> dict[str, str]:
    rows = await connection.execute(select(platform.c.code, platform.c.name))
    return {row.code: row.name for row in rows}
