"""The page behind a station's link: no log-in, a form filled with what is known, a file in, its receipt.

The token stands behind the # of the address, which browsers send nobody: no log, proxy or Referer has it. The
page's script puts it into a form; from then on a cookie of this page alone holds it. Every link that does not
open, for whatever reason, is answered alike.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web

from connectors.records import Registration
from rider_hub.access import HUB, guarded
from rider_hub.access.addresses import address_group, client_address
from rider_hub.access.inputs import takes
from rider_hub.access.sessions import set_cookie
from rider_hub.errors import Invalid
from rider_hub.intake.link_pages import template_answer
from rider_hub.intake.links import OpenLink, count_use, link_over, open_link
from rider_hub.intake.messages import count_try
from rider_hub.intake.sent_files import SHOWN, Limits, SentFile, read_sent
from rider_hub.intake.station_feeds import template_of
from rider_hub.intake.upload_pages import Upload, told_in_words, words_of
from rider_hub.intake.uploading import HandedIn, earlier_receipt, refused_of_upload, take_upload
from rider_hub.parameters import parameter
from rider_hub.web.forms import Form, parse_form, read_form
from rider_hub.web.shell import render

__all__ = ["routes"]

PAGE: Final = "/hand-in"
_COOKIE: Final = "rider_hub_link"
_HOURS: Final = 12
_MODES: Final = [
    ("changes", "增量：只有新增和变动的骑手，不在文件中的骑手不变"),
    ("snapshot", "全量：本站点的全部骑手，不在文件中的视为已离开"),
]


class Opening(msgspec.Struct):
    """What stands behind the # of a link."""

    token: Annotated[str, msgspec.Meta(title="链接码", max_length=64)]


class Said(msgspec.Struct):
    """What is said of a station's file; the file itself is the body."""

    annotated: bool = False
    mode: Annotated[Literal["changes", "snapshot"] | None, msgspec.Meta(title="增量还是全量")] = None
    as_of: Annotated[str, msgspec.Meta(title="全量截至时间", max_length=40)] = ""


def routes() -> list[web.RouteDef]:
    """Return the routes of the page. What a link may do is ruled inside, by the actor it stands for."""
    return guarded(
        "public",
        [
            web.get(PAGE, _page),
            web.post(f"{PAGE}/open", _open),
            web.get(f"{PAGE}/template.xlsx", _template),
            web.post(f"{PAGE}/file", _file),
            web.post(f"{PAGE}/close", _close),
        ],
    )


async def _page(request: web.Request) -> web.Response:
    if not request.cookies.get(_COOKIE):
        return await _entry(request, over=False)
    link = await _open_link(request)
    if link is None:
        return await _entry(request, over=True)
    return _guarded_answer(
        await render(
            request,
            "intake/hand_in.html",
            it=link,
            form=Form.filled(),
            modes=_MODES,
            limit=_limits().mib,
            rows=_limits().rows,
        )
    )


@takes(Opening)
async def _open(request: web.Request) -> web.Response:
    """Take the token from the page's own form and keep it in a cookie of this page."""
    hub = request.app[HUB]
    await count_try(hub, f"hand-in:{address_group(client_address(request))}", _pace())
    form = await read_form(request, Opening)
    link = await open_link(hub, form.value.token) if form.value else None
    if form.value is None or link is None:
        return await _entry(request, over=True)
    response = web.Response(status=303, headers={"Location": PAGE, "Referrer-Policy": "no-referrer"})
    set_cookie(request, response, _COOKIE, form.value.token, path=PAGE, max_age=_HOURS * 3600)
    return response


async def _template(request: web.Request) -> web.Response:
    hub, link = request.app[HUB], await _required(request)
    await count_try(hub, link.actor.id, _pace())
    async with hub.look(link.actor, "links.use", target=f"link:{link.id}", purpose="下载名单模板") as look:
        form = await template_of(hub, look, link.platform, link.station_ref, link.station_name)
    return await template_answer(form)


@takes(Said, rows=(Registration,))
async def _file(request: web.Request) -> web.StreamResponse:
    """Take the body, which is the file as it is, and show its receipt; the same file again counts once.

    With `annotated` nothing is taken: the refused rows of a file that was taken come back with the reasons.
    """
    hub, link = request.app[HUB], await _required(request)
    asked = parse_form(request.rel_url.raw_query_string.encode(), Said)
    sent = await read_sent(request, who=link.actor.id, limits=_limits())
    link = await _required(request)  # a body may come slowly, and the link be over meanwhile
    _require_table(sent)
    given = _handed_in(hub.clock.now(), link, sent, asked)
    if asked.value is not None and asked.value.annotated:
        faults = told_in_words(link.actor, await refused_of_upload(hub, link.actor, given))
        return await sent.annotated(request, faults, "退回的行", every=False)
    if await earlier_receipt(hub, link.actor, given) is None:
        await count_use(hub, link)
    receipt = await take_upload(hub, link.actor, given)
    return _guarded_answer(
        await render(
            request,
            "intake/upload_report.html",
            it=receipt,
            failures=told_in_words(link.actor, receipt.failures[:SHOWN]),
            more=max(len(receipt.failures) - SHOWN, 0),
            receipt_url=None,
        )
    )


@takes()
async def _close(_: web.Request) -> web.Response:
    response = web.Response(status=303, headers={"Location": PAGE})
    response.del_cookie(_COOKIE, path=PAGE)
    return response


def _handed_in(now: datetime, link: OpenLink, sent: SentFile, asked: Form[Said]) -> HandedIn:
    """Put what is said into the words that the page of accounts asks for, of the link's station."""
    if asked.value is None:
        told = "；".join(one.zh for one in asked.errors)
        raise Invalid(f"{told}。", "; ".join(one.en for one in asked.errors), errors=asked.errors)
    said = Upload(
        type="registration",
        sender=link.platform,
        mode=asked.value.mode,
        as_of=asked.value.as_of,
        scope="station",
        station_ref=link.station_ref,
    )
    words = words_of(said, Form.filled(), now)
    return HandedIn(link.platform, "registration", sent.name, sent.data, sent.rows, words)


def _require_table(sent: SentFile) -> None:
    """Raise Invalid for a file that is no table: a clerk fills in the form, or a list with its headings."""
    if any(not isinstance(row, dict) for _, row in sent.rows[:1]):
        raise Invalid(
            "请上传 XLSX 或 CSV 表格，最好用本页下载的名单模板。",
            "Send a table, XLSX or CSV: best the form that this page gives.",
            code="file_not_table",
        )


async def _required(request: web.Request) -> OpenLink:
    link = await _open_link(request)
    if link is None:
        raise link_over()
    return link


async def _open_link(request: web.Request) -> OpenLink | None:
    return await open_link(request.app[HUB], request.cookies.get(_COOKIE, ""))


async def _entry(request: web.Request, *, over: bool) -> web.Response:
    response = await render(
        request, "intake/hand_in_entry.html", status=link_over().status if over else 200, over=over
    )
    if over:
        response.del_cookie(_COOKIE, path=PAGE)
    return _guarded_answer(response)


def _guarded_answer(response: web.Response) -> web.Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _limits() -> Limits:
    return Limits(
        mib=int(parameter("intake.link_mib").value),
        rows=int(parameter("intake.link_rows").value),
        a_minute=_pace(),
    )


def _pace() -> int:
    return int(parameter("intake.link_tries").value)
