"""党员身份申报 on the phone: notice, separate consent, one question a screen; withdrawing is one button."""

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.consent.model import PURPOSE_TITLES, Notice, Purpose
from rider_hub.consent.ports import PORTS
from rider_hub.consent.store import current
from rider_hub.errors import Invalid
from rider_hub.membership.bodies import MOST_FOUND, Body
from rider_hub.membership.model import Kind
from rider_hub.membership.service import bodies_for, declare, opt_in, own_membership, withdraw
from rider_hub.membership.verification import ask_verification, find_homes
from rider_hub.organizations.store import titles
from rider_hub.web.forms import Form, read_form
from rider_hub.web.shell import render

__all__ = ["routes"]

_PAGE = "/r/declaration"
_WORDS, _CODE = 30, 48
#: Where one goes on after withdrawing.
_BACK = {Purpose.OPEN_ACTIVITIES: "/r/invitations"}


class Answers(msgspec.Struct):
    """What was answered so far; each screen carries the earlier answers in its form and asks the next."""

    notice_version: int | None = None
    kind: Literal["full", "probationary"] | None = None
    home_organization: Annotated[str, msgspec.Meta(title="党组织名称", max_length=60)] | None = None
    body: Annotated[str, msgspec.Meta(title="党组织", max_length=48)] | None = None
    invitations: Literal["yes", "no"] | None = None
    invitations_version: int | None = None


class Agreed(msgspec.Struct):
    """Consent to invitations given on a screen of its own."""

    purpose: Annotated[str, msgspec.Meta(title="事项", max_length=32)]
    body: Annotated[str, msgspec.Meta(title="组织", max_length=48)]
    notice_version: int


class Asked(msgspec.Struct):
    """The organization a rider asks to verify the declaration, with the consent to it."""

    body: Annotated[str, msgspec.Meta(title="党组织", max_length=48)]
    notice_version: int


class Withdrawn(msgspec.Struct):
    """The purpose a rider no longer consents to."""

    purpose: Annotated[str, msgspec.Meta(title="事项", max_length=32)]


_STEPS = ("notice_version", "kind", "home_organization", "body", "invitations")


def routes() -> list[web.RouteDef]:
    """Return the pages of declaring, consenting and withdrawing."""
    return [
        *guarded("membership.own", [web.get(_PAGE, _page)]),
        *guarded("membership.own", [web.get("/r/verification", _homes)]),
        *guarded(
            "membership.declare",
            [
                web.post(_PAGE, _answer),
                web.post("/r/verification", _ask_home),
                web.post("/r/consents", _opt_in),
                web.post("/r/consents/withdraw", _withdraw),
            ],
        ),
    ]


async def _page(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    own = await own_membership(hub, actor)
    if own.declaration is None:
        return await _ask(request, "notice_version", Form.filled())
    bodies = {each.code: each.name for each in await bodies_for(hub, actor)}
    return await render(
        request,
        "views/phone/declared.html",
        own=own,
        body=bodies.get(own.declaration.body or "", own.declaration.body),
        home=await _home_name(request, own.declaration.home_body),
        invited=own.consent(Purpose.PARTY_ACTIVITIES) is not None,
        notice=await _notice(request, Purpose.PARTY_ACTIVITIES),
        withdrawn=request.query.get("done") == "1",
    )


@takes(Answers)
async def _answer(request: web.Request) -> web.Response:
    form = await read_form(request, Answers)
    answers = form.value
    if answers is None:
        return await _ask(request, form.errors[0].path, form, status=422)
    missing = next((step for step in _STEPS if getattr(answers, step) is None), None)
    if missing is not None:
        return await _ask(request, missing, form)
    try:
        await declare(
            request.app[HUB],
            request[ACTOR],
            kind=Kind(answers.kind or ""),
            home_organization=answers.home_organization or "",
            body=answers.body or "",
            notice_version=answers.notice_version,
            invitations_version=answers.invitations_version if answers.invitations == "yes" else None,
        )
    except Invalid as error:
        for fault in error.errors:
            form = form.failed(fault.path, fault.code, fault.zh, fault.en)
        return await _ask(request, error.errors[0].path, form, status=422)
    return web.Response(status=303, headers={"Location": _PAGE})


async def _ask(request: web.Request, step: str, form: Form[Any], status: int = 200) -> web.Response:
    """Show one screen: the question of a step, with the answers before it hidden in the form."""
    step = step if step in _STEPS else "notice_version"
    bodies: list[Body] = []
    if step == "body":
        bodies = list(await bodies_for(request.app[HUB], request[ACTOR]))
    purpose = Purpose.PARTY_ACTIVITIES if step == "invitations" else Purpose.DECLARATION
    return await render(
        request,
        "views/phone/declare.html",
        status=status,
        step=step,
        form=form,
        notice=await _notice(request, purpose),
        kept=[(name, form.text(name)) for name in _STEPS if name != step and form.text(name)],
        kinds=[(kind.value, kind.title_zh) for kind in Kind],
        bodies=[(each.code, each.name) for each in bodies],
        withdrawn=request.query.get("done") == "1",
    )


async def _notice(request: web.Request, purpose: str) -> Notice:
    async with request.app[HUB].look(request[ACTOR], "membership.own") as look:
        return await current(look.connection, purpose)


async def _home_name(request: web.Request, code: str | None) -> str:
    async with request.app[HUB].look(request[ACTOR], "membership.own") as look:
        return (await titles(look.connection, [code] if code else [])).get(code or "", "")


async def _homes(request: web.Request) -> web.Response:
    """Ask which organization of the county is home, by words of its name, then for consent to that one."""
    words = request.query.get("q", "")[:_WORDS]
    hub, actor = request.app[HUB], request[ACTOR]
    declared = (await own_membership(hub, actor)).declaration is not None
    found = await find_homes(hub, actor, words)
    chosen = request.query.get("body", "")
    return await render(
        request,
        "views/phone/verification.html",
        declared=declared,
        words=words,
        more=len(found) >= MOST_FOUND,
        found=[(each.code, each.name) for each in found],
        chosen=chosen[:_CODE],
        chosen_name=await _home_name(request, chosen[:_CODE]) if chosen else "",
        notice=await _notice(request, Purpose.VERIFICATION),
    )


@takes(Asked)
async def _ask_home(request: web.Request) -> web.Response:
    asked = (await read_form(request, Asked)).checked()
    await ask_verification(
        request.app[HUB], request[ACTOR], body=asked.body, notice_version=asked.notice_version
    )
    return web.Response(status=303, headers={"Location": _PAGE})


@takes(Agreed)
async def _opt_in(request: web.Request) -> web.Response:
    agreed = (await read_form(request, Agreed)).checked()
    await opt_in(
        request.app[HUB],
        request[ACTOR],
        purpose=agreed.purpose,
        body=agreed.body,
        notice_version=agreed.notice_version,
    )
    return web.Response(status=303, headers={"Location": _BACK.get(agreed.purpose, _PAGE)})


@takes(Withdrawn)
async def _withdraw(request: web.Request) -> web.Response:
    purpose = (await read_form(request, Withdrawn)).checked().purpose
    if purpose not in PURPOSE_TITLES:
        raise Invalid("没有这一项同意。", "There is no such consent.")
    await withdraw(request.app[HUB], request[ACTOR], request.app[PORTS], purpose=purpose)
    return web.Response(status=303, headers={"Location": f"{_BACK.get(purpose, _PAGE)}?done=1"})
