"""Riders' pages of requests: file one in steps, see one's own, ask by 查询码; no script, signed in or not."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.addresses import cookies_are_secure
from rider_hub.access.inputs import takes
from rider_hub.divisions.model import level_of
from rider_hub.errors import Absent, Conflict, Invalid
from rider_hub.requests import listing, service
from rider_hub.requests.checks import ADDRESS_LIMIT, TEXT_LIMIT
from rider_hub.requests.codes import new_seed, shown
from rider_hub.requests.model import Category, RequestState, ServiceRequest
from rider_hub.requests.places import Step, place_step
from rider_hub.requests.wording import RIDER_STATES, conversation
from rider_hub.riders.own_phone import PhoneNotConfirmed
from rider_hub.web.forms import Form, read_form
from rider_hub.web.shell import render

__all__ = ["routes"]

#: Carries the 查询码 from filing to the next page for ten minutes: an address would keep it in histories.
_FILED_COOKIE, _FILED_SECONDS, _FILED_PATH = "rider_hub_filed", 600, "/r/requests"
_LONGEST_CODE = 20


class Difficulty(msgspec.Struct):
    """The last step of filing: the words; place and category were chosen before."""

    community: Annotated[str, msgspec.Meta(title="社区", max_length=12)]
    category: Annotated[Category, msgspec.Meta(title="类别")]
    text: Annotated[str, msgspec.Meta(title="遇到什么困难", max_length=TEXT_LIMIT)]
    address: Annotated[str, msgspec.Meta(title="具体位置", max_length=ADDRESS_LIMIT)] = ""
    anonymous: bool = False
    seed: str = ""


class Said(msgspec.Struct):
    """What the reporter says of an answer; a code where nobody is signed in."""

    do: Literal["confirm", "reopen"]
    text: str = ""


class Asked(msgspec.Struct):
    """A 查询码, and what its holder says of the answer where they say something."""

    code: Annotated[str, msgspec.Meta(title="查询码", max_length=_LONGEST_CODE)]
    do: Literal["look", "confirm", "reopen"] = "look"
    text: str = ""


def routes() -> list[web.RouteDef]:
    """Return the riders' pages of requests."""
    filing = [
        web.get("/r/requests/new", _new),
        web.post("/r/requests/new", _file),
        web.get("/r/requests/done", _done),
    ]
    own = [
        web.get("/r/requests", _own),
        web.get("/r/requests/query", _ask),
        web.post("/r/requests/query", _query),
        web.get("/r/requests/{id}", _one),
        web.post("/r/requests/{id}", _say),
    ]
    return [*guarded("requests.file", filing), *guarded("requests.own", own)]


async def _new(request: web.Request) -> web.Response:
    """Ask what is still missing, one question a page: the place, then the category, then the words."""
    category = request.query.get("category", "")
    step = await place_step(request.app[HUB], request[ACTOR], request.query)
    if step.community is None:
        return await _ask_place(request, step)
    if category not in set(Category):
        return await render(
            request,
            "requests/phone_category.html",
            back="/r/requests/new",
            place=step.title,
            ways=[(_next(community=step.community, category=each), each) for each in Category],
        )
    form = Form.filled(community=step.community, category=category, seed=new_seed())
    return await _ask_words(request, form, step)


async def _ask_place(request: web.Request, step: Step) -> web.Response:
    return await render(
        request,
        "requests/phone_place.html",
        back="/r/requests/new" if step.inside else "/r/requests",
        step=step,
        ways=[(_into(code), name) for code, name in step.choices],
        suggested=[(_next(community=code), name) for code, name in step.suggested],
    )


async def _ask_words(request: web.Request, form: Form[Any], step: Step, *, status: int = 200) -> web.Response:
    return await render(
        request,
        "requests/phone_words.html",
        status=status,
        back=_next(community=form.text("community")),
        form=form,
        place=step.title,
        category=Category(form.text("category")),
        rider=request[ACTOR].rider_id is not None,
        limit=TEXT_LIMIT,
        address_limit=ADDRESS_LIMIT,
    )


@takes(Difficulty)
async def _file(request: web.Request) -> web.Response:
    form: Form[Any] = await read_form(request, Difficulty)
    if form.value is not None:
        try:
            filed = await service.file_request(
                request.app[HUB],
                request[ACTOR],
                category=form.value.category,
                community_code=form.value.community,
                text=form.value.text,
                address=form.value.address,
                anonymous=form.value.anonymous,
                seed=form.value.seed,
            )
        except Invalid as error:
            form = Form(values=form.values, errors=error.errors)
        else:
            return _to_done(request, filed.query_code)
    step = await place_step(request.app[HUB], request[ACTOR], {"community": form.text("community")})
    if step.community is None or form.text("category") not in set(Category):
        raise web.HTTPSeeOther("/r/requests/new")  # place or category was lost: ask for them again
    return await _ask_words(request, form, step, status=422)


def _to_done(request: web.Request, code: str) -> web.Response:
    response = web.Response(status=303, headers={"Location": "/r/requests/done"})
    response.set_cookie(
        _FILED_COOKIE,
        code,
        max_age=_FILED_SECONDS,
        path=_FILED_PATH,
        httponly=True,
        samesite="Lax",
        secure=cookies_are_secure(request),
    )
    return response


async def _done(request: web.Request) -> web.Response:
    code = request.cookies.get(_FILED_COOKIE, "")
    try:
        found = await listing.show_by_code(request.app[HUB], code)
    except Absent:
        raise web.HTTPSeeOther("/r/requests") from None
    listed = not found.anonymous and await listing.sees_own(request.app[HUB], request[ACTOR])
    return await render(
        request,
        "requests/phone_done.html",
        back="/r/requests",
        found=found,
        code=shown(code),
        rider=listed,
    )


async def _own(request: web.Request) -> web.Response:
    actor = request[ACTOR]
    rows, withheld = [], False
    try:
        rows = await listing.own_rows(request.app[HUB], actor) if actor.rider_id else []
    except PhoneNotConfirmed:
        withheld = True
    return await render(
        request,
        "requests/phone_own.html",
        back="/r/",
        rows=rows,
        withheld=withheld,
        states=RIDER_STATES,
        rider=actor.rider_id is not None,
    )


async def _one(request: web.Request) -> web.Response:
    found = await listing.show_own(request.app[HUB], request[ACTOR], request.match_info["id"])
    return await _shown(request, found, Form.filled())


@takes(Said)
async def _say(request: web.Request) -> web.Response:
    request_id = request.match_info["id"]
    said = (await read_form(request, Said)).checked()
    faults = await _act(request, said.do, said.text, request_id=request_id)
    if faults.errors:
        found = await listing.show_own(request.app[HUB], request[ACTOR], request_id)
        return await _shown(request, found, faults)
    raise web.HTTPSeeOther(f"/r/requests/{request_id}")


async def _ask(request: web.Request) -> web.Response:
    return await render(request, "requests/phone_query.html", back="/r/requests", form=Form.filled())


@takes(Asked)
async def _query(request: web.Request) -> web.Response:
    """Show the request of a code, which travels in the body alone and never in an address."""
    form: Form[Any] = await read_form(request, Asked)
    if form.value is None:
        return await _ask_again(request, form)
    asked = form.value
    try:
        faults = await _act(request, asked.do, asked.text, query_code=asked.code)
        found = await listing.show_by_code(request.app[HUB], asked.code)
    except Absent as error:
        wrong = "没有找到这个查询码，请核对后重新输入。"
        return await _ask_again(request, form.failed("code", error.code, wrong, error.en))
    return await _shown(request, found, faults, code=asked.code)


async def _ask_again(request: web.Request, form: Form[Any]) -> web.Response:
    return await render(request, "requests/phone_query.html", status=422, back="/r/requests", form=form)


async def _act(request: web.Request, do: str, text: str, **which: str) -> Form[Any]:
    """Do what the reporter says; returns a form with the faults of their words, empty where it was done."""
    hub, actor = request.app[HUB], request[ACTOR]
    try:
        if do == "confirm":
            await service.confirm(hub, actor, **which)
        elif do == "reopen":
            await service.reopen(hub, actor, text, **which)
    except Invalid as error:
        return Form(values={"text": [text]}, errors=error.errors)
    except Conflict:
        return Form()  # pressed twice, or answered meanwhile: the page that follows shows where it stands
    return Form()


async def _shown(
    request: web.Request, found: ServiceRequest, form: Form[Any], *, code: str = ""
) -> web.Response:
    return await render(
        request,
        "requests/phone_request.html",
        status=422 if form.errors else 200,
        back="/r/requests",
        found=found,
        states=RIDER_STATES,
        entries=conversation(found),
        form=form,
        code=code,
        action="/r/requests/query" if code else f"/r/requests/{found.id}",
        may_say=found.state is RequestState.ANSWERED,
        limit=TEXT_LIMIT,
    )


def _into(code: str) -> str:
    return _next(community=code) if level_of(code) == "community" else _next(**{"in": code})


def _next(**chosen: str) -> str:
    return f"/r/requests/new?{urlencode(chosen)}"
