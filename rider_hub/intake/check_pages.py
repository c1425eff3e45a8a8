"""检查文件: a file is checked as a feed would be, and nothing of it is kept; it may come back annotated."""

from typing import Final

import msgspec
from aiohttp import web

from connectors.problems import feed_error
from connectors.records import Registration, Request, Station
from rider_hub.access import ACTOR, HUB, Actor, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.policy import allows
from rider_hub.errors import Absent, Failure, Invalid
from rider_hub.intake import store
from rider_hub.intake.checking import check_batch
from rider_hub.intake.faults import whole
from rider_hub.intake.listing import platform_names
from rider_hub.intake.model import FEED_TITLES, Sender, as_feed_type
from rider_hub.intake.sent_files import LIMIT_MIB, SHOWN, read_sent
from rider_hub.intake.station_form import in_words
from rider_hub.intake.uploading import HandedIn, in_standard_names
from rider_hub.intake.within import check_declared, is_bound, sending_for, within_of
from rider_hub.web.forms import Form
from rider_hub.web.shell import render

__all__ = ["routes", "types_of"]

_COUNTY_DIGITS: Final = 6
#: The choice of no platform: the file is the standard, under an agreement of tier B.
_STANDARD: Final = "-"


def routes() -> list[web.RouteDef]:
    """Return the page of the checker."""
    return guarded("feeds.check", [web.get("/feeds/check", _page), web.post("/feeds/check", _check)])


async def _page(request: web.Request) -> web.Response:
    named, counties = await _choices(request)
    platforms = [*sorted(named.items()), *([(_STANDARD, "不指定，按标准检查")] if counties else [])]
    return await render(
        request,
        "intake/check.html",
        form=Form.filled(sender=platforms[0][0] if len(platforms) == 1 else None, type="registration"),
        types=types_of(request[ACTOR]),
        feeds_url="/feeds/stations" if is_bound(request[ACTOR]) else "/feeds",
        platforms=platforms,
        counties=[(code, code) for code in counties],
        limit=LIMIT_MIB,
        may_upload=allows(request[ACTOR], "feeds.upload"),
    )


@takes(rows=(Station, Registration, Request))
async def _check(request: web.Request) -> web.StreamResponse:
    """Check the body, which is the file as it is; with `annotated` it comes back with the reasons.

    Type, sender and county stand in the address, the file's name in the header X-File-Name (percent-encoded).
    """
    feed_type = as_feed_type(request.query.get("type", ""))
    if feed_type is None:
        raise whole("feed_not_offered")
    sender = await _sender(request)
    sent = await read_sent(request, form=sender.file_form(feed_type))
    if not sent.rows:
        raise feed_error("rows_missing")
    hub, actor = request.app[HUB], request[ACTOR]
    given = HandedIn(sender.platform, feed_type, sent.name, sent.data, sent.rows, {})
    rows = await in_standard_names(hub, actor, given)
    async with hub.look(actor, "feeds.check", target=f"feed:{sender.platform}") as look:
        within = await within_of(look.connection, look.actor, sender.platform)
        if within is not None:
            check_declared(within, feed_type, None)
        batch = await check_batch(
            look.connection, sender, feed_type, rows, look.now, keys=hub.keys, within=within
        )
        look.count(rows=len(sent.rows))
    failures = batch.failures
    if within is not None:
        failures = tuple(msgspec.structs.replace(one, path=in_words(one.path)) for one in failures)
    if request.query.get("annotated"):
        plain = [msgspec.to_builtins(one) for one in failures]
        return await sent.annotated(request, plain, "检查结果", every=True)
    return await render(
        request,
        "intake/check_report.html",
        total=len(sent.rows),
        rejected=batch.rejected,
        failures=failures[:SHOWN],
        more=max(len(failures) - SHOWN, 0),
        frame=batch.judgement.verdict,
        feed_type=feed_type,
        sender=sender.platform if allows(actor, "feeds.upload") else "",
    )


def types_of(actor: Actor) -> list[tuple[str, str]]:
    """Return the feeds an actor may hand in, with their names: a partner's are riders alone."""
    return [
        (name, title) for name, title in FEED_TITLES.items() if name == "registration" or not is_bound(actor)
    ]


async def _choices(request: web.Request) -> tuple[dict[str, str], list[str]]:
    """Return the senders in the viewer's scope, and the counties whose tables a file may be held against."""
    actor = request[ACTOR]
    async with request.app[HUB].look(actor, "feeds.check") as look:
        named = await platform_names(look)
        sending = await store.sending_counties(look.connection, look.scope)
    own = [code for code in actor.scope.divisions if len(code) == _COUNTY_DIGITS]
    return named, [] if actor.scope.of_company else sorted({*sending, *own})


async def _sender(request: web.Request) -> Sender:
    """Return the sender the file is checked for; raises Absent for one, or a county, out of scope.

    Raises Invalid, with the field, where nothing was chosen.
    """
    chosen, county = request.query.get("sender", ""), request.query.get("county", "")
    if not chosen:
        raise _unchosen(
            "sender", "请选择按哪家平台的约定检查。", "Choose whose agreement the file is checked by."
        )
    if chosen == _STANDARD:
        counties = (await _choices(request))[1]
        if counties and not county:
            raise _unchosen("county", "请选择区县代码。", "Choose a county.")
        if county not in counties:
            raise Absent
        return Sender(platform="", county=county, tier="B")
    async with request.app[HUB].look(request[ACTOR], "feeds.check") as look:
        found = await sending_for(look.connection, look.actor, chosen)
    if found is None:
        raise Absent
    return found


def _unchosen(field: str, zh: str, en: str) -> Invalid:
    return Invalid(zh, en, errors=[Failure(row=0, path=field, code="field_required", zh=zh, en=en)])
