"""检查文件: a file is checked as a feed would be, and nothing of it is kept; it may come back annotated."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from aiohttp import web

from connectors.problems import feed_error
from connectors.records import Registration, Request, Station
from connectors.transport.files import FileRow, read_rows
from connectors.transport.http_push import MAX_LINES, MAX_SENT, MIB
from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.annotated import Kind, annotate, kind_of
from rider_hub.intake.checking import CheckedBatch, check_batch
from rider_hub.intake.faults import whole
from rider_hub.intake.listing import platform_names
from rider_hub.intake.model import FEED_TITLES, Sender, as_feed_type
from rider_hub.web.export import attachment
from rider_hub.web.forms import Form
from rider_hub.web.shell import SHELL, render

__all__ = ["routes"]

_CHUNK: Final = 64 * 1024
_SHOWN: Final = 200
_COUNTY_DIGITS: Final = 6
_MAX_NAME: Final = 200
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
        types=list(FEED_TITLES.items()),
        platforms=platforms,
        counties=[(code, code) for code in counties],
        limit=MAX_SENT // MIB,
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
    name = unquote(request.headers.get("X-File-Name", ""))[:_MAX_NAME]
    data = await _body(request)
    hub = request.app[HUB]
    async with request.app[SHELL].exports:
        rows = await asyncio.to_thread(_rows, data, name)
    async with hub.look(request[ACTOR], "feeds.check", target=f"feed:{sender.platform}") as look:
        batch = await check_batch(look.connection, sender, feed_type, rows, look.now, keys=hub.keys)
        look.count(rows=len(rows))
    checked = _Checked(rows, batch, kind_of(data, rows))
    if request.query.get("annotated"):
        async with request.app[SHELL].exports:
            return await asyncio.to_thread(checked.annotated, name)
    failures = batch.failures
    return await render(
        request,
        "intake/check_report.html",
        total=len(rows),
        rejected=batch.rejected,
        failures=failures[:_SHOWN],
        more=max(len(failures) - _SHOWN, 0),
        frame=batch.judgement.verdict,
    )


@dataclass(frozen=True)
class _Checked:
    rows: Sequence[FileRow]
    batch: CheckedBatch
    kind: Kind

    def annotated(self, name: str) -> web.Response:
        failures: list[dict[str, Any]] = [msgspec.to_builtins(one) for one in self.batch.failures]
        file = annotate(self.rows, failures, self.kind, every=True)
        stem = name.rpartition(".")[0] or name or "file"
        headers = {"Content-Disposition": attachment(f"{stem}-检查结果.{file.kind}")}
        return web.Response(body=file.body, content_type=file.content_type, headers=headers)


def _rows(data: bytes, name: str) -> list[FileRow]:
    rows = []
    for row in read_rows(data, name=name):
        rows.append(row)
        if len(rows) > MAX_LINES:
            raise feed_error("too_many_rows", status=413, limit=MAX_LINES)
    return rows


async def _body(request: web.Request) -> bytes:
    """Read the body as it comes and count it: no parser of forms sees it."""
    if (request.content_length or 0) > MAX_SENT:
        raise feed_error("body_too_large", status=413, limit=MAX_SENT // MIB)
    body = bytearray()
    async for piece in request.content.iter_chunked(_CHUNK):
        body += piece
        if len(body) > MAX_SENT:
            raise feed_error("body_too_large", status=413, limit=MAX_SENT // MIB)
    return bytes(body)


async def _choices(request: web.Request) -> tuple[dict[str, str], list[str]]:
    """Return the senders in the viewer's scope, and the counties whose tables a file may be held against."""
    actor = request[ACTOR]
    async with request.app[HUB].look(actor, "feeds.check") as look:
        named = await platform_names(look)
        sending = await store.sending_counties(look.connection, look.scope)
    own = [code for code in actor.scope.divisions if len(code) == _COUNTY_DIGITS]
    return named, [] if actor.scope.of_company else sorted({*sending, *own})


async def _sender(request: web.Request) -> Sender:
    """Return the sender the file is checked for; raises Absent for one, or a county, out of scope."""
    chosen, county = request.query.get("sender", ""), request.query.get("county", "")
    if chosen == _STANDARD:
        if county not in (await _choices(request))[1]:
            raise Absent
        return Sender(platform="", county=county, tier="B")
    async with request.app[HUB].look(request[ACTOR], "feeds.check") as look:
        found = await store.find_sender(look.connection, chosen, look.scope)
    if found is None:
        raise Absent
    return found
