"""审批: what a second person is asked for, and the answer; one's own asks and their downloads."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, Actor, Role, approvals, guarded
from rider_hub.access.answering import answer, end
from rider_hub.access.approval_model import Approval, Kind
from rider_hub.access.approval_model import State as Stage
from rider_hub.access.inputs import takes
from rider_hub.access.policy import allows
from rider_hub.access.users import shown_names
from rider_hub.parameters import parameter
from rider_hub.web.exporting import approval_url
from rider_hub.web.forms import Form, read_form
from rider_hub.web.ledger import Action, Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone

__all__ = ["ASK_COLUMNS", "STATES", "approval_row", "routes"]

_OPERATION = "approvals.view"
STATES = {
    Stage.ASKED.value: State("待审批", Tone.TODO),
    Stage.APPROVED.value: State("已批准", Tone.DOING),
    Stage.REJECTED.value: State("未批准", Tone.WITHDRAWN),
    Stage.EXPIRED.value: State("已到期", Tone.PLAIN),
    Stage.USED.value: State("已用完", Tone.DONE),
    Stage.ENDED.value: State("已结束", Tone.WITHDRAWN),
}

#: What the list of asks and that of emergency access both show, in the order one reads them.
ASK_COLUMNS = (
    Column("state", "状态", "state", states=STATES),
    Column("asked_by", "申请人", width=8),
    Column("what", "内容", width=10),
    Column("purpose", "用途", width=8),
    Column("asked_at", "申请时间", "time"),
    Column("decided_by", "审批人", width=4),
    Column("lapses_at", "有效至", "time"),
)

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Answer(msgspec.Struct):
    """What an approver may say beside yes or no."""

    note: Annotated[str, msgspec.Meta(title="说明", max_length=100)] = ""


def routes() -> list[web.RouteDef]:
    """Return the pages of approvals; who may answer which is decided where it is answered."""
    return guarded(
        _OPERATION,
        [
            *ledger_routes(_LEDGER, "/approvals"),
            web.get("/approvals/{id}", _one),
            web.post("/approvals/{id}/approve", _answering(approve=True)),
            web.post("/approvals/{id}/reject", _answering(approve=False)),
            web.post("/approvals/{id}/end", _end),
        ],
    )


async def _load(request: web.Request, query: Query) -> Page:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, _OPERATION) as look:
        found = await approvals.listed(look, hub.keys)
        if state := query.get("state"):
            found = [one for one in found if one.state == state]
        if kind := query.get("kind"):
            found = [one for one in found if one.kind == kind]
        people = await shown_names(look.connection, [name for one in found for name in _people(one)])
    end_ = None if query.size is None else query.offset + query.size
    rows = [approval_row(one, people) for one in found[query.offset : end_]]
    return Page(rows, len(found), look.now)


def approval_row(one: Approval, people: Mapping[str, str]) -> dict[str, Any]:
    """Return one ask as a row of a list."""
    return {
        "id": one.id,
        "number": one.number,
        "kind": one.kind.title_zh,
        "state": one.state.value,
        "what": _what(one),
        "purpose": one.purpose,
        "asked_by": f"{people[one.asked_by]}（{one.details.get('unit', '')}）",
        "asked_at": one.asked_at,
        "decided_by": people.get(one.decided_by or ""),
        "decided_at": one.decided_at,
        "lapses_at": one.lapses_at,
        "ended_at": one.ended_at,
        "uses": one.uses if one.kind is Kind.EXPORT else None,
    }


def _what(one: Approval) -> str:
    """Say what is asked for in one line."""
    said = one.details
    if one.kind is Kind.EXPORT:
        rows = "" if said["rows"] is None else f"，申请时 {said['rows']:,} 行"
        return f"{said['title']}{rows}；筛选条件：{said['filters']}"
    return f"{said['title']} {Role(said['role']).title_zh}，{_span(said['minutes'])}"


def _span(minutes: int) -> str:
    return f"{minutes // 60} 小时" if minutes % 60 == 0 else f"{minutes} 分钟"


def _people(one: Approval) -> list[str]:
    return [name for name in (one.asked_by, one.decided_by, one.ended_by) if name]


async def _one(request: web.Request) -> web.Response:
    return await _shown(request, Form.filled())


async def _shown(request: web.Request, form: Form[Answer], status: int = 200) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, _OPERATION) as look:
        found = await approvals.find(look, hub.keys, request.match_info["id"])
        people = await shown_names(look.connection, _people(found))
    return await render(
        request,
        "views/approval.html",
        status=status,
        it=found,
        row=approval_row(found, people),
        states=STATES,
        form=form,
        steps=_steps(found, people),
        mine=found.asked_by == actor.id,
        may_decide=found.state is Stage.ASKED and approvals.may_decide(actor, found),
        may_end=found.is_open and approvals.may_end(actor, found),
        download=_download(found, actor),
        hours=int(parameter("access.export_hours").value),
        downloads=int(parameter("access.export_downloads").value),
    )


def _steps(one: Approval, people: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what happened, the oldest first."""
    steps = [{"at": one.asked_at, "title": "提出申请", "text": one.purpose, "by": people[one.asked_by]}]
    if one.decided_at is not None:
        word = "未批准" if one.state is Stage.REJECTED else "批准"
        steps.append(
            {"at": one.decided_at, "title": word, "text": one.note, "by": people[one.decided_by or ""]}
        )
    if one.ended_at is not None:
        word = "提前结束" if one.decided_at else "撤回"
        steps.append({"at": one.ended_at, "title": word, "text": "", "by": people[one.ended_by or ""]})
    return steps


def _download(one: Approval, actor: Actor) -> str | None:
    ready = one.kind is Kind.EXPORT and one.state is Stage.APPROVED and one.asked_by == actor.id
    return f"{one.details['path']}/export.xlsx?approval={one.id}" if ready else None


def _answering(*, approve: bool) -> Handler:
    @takes(Answer)
    async def handler(request: web.Request) -> web.Response:
        form = await read_form(request, Answer)
        if form.value is None:
            return await _shown(request, form, status=422)
        approval_id = request.match_info["id"]
        await answer(request.app[HUB], request[ACTOR], approval_id, approve=approve, note=form.value.note)
        raise web.HTTPSeeOther(approval_url(approval_id))

    return handler


@takes()
async def _end(request: web.Request) -> web.Response:
    ended = await end(request.app[HUB], request[ACTOR], request.match_info["id"])
    raise web.HTTPSeeOther(approval_url(ended.id))


async def _actions(request: web.Request) -> Sequence[Action]:
    may = allows(request[ACTOR], "emergency.ask")
    return [Action("申请紧急访问", "/emergency/new")] if may else []


_LEDGER = Ledger(
    key="approvals",
    title="审批",
    purpose="导出个人信息、紧急访问都要第二人同意。这里是等您答复的、您申请的和您答复过的。",
    personal=False,
    columns=[
        Column("number", "编号", "code", width=8),
        Column("kind", "事项", width=4),
        *ASK_COLUMNS,
        Column("uses", "已下载", "number", hidden=True),
    ],
    filters=[
        Choice("state", "状态", [(key, state.word) for key, state in STATES.items()]),
        Choice("kind", "事项", [(kind.value, kind.title_zh) for kind in Kind]),
    ],
    load=_load,
    row_url=lambda row: approval_url(row["id"]),
    actions=_actions,
    empty="还没有您申请的，也没有等您答复的。台账右上角的“申请导出”、本页右上角的“申请紧急访问”提交后，申请人和审批人都在这里看到。",
)
