"""活动邀请 and 活动: a body's worklist and what is announced; no page shows who declared what."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.clock import SHANGHAI, check_aware
from rider_hub.errors import Conflict, Invalid
from rider_hub.outreach.activities import create_activity, list_activities, own_organizations
from rider_hub.outreach.model import KINDS
from rider_hub.outreach.model import State as Stage
from rider_hub.outreach.sending import Task, find_task, invite, mark_attended, worklist
from rider_hub.web.forms import Form, read_form
from rider_hub.web.ledger import Action, Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.shell import render
from rider_hub.web.values import Tone, titled

__all__ = ["routes"]

STATES = titled(
    {
        Stage.SURFACED: Tone.TODO,
        Stage.INVITED: Tone.DOING,
        Stage.ACCEPTED: Tone.DOING,
        Stage.DECLINED: Tone.PLAIN,
        Stage.NO_ANSWER: Tone.PLAIN,
        Stage.ATTENDED: Tone.DONE,
    }
)
_OPENNESS = {True: "所有骑手", False: "本组织"}


class NewActivity(msgspec.Struct):
    """What the form of a new activity holds; times are those of Beijing."""

    organization: Annotated[str, msgspec.Meta(title="主办组织", max_length=48)]
    title: Annotated[str, msgspec.Meta(title="活动名称", max_length=60)]
    kind: Annotated[str, msgspec.Meta(title="活动类别", max_length=32)]
    audience: Annotated[str, msgspec.Meta(title="面向", pattern="^(open|own)$")]
    starts_at: Annotated[str, msgspec.Meta(title="开始时间", max_length=19)]
    ends_at: Annotated[str, msgspec.Meta(title="结束时间", max_length=19)]
    place: Annotated[str, msgspec.Meta(title="地点", max_length=60)] = ""


def routes() -> list[web.RouteDef]:
    """Return the pages of invitations and activities."""
    shown = [*ledger_routes(_WORKLIST, "/invitations"), web.get("/invitations/{id}", _one)]
    sending = [
        web.post("/invitations/{id}/invite", _invite),
        web.post("/invitations/{id}/attended", _attended),
    ]
    announcing = [
        *ledger_routes(_ACTIVITIES, "/activities"),
        web.get("/activities/new", _new),
        web.post("/activities/new", _create),
    ]
    return [
        *guarded("invitations.view", shown),
        *guarded("invitations.send", sending),
        *guarded("activities.change", announcing),
    ]


async def _load_worklist(request: web.Request, query: Query) -> Page:
    tasks = await worklist(request.app[HUB], request[ACTOR])
    wanted = query.get("state")
    rows = [_row(task) for task in tasks if wanted in {None, task.invitation.state.value}]
    end = None if query.size is None else query.offset + query.size
    return Page(rows[query.offset : end], len(rows))


def _row(task: Task) -> dict[str, Any]:
    return {
        "id": task.invitation.id,
        "name": task.name,
        "activity": task.activity.title,
        "starts_at": task.activity.starts_at,
        "place": task.activity.place,
        "why": task.why,
        "state": task.invitation.state.value,
        "next": task.next_step,
        "body": task.body,
    }


async def _one(request: web.Request) -> web.Response:
    return await _show(request)


async def _show(request: web.Request, fault: str = "", status: int = 200) -> web.Response:
    hub = request.app[HUB]
    task = await find_task(hub, request[ACTOR], request.match_info["id"])
    return await render(
        request,
        "outreach/invitation.html",
        status=status,
        task=task,
        states=STATES,
        kind=KINDS.get(task.activity.kind, task.activity.kind),
        fault=fault,
        may_invite=task.invitation.state == Stage.SURFACED,
        may_mark=task.activity.starts_at <= hub.clock.now()
        and task.invitation.state in {Stage.INVITED, Stage.ACCEPTED, Stage.NO_ANSWER},
    )


@takes()
async def _invite(request: web.Request) -> web.Response:
    try:
        await invite(request.app[HUB], request[ACTOR], request.match_info["id"])
    except Conflict as refusal:
        return await _show(request, refusal.zh, refusal.status)
    return _see("/invitations")


@takes()
async def _attended(request: web.Request) -> web.Response:
    try:
        await mark_attended(request.app[HUB], request[ACTOR], request.match_info["id"])
    except Conflict as refusal:
        return await _show(request, refusal.zh, refusal.status)
    return _see("/invitations")


async def _load_activities(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], "activities.change") as look:
        rows, total = await list_activities(
            look, coming=query.get("when") != "past", limit=query.size, offset=query.offset
        )
    for row in rows:
        row["kind"] = KINDS.get(row["kind"], row["kind"])
        row["audience"] = _OPENNESS[row["open_to_all"]]
    return Page(rows, total)


async def _new(request: web.Request) -> web.Response:
    return await _form(request, Form.filled(audience="open"))


@takes(NewActivity)
async def _create(request: web.Request) -> web.Response:
    form = await read_form(request, NewActivity)
    if form.value is None:
        return await _form(request, form, status=422)
    given = form.value
    times: dict[str, datetime] = {}
    for name, text in (("starts_at", given.starts_at), ("ends_at", given.ends_at)):
        try:
            times[name] = check_aware(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI))
        except (ValueError, OverflowError):  # the first day of all has no such hour in UTC
            form = form.failed(name, "time_unreadable", "请选择日期和时间", "choose a date and a time")
    if form.errors:
        return await _form(request, form, status=422)
    try:
        await create_activity(
            request.app[HUB],
            request[ACTOR],
            organization=given.organization,
            title=given.title,
            kind=given.kind,
            open_to_all=given.audience == "open",
            place=given.place or None,
            starts_at=times["starts_at"],
            ends_at=times["ends_at"],
        )
    except Invalid as refusal:
        for fault in refusal.errors:
            form = form.failed(fault.path, fault.code, fault.zh, fault.en)
        return await _form(request, form, status=422)
    return _see("/activities")


async def _form(request: web.Request, form: Form[Any], status: int = 200) -> web.Response:
    async with request.app[HUB].look(request[ACTOR], "activities.change") as look:
        organizations = await own_organizations(look)
    return await render(
        request,
        "outreach/activity_new.html",
        status=status,
        form=form,
        organizations=organizations,
        kinds=list(KINDS.items()),
    )


def _see(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})


async def _announce_action(_: web.Request) -> list[Action]:
    return [Action("登记活动", "/activities/new", primary=True)]


_WORKLIST = Ledger(
    key="invitations",
    title="活动邀请",
    purpose="本人同意由您的组织邀请的骑手：请谁、参加什么、为什么、办到哪一步。骑手撤回同意后，这里马上不再显示。",
    personal=True,
    columns=[
        Column("name", "骑手", width=6),
        Column("activity", "活动", width=16),
        Column("starts_at", "开始时间", kind="time", width=12),
        Column("place", "地点", width=16, hidden=True),
        Column("why", "依据", width=28),
        Column("state", "状态", kind="state", states=STATES),
        Column("next", "下一步", width=16),
        Column("body", "党组织", width=16, hidden=True),
    ],
    load=_load_worklist,
    empty="这里会出现同意由您的组织邀请的骑手。系统每小时按近期活动提出一次建议；先到“活动”里登记近期活动。",
    filters=[Choice("state", "状态", [(key, state.word) for key, state in STATES.items()])],
    row_url=lambda row: f"/invitations/{row['id']}",
    actions=[Action("查看活动", "/activities")],
)
_ACTIVITIES = Ledger(
    key="activities",
    title="活动",
    purpose="各组织近期的活动。登记以后，系统会向同意接收邀请的骑手提出邀请建议，由主办组织决定是否发出。",
    personal=False,
    columns=[
        Column("title", "活动", width=20),
        Column("kind", "类别", width=6),
        Column("organizer", "主办组织", width=20),
        Column("audience", "面向", width=6),
        Column("starts_at", "开始时间", kind="time", width=12),
        Column("ends_at", "结束时间", kind="time", width=12, hidden=True),
        Column("place", "地点", width=20),
    ],
    load=_load_activities,
    empty="还没有活动。点右上角“登记活动”添加第一个。",
    filters=[Choice("when", "时间", [("past", "已结束")])],
    actions=_announce_action,
)
