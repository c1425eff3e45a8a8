"""数据接入: senders, receipts with their faults, rows to mend and replay, held batches to release."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from aiohttp import web

from geo.frames import READINGS
from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.policy import allows
from rider_hub.access.purposes import MEND_REASONS, Purpose
from rider_hub.errors import HubError, Invalid
from rider_hub.intake import listing
from rider_hub.intake.faults import whole
from rider_hub.intake.model import FEED_TITLES, QuarantineState, ReceiptState, Verdict
from rider_hub.intake.quarantine import (
    KeptRow,
    mend_row,
    open_row,
    release_held,
    replay,
    return_row,
    show_row,
)
from rider_hub.intake.snapshots import with_snapshot
from rider_hub.intake.station_form import in_words
from rider_hub.intake.within import is_bound
from rider_hub.web.forms import Form, PurposeForm, read_form
from rider_hub.web.ledger import Action, Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query, Text
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone, titled

__all__ = ["routes"]

SENDER_STATES = {
    "fresh": State("按时", Tone.DONE),
    "late": State("逾期未报", Tone.OVERDUE),
    "never": State("还没报送", Tone.TODO),
}
RECEIPT_STATES = {
    "running": State("接收中", Tone.DOING),
    "done": State("已接收", Tone.DONE),
    "held": State("整批暂存", Tone.SOON),
}
ROW_STATES = titled(
    {
        QuarantineState.WAITING: Tone.TODO,
        QuarantineState.HELD: Tone.SOON,
        QuarantineState.REPLAYED: Tone.DONE,
        QuarantineState.REFUSED: Tone.WITHDRAWN,
        QuarantineState.RETURNED: Tone.WITHDRAWN,
        QuarantineState.EXPIRED: Tone.WITHDRAWN,
    }
)
FRAME_STATES = titled(
    {
        Verdict.OK: Tone.DONE,
        Verdict.SUSPECT: Tone.OVERDUE,
        Verdict.UNVERIFIED: Tone.PLAIN,
    }
)
_FRAME_NAMES = {
    "wgs84": "WGS 84（国家 2000）",
    "gcj02": "GCJ-02（高德、腾讯）",
    "bd09": "BD-09（百度）",
    "wgs84_swapped": "WGS 84，经纬度写反",
    "gcj02_swapped": "GCJ-02，经纬度写反",
    "bd09_swapped": "BD-09，经纬度写反",
}
_FRAMES = [(reading, _FRAME_NAMES[reading]) for reading in READINGS]
_Cell = Annotated[str, msgspec.Meta(max_length=65536)]
#: A row has at most 64 KiB of content; in a form it is written percent-encoded.
_MAX_FORM = 256 * 1024


class Mended(msgspec.Struct):
    """A row as mended: where each field is, what is to stand there, and which fields are to be left out."""

    path: Annotated[list[_Cell], msgspec.Meta(title="字段")]
    value: Annotated[list[_Cell], msgspec.Meta(title="值")] = []
    drop: Annotated[list[_Cell], msgspec.Meta(title="去掉的字段")] = []
    opened: bool = False


class Release(msgspec.Struct):
    """The frame in which a held batch is to be read."""

    frame: Annotated[str, msgspec.Meta(title="坐标系")]


def routes() -> list[web.RouteDef]:
    """Return the staff pages of intake."""
    shown = [
        *ledger_routes(_RECEIPTS, "/feeds/receipts"),
        *ledger_routes(_QUARANTINE, "/feeds/quarantine"),
        web.get("/feeds/receipts/{id}", _receipt),
    ]
    changing = [
        web.get("/feeds/quarantine/{id}", _row),
        web.post("/feeds/quarantine/{id}/open", _open),
        web.post("/feeds/quarantine/{id}/replay", _replay),
        web.post("/feeds/quarantine/{id}/return", _return),
        web.post("/feeds/receipts/{id}/release", _release),
        web.post("/feeds/receipts/{id}/replay", _replay_all),
    ]
    return [
        *guarded("feeds.view", ledger_routes(_SENDERS, "/feeds")),
        *guarded("receipts.view", shown),
        *guarded("feeds.replay", changing),
    ]


async def _load_senders(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], "feeds.view") as look:
        rows = await listing.list_senders(look)
        end = None if query.size is None else query.offset + query.size
        return Page(rows[query.offset : end], len(rows), look.now)


async def _load_receipts(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], "receipts.view") as look:
        rows, total = await listing.list_receipts(look, query.filters, limit=query.size, offset=query.offset)
        return Page(rows, total, look.now)


async def _load_quarantine(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], "receipts.view") as look:
        rows, total = await listing.list_quarantine(
            look, query.filters, limit=query.size, offset=query.offset
        )
        return Page(rows, total, look.now)


async def _platforms(request: web.Request) -> Sequence[tuple[str, str]]:
    async with request.app[HUB].look(request[ACTOR], "receipts.view") as look:
        return sorted((await listing.platform_names(look)).items())


async def _receipt(request: web.Request) -> web.Response:
    return await _shown_receipt(request, Form.filled())


async def _shown_receipt(request: web.Request, form: Form[Release], status: int = 200) -> web.Response:
    actor = request[ACTOR]
    async with request.app[HUB].look(actor, "receipts.view") as look:
        found = await with_snapshot(
            look.connection, await listing.show_receipt(look, request.match_info["id"])
        )
        named = await listing.platform_names(look)
        source = await listing.source_of(look, found)
    may_change = allows(actor, "feeds.replay")
    of_feed = allows(actor, "feeds.view") and not is_bound(actor)
    return await render(
        request,
        "intake/receipt.html",
        status=status,
        it=found,
        platform=named.get(found.platform, found.platform),
        feed=FEED_TITLES.get(found.feed_type, found.feed_type),
        transport=listing.TRANSPORTS.get(found.transport, found.transport),
        states=RECEIPT_STATES,
        frame_states=FRAME_STATES,
        evidence=_evidence(found.frame_evidence or {}),
        frames=_FRAMES,
        form=form,
        source=source,
        of_feed=of_feed,
        in_words=in_words if found.partner or found.link else str,
        may_release=may_change and of_feed and found.state is ReceiptState.HELD,
        may_replay=may_change and found.rejected > 0,
    )


def _evidence(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was found of each frame in words."""
    found = []
    for frame, one in evidence.items():
        if isinstance(one, Mapping) and one["rows"]:
            likely = _FRAME_NAMES.get(one["suggested"] or "", "无法判断")
            words = (
                f"{one['rows']} 行写明街道，按此坐标系相符 {one['agreeing'][frame]} 行；最可能是：{likely}"
            )
            found.append((f"报送为 {_FRAME_NAMES[frame]}", words))
    if evidence.get("released_as"):
        found.append(("放行", f"已按 {_FRAME_NAMES.get(evidence['released_as'], '')} 入库"))
    return found


@takes(Release)
async def _release(request: web.Request) -> web.Response:
    form = await read_form(request, Release)
    receipt_id = request.match_info["id"]
    if form.value is None:
        return await _shown_receipt(request, form, status=422)
    if form.value.frame not in _FRAME_NAMES:
        raise whole("frame_still_suspect")
    try:
        await release_held(request.app[HUB], request[ACTOR], receipt_id, form.value.frame)
    except HubError as error:
        if error.code != "frame_still_suspect":
            raise
        return await _shown_receipt(request, form.failed("frame", error.code, error.zh, error.en), status=422)
    raise web.HTTPSeeOther(f"/feeds/receipts/{receipt_id}")


@takes()
async def _replay_all(request: web.Request) -> web.Response:
    [receipt, *_] = await replay(request.app[HUB], request[ACTOR], receipt_id=request.match_info["id"])
    raise web.HTTPSeeOther(f"/feeds/receipts/{receipt.id}")


async def _row(request: web.Request) -> web.Response:
    row = await show_row(request.app[HUB], request[ACTOR], request.match_info["id"])
    return await _render_row(request, row, Form.filled())


@takes(PurposeForm)
async def _open(request: web.Request) -> web.Response:
    form = await read_form(request, PurposeForm)
    hub, actor, row_id = request.app[HUB], request[ACTOR], request.match_info["id"]
    try:
        asked = form.checked()
        purpose = Purpose.stated(MEND_REASONS, asked.reason, asked.purpose)
    except Invalid as error:
        wrong: Form[Any] = Form(values=form.values, errors=error.errors)
        return await _render_row(request, await show_row(hub, actor, row_id), wrong, status=422)
    return await _render_row(request, await open_row(hub, actor, row_id, purpose), Form.filled(), opened=True)


async def _render_row(
    request: web.Request,
    row: KeptRow,
    form: Form[Any],
    *,
    status: int = 200,
    opened: bool = False,
    again: bool = False,
) -> web.Response:
    response = await render(
        request,
        "intake/row.html",
        status=status,
        it=row.entry,
        fields=row.fields,
        whole=[one for one in row.entry["failures"] if not one["path"]],
        states=ROW_STATES,
        platform=dict(await _platforms(request)).get(row.entry["platform"], row.entry["platform"]),
        feed=FEED_TITLES.get(row.entry["feed_type"], row.entry["feed_type"]),
        form=form,
        opened=opened,
        hides=any(not one.shown for one in row.fields or ()),
        reasons=list(MEND_REASONS.items()),
        again=again,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@takes(Mended)
async def _replay(request: web.Request) -> web.Response:
    form = await read_form(request, Mended, limit=_MAX_FORM)
    hub, actor, row_id = request.app[HUB], request[ACTOR], request.match_info["id"]
    given = form.checked()
    # Blank values count, so they are taken as they came: one a path, in order.
    texts = form.values.get("value", ())
    if len(texts) != len(given.path):
        raise whole("row_not_json")
    changes = list(zip(given.path, texts, strict=True))
    receipt = await mend_row(hub, actor, row_id, changes, given.drop, opened=given.opened)
    if receipt.rejected:
        # What the visitor wrote is shown again, and nothing else that was closed.
        row = await show_row(hub, actor, row_id)
        return await _render_row(request, _as_written(row, dict(changes)), form, status=422, again=True)
    raise web.HTTPSeeOther(f"/feeds/receipts/{receipt.id}")


def _as_written(row: KeptRow, texts: Mapping[str, str]) -> KeptRow:
    fields = [
        replace(one, value=texts[one.path], shown=True) if texts.get(one.path) else one
        for one in row.fields or ()
    ]
    return KeptRow(row.entry, tuple(fields))


@takes()
async def _return(request: web.Request) -> web.Response:
    await return_row(request.app[HUB], request[ACTOR], request.match_info["id"])
    raise web.HTTPSeeOther(f"/feeds/quarantine/{request.match_info['id']}")


def _beside(other: Action) -> Callable[[web.Request], Awaitable[Sequence[Action]]]:
    """Return what leads on from a list of rows: a partner has stations and no senders."""

    async def actions(request: web.Request) -> Sequence[Action]:
        feeds = allows(request[ACTOR], "feeds.view")
        return [Action("报送情况", "/feeds") if feeds else Action("站点报送", "/feeds/stations"), other]

    return actions


_SENDERS = Ledger(
    key="senders",
    title="数据接入",
    purpose="看是否按时报送，收到、入库、退回各多少行。",
    personal=False,
    columns=[
        Column("name", "报送方", width=8),
        Column("state", "是否按时", kind="state", states=SENDER_STATES),
        Column("late_feeds", "逾期的内容", kind="tags", width=8),
        Column("last", "最近报送", kind="time"),
        Column("received", "收到", kind="number"),
        Column("accepted", "入库", kind="number"),
        Column("unchanged", "无变化", kind="number"),
        Column("waiting", "等待站点", kind="number"),
        Column("held", "整批暂存", kind="number"),
        Column("rejected", "退回", kind="number"),
        Column("to_mend", "待修正", kind="number"),
        Column("behind", "数据流未读", kind="number"),
    ],
    empty="还没有登记报送方。登记后，最近报送时间会列在这里。",
    load=_load_senders,
    row_url=lambda row: f"/feeds/senders/{row['platform']}",
    actions=[
        Action("接收回执", "/feeds/receipts"),
        Action("报送文件", "/feeds/upload"),
        Action("检查文件", "/feeds/check"),
        Action("字段对照", "/feeds/mapping"),
        Action("全量核对", "/feeds/snapshots"),
        Action("站点报送", "/feeds/stations"),
        Action("待修正数据", "/feeds/quarantine?state=waiting"),
    ],
)
_RECEIPTS = Ledger(
    key="receipts",
    title="接收回执",
    purpose="每一批数据收到多少行、各有什么结果；点开看退回的行和原因。",
    personal=False,
    columns=[
        Column("at", "接收时间", kind="time"),
        Column("platform", "报送方", width=8),
        Column("feed", "内容"),
        Column("state", "状态", kind="state", states=RECEIPT_STATES),
        Column("transport", "方式"),
        Column("received", "收到", kind="number"),
        Column("accepted", "入库", kind="number"),
        Column("unchanged", "无变化", kind="number"),
        Column("waiting", "等待站点", kind="number"),
        Column("held", "暂存", kind="number"),
        Column("rejected", "退回", kind="number"),
        Column("frame", "坐标系", kind="state", states=FRAME_STATES),
        Column("partner", "合作企业", width=10, hidden=True),
        Column("source", "来源", hidden=True),
    ],
    filters=[
        Choice("platform", "报送方", _platforms),
        Choice("feed_type", "内容", list(FEED_TITLES.items())),
        Choice("state", "状态", [(key, state.word) for key, state in RECEIPT_STATES.items()]),
    ],
    empty="还没有接收回执。报送第一批数据后，会出现在这里。",
    load=_load_receipts,
    row_url=lambda row: f"/feeds/receipts/{row['id']}",
    actions=_beside(Action("待修正数据", "/feeds/quarantine?state=waiting")),
)
_QUARANTINE = Ledger(
    key="quarantine",
    title="待修正数据",
    purpose="没有入库的行，保留 30 天。点开可以修正后重新入库，或退回。",
    personal=True,
    columns=[
        Column("row", "行号", kind="number"),
        Column("platform", "报送方", width=6),
        Column("feed", "内容"),
        Column("state", "状态", kind="state", states=ROW_STATES),
        Column("expires", "保留至", kind="date"),
        Column("record", "记录编号", kind="code", width=8),
        Column("fields", "有误的字段", kind="tags", width=10),
        Column("why", "原因", kind="reason", width=20),
        Column("at", "接收时间", kind="time", hidden=True),
    ],
    filters=[
        Choice("platform", "报送方", _platforms),
        Choice("state", "状态", [(key, state.word) for key, state in ROW_STATES.items()]),
        Text("receipt", "回执编号", hint="完整的回执编号"),
    ],
    empty="没有需要修正的数据。报送的行有误时，会出现在这里。",
    load=_load_quarantine,
    row_url=lambda row: f"/feeds/quarantine/{row['id']}",
    actions=_beside(Action("接收回执", "/feeds/receipts")),
)
