"""How a ledger leaves the hub: at once where no row is a person, else asked for, approved and watermarked."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from rider_hub.access import ACTOR, HUB, Actor, approvals
from rider_hub.access.actor import PUBLIC
from rider_hub.access.approval_model import Approval, Kind, State
from rider_hub.access.audit import is_private
from rider_hub.access.guard import operation_of
from rider_hub.access.purposes import EXPORT_REASONS, Purpose
from rider_hub.access.users import shown_names
from rider_hub.errors import Absent, Conflict, Invalid
from rider_hub.parameters import parameter
from rider_hub.web.cells import plain_of
from rider_hub.web.export import Sheet, SheetColumn, attachment, write_workbook
from rider_hub.web.forms import Form, PurposeForm, read_form
from rider_hub.web.ledger_view import Ledger, LedgerView, asked
from rider_hub.web.query import Page, Query, Text
from rider_hub.web.shell import SHELL, render
from rider_hub.web.values import minute

__all__ = ["approval_url", "ask", "asking", "direct", "take"]

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def approval_url(approval_id: str) -> str:
    """Return the page of one ask, for its asker and those who may answer it."""
    return f"/approvals/{approval_id}"


async def direct(ledger: Ledger, request: web.Request) -> web.Response:
    """Answer with the workbook of a ledger that is about no person; the trail counts its rows."""
    query, choices = await asked(ledger, request, request.query)
    page = await ledger.load(request, _everything(query))
    hub, actor = request.app.get(HUB), request.get(ACTOR, PUBLIC)
    body = await _write(ledger, request, page, _words(ledger, query, choices))
    if hub is not None:
        async with hub.change(actor, "exports.direct", target=f"ledger:{ledger.key}") as work:
            work.count(rows=len(page.rows))
    return _answer(ledger, request, body)


async def asking(ledger: Ledger, request: web.Request) -> web.Response:
    """Show what would be exported, and ask what for."""
    return await _form(ledger, request, Form.filled())


async def ask(ledger: Ledger, request: web.Request) -> web.Response:
    """Write the ask down and lead to its page."""
    form = await read_form(request, PurposeForm)
    hub, actor = request.app[HUB], request[ACTOR]
    try:
        given = form.checked()
        purpose = Purpose.stated(EXPORT_REASONS, given.reason, given.purpose)
    except Invalid as error:
        return await _form(ledger, request, Form(values=form.values, errors=error.errors), status=422)
    _check_own_powers(actor)
    query, choices = await asked(ledger, request, request.query)
    counted = await ledger.load(request, Query(size=20, filters=query.filters))
    operation = operation_of(request.match_info.handler)
    # How many a body may invite is the body's to know alone: neither the approver nor the trail is told.
    private = is_private(operation or "")
    details = {
        "ledger": ledger.key,
        "title": ledger.title,
        "path": request.path.removesuffix("/export"),
        "query": query.url("", page=1, size=Query.size),
        "filters": _words(ledger, query, choices),
        "rows": None if private else counted.total,
        "operation": operation,
        "unit": actor.scope_title,
    }
    lapses = timedelta(hours=parameter("access.ask_hours").value)
    async with hub.change(actor, "exports.ask", purpose=purpose.text) as work:
        work.count(**({} if private else {"rows": counted.total}))
        made = await approvals.ask(
            work,
            hub.keys,
            Kind.EXPORT,
            scope=actor.scope,
            purpose=purpose,
            details=details,
            lapses=lapses,
        )
    raise web.HTTPSeeOther(approval_url(made.id))


async def take(ledger: Ledger, request: web.Request) -> web.Response:
    """Answer with the workbook an approval stands for: made now, in the asker's scope of now.

    The download is counted and on record before a byte leaves; without an approval it leads to the ask.
    """
    approval_id = request.query.get("approval", "")
    if not approval_id:
        raise web.HTTPSeeOther(request.path_qs.replace("/export.xlsx", "/export", 1))
    hub, actor = request.app[HUB], request[ACTOR]
    _check_own_powers(actor)
    async with hub.look(actor, "exports.take") as look:
        approval = await approvals.find(look, hub.keys, approval_id)
        people = await shown_names(look.connection, [approval.decided_by])
    _check(ledger, request, approval, actor)
    query, choices = await asked(ledger, request, dict(parse_qsl(approval.details["query"].lstrip("?"))))
    page = await ledger.load(request, _everything(query))
    subjects = {rider for row in page.rows for rider in (ledger.people(row) if ledger.people else ())}
    body = await _write(
        ledger,
        request,
        page,
        _words(ledger, query, choices),
        approval=approval,
        reviewer=people.get(approval.decided_by or "", ""),
    )
    async with hub.change(actor, "exports.take", purpose=approval.purpose) as work:
        await approvals.use(work, hub.keys, approval_id)
        private = is_private(operation_of(request.match_info.handler) or "")
        work.count(**({"files": 1} if private else {"rows": len(page.rows), "people": len(subjects)}))
        work.opened(subjects)
    return _answer(ledger, request, body)


def _check(ledger: Ledger, request: web.Request, approval: Approval, actor: Actor) -> None:
    """Raise unless the approval is the actor's and for this very table."""
    same = approval.details.get("path") == request.path.removesuffix("/export.xlsx")
    if approval.asked_by != actor.id or approval.kind is not Kind.EXPORT or not same:
        raise Absent
    if approval.details["ledger"] != ledger.key or approval.state is not State.APPROVED:
        raise Conflict(
            "这份导出申请没有批准，或已用完、到期。请重新申请导出。",
            "This export is not approved, used up, or expired: ask for it again.",
            code="export_not_approved",
        )
    if not approval.scope.holds(actor.scope):
        raise Conflict(
            "您的范围在申请后有变，已超出批准的范围。请重新申请导出。",
            "Your scope holds more than was agreed to: ask for the export again.",
            code="export_scope_widened",
        )


def _check_own_powers(actor: Actor) -> None:
    if actor.grants:
        raise Conflict(
            "紧急访问期间不能导出个人信息。请先结束紧急访问。",
            "No export of people under emergency access: end it first.",
            code="export_under_emergency",
        )


async def _form(
    ledger: Ledger, request: web.Request, form: Form[PurposeForm], status: int = 200
) -> web.Response:
    query, choices = await asked(ledger, request, request.query)
    counted = await ledger.load(request, Query(size=20, filters=query.filters))
    return await render(
        request,
        "export_ask.html",
        status=status,
        ledger=ledger,
        rows=counted.total,
        filters=_words(ledger, query, choices),
        form=form,
        action=request.path_qs,
        back=query.url(request.path.removesuffix("/export")),
        reasons=list(EXPORT_REASONS.items()),
        hours=int(parameter("access.export_hours").value),
        downloads=int(parameter("access.export_downloads").value),
    )


def _everything(query: Query) -> Query:
    return Query(page=1, size=None, sort=query.sort, descending=query.descending, filters=query.filters)


def _words(ledger: Ledger, query: Query, choices: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """Return the filters in words; what was searched for among people is a name or a phone, and not said."""
    view = LedgerView(ledger, "", query, Page((), 0), (), choices, ())
    words = []
    for one in ledger.filters:
        if query.get(one.key):
            hidden = ledger.personal and isinstance(one, Text)
            words.append(f"{one.title}：{'（已填写）' if hidden else view.word(one)}")
    return "；".join(words) or "无"


async def _write(
    ledger: Ledger,
    request: web.Request,
    page: Page,
    filters: str,
    *,
    approval: Approval | None = None,
    reviewer: str = "",
) -> bytes:
    actor, shell = request.get(ACTOR, PUBLIC), request.app[SHELL]
    now = shell.clock.now()
    sheet = Sheet(
        title=ledger.title,
        unit=actor.scope_title,
        reporter=actor.display_name,
        as_of=minute(page.as_of or now),
        filters=filters,
        reviewer=reviewer,
        columns=[SheetColumn(column.title, column.kind, column.width) for column in ledger.columns],
        rows=[_plain(ledger, row) for row in page.rows],
        watermark="" if approval is None else _watermark(actor, approval, minute(now)),
        notice=""
        if approval is None
        else f"用途：{approval.purpose}。含个人信息，只能用于此用途，用完即删。",
    )
    async with shell.exports:
        return await write_workbook(sheet)


def _watermark(actor: Actor, approval: Approval, now: str) -> str:
    account = actor.id.partition(":")[2]
    return f"导出人：{actor.display_name}（{account}）；导出时间：{now}；申请编号：{approval.number}"


def _plain(ledger: Ledger, row: Mapping[str, Any]) -> list[Any]:
    return [plain_of(row.get(column.key), column.kind, column.states) for column in ledger.columns]


def _answer(ledger: Ledger, request: web.Request, body: bytes) -> web.Response:
    name = f"{ledger.title}-{minute(request.app[SHELL].clock.now())[:10]}.xlsx"
    return web.Response(body=body, content_type=_XLSX, headers={"Content-Disposition": attachment(name)})
