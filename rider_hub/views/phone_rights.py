"""我的权利 on the phone: a copy, corrections, withdrawal, deletion; one question a screen, no script."""

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.sessions import close_session
from rider_hub.clock import local_date
from rider_hub.consent.copying import copy_own, encoded
from rider_hub.consent.correcting import WISHES, ask, own_requests
from rider_hub.consent.erasing import KEPT, erase_own, store_again_by_code
from rider_hub.consent.ports import PORTS
from rider_hub.errors import Conflict, Failure, HubError, Invalid, Refused, Unauthenticated
from rider_hub.parameters import parameter
from rider_hub.requests.clock import end_of_day, working_days_after
from rider_hub.riders.own import own_phones, own_registrations
from rider_hub.riders.own_phone import has_own_phone
from rider_hub.riders.signin import phone_mark, request_code, verify_code
from rider_hub.views.phone_reading import in_words
from rider_hub.web.forms import Form, read_form
from rider_hub.web.shell import render

__all__ = ["routes"]

_OPERATION = "rider.own"
_STATES = {"open": "办理中", "done": "已办结", "refused": "未办理"}


class Wish(msgspec.Struct):
    """What is wrong, in which registration, and what is right."""

    what: Annotated[str, msgspec.Meta(title="哪里不对", max_length=16)] = ""
    registration: Annotated[str, msgspec.Meta(title="登记", max_length=32)] = ""
    value: Annotated[str, msgspec.Meta(title="正确的内容", max_length=60)] = ""
    note: Annotated[str, msgspec.Meta(title="说明", max_length=200)] = ""


class Confirmed(msgspec.Struct):
    """The code that confirms a deletion."""

    code: Annotated[str, msgspec.Meta(title="验证码", max_length=12)]


class Again(msgspec.Struct):
    """The code given at the deletion."""

    code: Annotated[str, msgspec.Meta(title="重新登记码", max_length=32)]


def routes() -> list[web.RouteDef]:
    """Return the pages of a rider's rights."""
    return [
        *guarded(
            _OPERATION,
            [
                web.get("/r/rights", _rights),
                web.get("/r/rights/copy.json", _copy),
                web.get("/r/rights/copy", _read),
                web.get("/r/rights/correct", _correct),
                web.post("/r/rights/correct", _ask),
                web.get("/r/rights/erase", _erase),
                web.post("/r/rights/erase", _send),
                web.post("/r/rights/erase/confirm", _confirm),
            ],
        ),
        *guarded("rights.again", [web.get("/r/again", _again), web.post("/r/again", _store_again)]),
    ]


async def _rights(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    async with hub.look(request[ACTOR], _OPERATION) as look:
        asked = await own_requests(look, hub)
    done = request.query.get("done") == "1"
    return await render(request, "views/phone/rights.html", asked=asked, states=_STATES, done=done)


async def _copy(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    copy, _ = await copy_own(hub, actor, request.app[PORTS])
    headers = {
        "Content-Disposition": f'attachment; filename="my-data-{local_date(copy.made_at)}.json"',
        "Cache-Control": "no-store",
    }
    return web.Response(body=encoded(copy), content_type="application/json", headers=headers)


async def _read(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    copy, sections = await copy_own(hub, actor, request.app[PORTS])
    async with hub.look(actor, _OPERATION) as look:
        read = await in_words(look.connection, sections)
    response = await render(request, "views/phone/copy.html", copy=copy, sections=read)
    response.headers["Cache-Control"] = "no-store"
    return response


async def _is_own(request: web.Request) -> bool:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, _OPERATION) as look:
        return await has_own_phone(look.connection, hub.keys, actor)


async def _correct(request: web.Request) -> web.Response:
    return await _question(request, Form.filled(**{k: v for k, v in request.query.items() if k in _FIELDS}))


_FIELDS = ("what", "registration")


async def _question(request: web.Request, form: Form[Wish], status: int = 200) -> web.Response:
    """Ask what is wrong, then in which registration, then what is right."""
    hub = request.app[HUB]
    async with hub.look(request[ACTOR], _OPERATION) as look:
        mine = await own_registrations(look, hub)
    what, chosen = form.text("what"), form.text("registration")
    if len(mine) == 1:
        chosen = mine[0][0]
    return await render(
        request,
        "views/phone/correct.html",
        status=status,
        form=form,
        wishes=[(key, words) for key, (words, _) in WISHES.items()],
        what=what if what in WISHES else "",
        title=WISHES.get(what, ("", None))[0],
        mine=mine,
        chosen=chosen if chosen in dict(mine) else "",
        days=int(parameter("rights.answer_within").value),
    )


@takes(Wish)
async def _ask(request: web.Request) -> web.Response:
    form = await read_form(request, Wish)
    if form.value is None:
        return await _question(request, form, status=422)
    hub, given = request.app[HUB], form.value
    try:
        await ask(
            hub,
            request[ACTOR],
            kind="correct",
            due_at=_due(request),
            what=given.what,
            registration_id=given.registration,
            value=given.value,
            note=given.note,
        )
    except (Invalid, Conflict) as error:
        faults = error.errors or (Failure(row=0, path="note", code=error.code, zh=error.zh, en=error.en),)
        return await _question(request, Form(values=form.values, errors=faults), status=error.status)
    return web.Response(status=303, headers={"Location": "/r/rights?done=1"})


def _due(request: web.Request) -> datetime:
    days = int(parameter("rights.answer_within").value)
    return end_of_day(working_days_after(local_date(request.app[HUB].clock.now()), days))


async def _erase(request: web.Request) -> web.Response:
    own = await _is_own(request)
    return await render(request, "views/phone/erase.html", step="ask", own=own, kept=KEPT, form=Form.filled())


@takes()
async def _send(request: web.Request) -> web.Response:
    """Send a code to the phone; with another phone than the first, file a request for staff to confirm."""
    hub, actor = request.app[HUB], request[ACTOR]
    if not await _is_own(request):
        await ask(hub, actor, kind="erase", due_at=_due(request), what="erase")
        return web.Response(status=303, headers={"Location": "/r/rights?done=1"})
    try:
        await request_code(hub, await _phone(request))
    except (Invalid, Conflict) as error:
        wrong = Form.filled().failed("code", error.code, error.zh, error.en)
        return await _code(request, wrong, status=error.status)
    return await _code(request, Form.filled())


async def _code(request: web.Request, form: Form[Confirmed], status: int = 200) -> web.Response:
    return await render(
        request, "views/phone/erase.html", status=status, step="code", own=True, kept=KEPT, form=form
    )


@takes(Confirmed)
async def _confirm(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    form = await read_form(request, Confirmed)
    if form.value is None:
        return await _code(request, form, status=422)
    if not await _is_own(request):
        raise Refused
    try:
        confirmed = await verify_code(hub, await _phone(request), form.value.code)
    except HubError as error:
        if not isinstance(error, Invalid | Unauthenticated):
            raise
        # Without the wrong digits: one types the code anew.
        wrong = Form.filled().failed("code", error.code, error.zh, error.en)
        return await _code(request, wrong, status=422)
    if confirmed != actor.rider_id:
        raise Refused
    done = await erase_own(hub, actor, request.app[PORTS])
    response = await render(request, "views/phone/erased.html", done=done)
    await close_session(request, response)
    response.headers["Cache-Control"] = "no-store"
    return response


async def _phone(request: web.Request) -> str:
    """Return the number the rider signed in with, as a registration has it; Refused where none has it now."""
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, _OPERATION) as look:
        for number in await own_phones(look, hub):
            if phone_mark(hub.keys, number) == actor.phone:
                return number
    raise Refused


async def _again(request: web.Request) -> web.Response:
    return await render(request, "views/phone/again.html", form=Form.filled(), done=False)


@takes(Again)
async def _store_again(request: web.Request) -> web.Response:
    form = await read_form(request, Again)
    if form.value is None:
        return await render(request, "views/phone/again.html", status=422, form=form, done=False)
    try:
        await store_again_by_code(request.app[HUB], request[ACTOR], form.value.code)
    except Invalid as error:
        wrong = form.failed("code", error.code, error.zh, error.en)
        return await render(request, "views/phone/again.html", status=422, form=wrong, done=False)
    return await render(request, "views/phone/again.html", form=Form.filled(), done=True)
