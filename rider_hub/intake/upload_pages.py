"""报送文件: a file goes in as a push would; its receipt is shown, its refused rows come back annotated."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from aiohttp import web

from connectors.records import FeedType, Registration, Request, Station
from rider_hub.access import ACTOR, HUB, Actor, guarded
from rider_hub.access.inputs import takes
from rider_hub.clock import SHANGHAI
from rider_hub.errors import Invalid
from rider_hub.intake.check_pages import types_of
from rider_hub.intake.listing import platform_names
from rider_hub.intake.model import as_feed_type
from rider_hub.intake.sealed_files import seals_for
from rider_hub.intake.sent_files import LIMIT_MIB, SHOWN, read_sent
from rider_hub.intake.station_feeds import handed_in_for
from rider_hub.intake.station_form import in_words
from rider_hub.intake.uploading import HandedIn, file_form_of, refused_of_upload, take_upload
from rider_hub.intake.within import is_bound
from rider_hub.web.expectations import CHOICE
from rider_hub.web.forms import Form, parse_form
from rider_hub.web.shell import render

__all__ = ["Upload", "routes", "told_in_words", "words_of"]

_MODES = [
    ("changes", "增量：只有新增和变动的骑手，不在文件中的骑手不变"),
    ("snapshot", "全量：这一范围的全部骑手，不在文件中的视为已离开"),
]
_SCOPES = [("county", "本平台在本区县的全部骑手"), ("station", "一个站点的全部骑手")]


class Upload(msgspec.Struct):
    """What is said of a file; the file itself is the body."""

    type: Annotated[FeedType, msgspec.Meta(title="文件内容")]
    sender: Annotated[str, msgspec.Meta(title="报送方", max_length=64, extra=CHOICE)]
    annotated: bool = False
    mode: Annotated[Literal["changes", "snapshot"] | None, msgspec.Meta(title="增量还是全量")] = None
    as_of: Annotated[str, msgspec.Meta(title="全量截至时间", max_length=40)] = ""
    scope: Annotated[Literal["county", "station"], msgspec.Meta(title="全量范围")] = "county"
    station_ref: Annotated[str, msgspec.Meta(title="站点编号", max_length=128)] = ""


def routes() -> list[web.RouteDef]:
    """Return the page that takes a file."""
    return guarded("feeds.upload", [web.get("/feeds/upload", _page), web.post("/feeds/upload", _upload)])


async def _page(request: web.Request) -> web.Response:
    bound = is_bound(request[ACTOR])
    async with request.app[HUB].look(request[ACTOR], "feeds.upload") as look:
        named = await platform_names(look)
        stations = await handed_in_for(look) if bound else []
    asked, only = request.query.get("sender"), next(iter(named)) if len(named) == 1 else None
    feed_type = as_feed_type(request.query.get("type", ""))
    return await render(
        request,
        "intake/upload.html",
        form=Form.filled(
            sender=asked if asked in named else only,
            type=feed_type or "registration",
            scope="station" if bound else "county",
            station_ref=stations[0]["station_ref"] if len(stations) == 1 else None,
        ),
        types=types_of(request[ACTOR]),
        bound=bound,
        stations=stations,
        platforms=sorted(named.items()),
        modes=_MODES,
        scopes=_SCOPES,
        station_choices=[(one["station_ref"], f"{one['name']}（{one['station_ref']}）") for one in stations],
        limit=LIMIT_MIB,
    )


@takes(Upload, rows=(Station, Registration, Request))
async def _upload(request: web.Request) -> web.StreamResponse:
    """Take the body, which is the file as it is, and show its receipt.

    What is said of it stands in the address. With `annotated` nothing is taken: the refused rows of a file
    that was taken before come back with the reasons.
    """
    hub, actor = request.app[HUB], request[ACTOR]
    form = parse_form(request.rel_url.raw_query_string.encode(), Upload)
    said = form.value
    if said is None:
        raise _wrong(form)
    if is_bound(actor):
        said.scope = "station"
    words = words_of(said, form, hub.clock.now())
    seals = None if is_bound(actor) else partial(seals_for, hub, actor, said.sender)
    sent = await read_sent(request, seals, form=await file_form_of(hub, actor, said.sender, said.type))
    given = HandedIn(said.sender, said.type, sent.name, sent.data, sent.rows, words)
    if said.annotated:
        faults = told_in_words(actor, await refused_of_upload(hub, actor, given))
        return await sent.annotated(request, faults, "退回的行", every=False)
    receipt = await take_upload(hub, actor, given)
    return await render(
        request,
        "intake/upload_report.html",
        it=receipt,
        failures=told_in_words(actor, receipt.failures[:SHOWN]),
        receipt_url=f"/feeds/receipts/{receipt.id}",
        more=max(len(receipt.failures) - SHOWN, 0),
    )


def told_in_words(actor: Actor, faults: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return faults with their fields named as the file does that a bound actor fills in."""
    named = in_words if is_bound(actor) else str
    return [{**one, "path": named(one["path"])} for one in faults]


def words_of(said: Upload, form: Form[Upload], now: datetime) -> dict[str, str]:
    """Return what is said of the file in the names of a push's headers; raises Invalid with every fault."""
    if said.mode != "snapshot":
        if said.mode is None and said.type == "registration":
            raise _wrong(form.failed("mode", "missing", "请选择增量还是全量", "say whether it is whole"))
        return {"rfs-mode": "changes"}
    as_of = _moment(said.as_of)
    if as_of is None:
        form = form.failed("as_of", "missing", "请填写全量的截至时间", "say of when the snapshot is")
    elif as_of > now:
        form = form.failed("as_of", "invalid", "全量的截至时间不能晚于现在", "as_of lies in the future")
    one = said.scope == "station"
    if one and not (said.station_ref and said.station_ref.isprintable()):
        form = form.failed("station_ref", "missing", "请填写站点编号", "say which station it is")
    if as_of is None or form.errors:
        raise _wrong(form)
    scope = f"station:{quote(said.station_ref, safe='')}" if one else "county"
    return {"rfs-mode": "snapshot", "rfs-as-of": as_of.isoformat(), "rfs-scope": scope}


def _moment(text: str) -> datetime | None:
    """Return a time as the browser's field gives it: without an offset it is China's."""
    try:
        read = datetime.fromisoformat(text)
        return read if read.tzinfo else read.replace(tzinfo=SHANGHAI)
    except ValueError:
        return None


def _wrong(form: Form[Upload]) -> Invalid:
    told = "；".join(one.zh for one in form.errors)
    return Invalid(f"{told}。", "; ".join(one.en for one in form.errors), errors=form.errors)
