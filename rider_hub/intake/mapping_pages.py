"""字段对照: a sample is read, its columns corrected, tried out and saved; nothing of the sample is kept."""

import asyncio
from typing import Annotated, Any

import msgspec
from aiohttp import web

from connectors.errors import FeedError
from connectors.records import FeedType, Registration, Request, Station
from connectors.sources.writing import to_toml
from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.errors import Absent, Failure, HubError, Invalid
from rider_hub.intake.mapping_drafts import (
    FORBIDDEN,
    IGNORED,
    Draft,
    choices_of_column,
    choices_of_field,
    coded_fields,
    draft_of,
    manifest_of,
    required_of,
    title_of,
)
from rider_hub.intake.mapping_samples import (
    MAX_FIELDS,
    MAX_FORM,
    MAX_SAMPLE,
    ShownColumn,
    columns_without_sample,
    look_through,
    sent_sample,
)
from rider_hub.intake.mapping_trial import try_out
from rider_hub.intake.mappings import SenderMappings, list_mappings, mapping_toml, save_mapping, show_mappings
from rider_hub.intake.model import FEED_TITLES, Sender, as_feed_type
from rider_hub.intake.sent_files import rows_within
from rider_hub.web.export import attachment
from rider_hub.web.forms import Form, read_form
from rider_hub.web.shell import SHELL, render

__all__ = ["Brought", "routes"]

_FRAMES = [
    ("gcj02", "GCJ-02（高德、腾讯地图）"),
    ("bd09", "BD-09（百度地图）"),
    ("wgs84", "WGS 84（GPS）"),
    ("cgcs2000", "国家 2000（天地图）"),
]
_MIB = 1024 * 1024


class Brought(msgspec.Struct):
    """A manifest as TOML, brought in whole."""

    text: Annotated[str, msgspec.Meta(title="字段对照（TOML）", max_length=60_000)]
    note: Annotated[str, msgspec.Meta(title="说明", max_length=100)] = ""


def routes() -> list[web.RouteDef]:
    """Return the pages of mappings."""
    shown = [
        web.get("/feeds/mapping", _list),
        web.get("/feeds/mapping/{platform}", _one),
        web.get("/feeds/mapping/{platform}/manifest.toml", _export),
        web.get("/feeds/mapping/{platform}/versions/{number}", _export),
    ]
    changing = [
        web.get("/feeds/mapping/{platform}/{type}", _edit),
        web.post("/feeds/mapping/{platform}/{type}/sample", _read),
        web.post("/feeds/mapping/{platform}/{type}/trial", _try),
        web.post("/feeds/mapping/{platform}/{type}/save", _save),
        web.post("/feeds/mapping/{platform}/import", _import),
    ]
    return [*guarded("mappings.view", shown), *guarded("mappings.change", changing)]


async def _list(request: web.Request) -> web.Response:
    found = await list_mappings(request.app[HUB], request[ACTOR])
    return await render(request, "intake/mappings.html", senders=found, feeds=FEED_TITLES)


async def _one(request: web.Request) -> web.Response:
    found = await show_mappings(request.app[HUB], request[ACTOR], request.match_info["platform"])
    return await _shown(request, found, Form.filled())


async def _shown(
    request: web.Request, found: SenderMappings, form: Form[Brought], status: int = 200
) -> web.Response:
    fault = ""
    try:
        manifest = found.sender.mapping
    except FeedError as error:
        manifest, fault = None, error.zh
    return await render(
        request,
        "intake/mapping.html",
        status=status,
        it=found,
        manifest=manifest,
        fault=fault,
        feeds=FEED_TITLES,
        title_of=title_of,
        words={path: dict(choices_of_field(path)) for path in ("op", "employment")},
        form=form,
    )


async def _export(request: web.Request) -> web.Response:
    """Answer with a manifest as TOML, as it could stand in connectors/sources."""
    platform, number = request.match_info["platform"], request.match_info.get("number", "")
    if number and not (number.isascii() and number.isdigit() and len(number) < 7):  # noqa: PLR2004 - a small number
        raise Absent
    text = await mapping_toml(request.app[HUB], request[ACTOR], platform, int(number) if number else None)
    headers = {"Content-Disposition": attachment(f"{platform}{'-' + number if number else ''}-manifest.toml")}
    return web.Response(text=text, content_type="application/toml", headers=headers)


@takes(Brought)
async def _import(request: web.Request) -> web.Response:
    hub, actor, platform = request.app[HUB], request[ACTOR], request.match_info["platform"]
    found = await show_mappings(hub, actor, platform)
    form = await read_form(request, Brought, limit=MAX_FORM)
    if form.value is not None:
        try:
            await save_mapping(hub, actor, platform, form.value.text, form.value.note)
        except (FeedError, Invalid) as error:
            form = form.failed("text", error.code, error.zh, error.en)
    if form.value is None:
        return await _shown(request, found, form, status=422)
    raise web.HTTPSeeOther(f"/feeds/mapping/{platform}")


async def _sender(request: web.Request) -> tuple[SenderMappings, FeedType]:
    feed_type = as_feed_type(request.match_info["type"])
    if feed_type is None:
        raise Absent
    return await show_mappings(request.app[HUB], request[ACTOR], request.match_info["platform"]), feed_type


async def _edit(request: web.Request) -> web.Response:
    found, feed_type = await _sender(request)
    draft = draft_of(found.sender, feed_type)
    return await _page(request, found, feed_type, draft)


async def _page(
    request: web.Request,
    found: SenderMappings,
    feed_type: FeedType,
    draft: Draft,
    errors: tuple[Failure, ...] = (),
) -> web.Response:
    table = _table(found.sender, feed_type, draft, columns_without_sample(draft, feed_type))
    return await render(
        request,
        "intake/mapping_edit.html",
        status=422 if errors else 200,
        it=found,
        type=feed_type,
        feed=FEED_TITLES[feed_type],
        limit=MAX_SAMPLE // _MIB,
        rows=0,
        form=Form(errors=errors),
        **table,
    )


def _table(sender: Sender, feed_type: FeedType, draft: Draft, columns: list[ShownColumn]) -> dict[str, Any]:
    """Return what the table of columns is made of."""
    chosen = set(draft.chosen().values())
    refused = [one for one in columns if one.is_forbidden]
    ignored = [one for one in columns if one.chosen == IGNORED]
    done = [one for one in columns if _is_settled(one)]
    open_ = [one for one in columns if one not in (*refused, *ignored, *done)]
    return {
        "draft": draft,
        "groups": [("不能报送的列", refused), ("请您确认的列", open_), ("已经对上的列", done)],
        "ignored": ignored,
        "choices": choices_of_column(feed_type, sender),
        "words": {path: choices_of_field(path, feed_type) for path in coded_fields(feed_type)},
        "missing": [title_of(path, feed_type) for path in required_of(feed_type) if path not in chosen],
        "frames": _FRAMES,
        "agreed_frame": sender.frame,
        "has_points": any(what[:1] == "@" or what.endswith(("lng", "lat")) for what in chosen),
        "is_registration": feed_type == "registration",
        "IGNORED": IGNORED,
        "FORBIDDEN": FORBIDDEN,
    }


def _is_settled(one: ShownColumn) -> bool:
    """Say whether a column stands for a field, and nothing of it is open."""
    mapped = one.chosen not in {"", IGNORED, FORBIDDEN}
    return mapped and not one.notes and all(value for _, value in one.codes)


@takes(Draft, rows=(Station, Registration, Request))
async def _read(request: web.Request) -> web.Response:
    """Answer with the columns of the sample as a part of the page."""
    found, feed_type = await _sender(request)
    sent = await sent_sample(request)
    draft, columns, rows = await look_through(request, sent, found.sender, feed_type)
    table = _table(found.sender, feed_type, draft, columns)
    return await render(request, "intake/mapping_columns.html", rows=rows, form=Form(), **table)


@takes(Draft, rows=(Station, Registration, Request))
async def _try(request: web.Request) -> web.Response:
    """Answer with what the sample would make as a part of the page; nothing is stored."""
    hub, actor = request.app[HUB], request[ACTOR]
    found, feed_type = await _sender(request)
    sent = await sent_sample(request)
    manifest, faults = manifest_of(sent.draft, found.sender, feed_type, found.name)
    if manifest is None:
        raise _refused(faults)
    form = manifest.feeds[feed_type].file
    async with request.app[SHELL].exports:
        rows = await asyncio.to_thread(rows_within, sent.data, sent.name, form)
    trial = await try_out(hub, actor, found.sender, manifest=manifest, feed_type=feed_type, rows=rows)
    return await render(request, "intake/mapping_trial.html", it=trial)


@takes(Draft)
async def _save(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    found, feed_type = await _sender(request)
    form = await read_form(request, Draft, limit=MAX_FORM, fields=MAX_FIELDS)
    draft = form.checked()
    manifest, faults = manifest_of(draft, found.sender, feed_type, found.name)
    if manifest is not None:
        try:
            await save_mapping(hub, actor, found.sender.platform, to_toml(manifest), draft.note)
        except (FeedError, Invalid) as error:
            faults = [Failure(row=0, path="file", code=error.code, zh=error.zh, en=error.en)]
    if faults:
        return await _page(request, found, feed_type, draft, tuple(faults))
    raise web.HTTPSeeOther(f"/feeds/mapping/{found.sender.platform}")


def _refused(faults: list[Failure]) -> HubError:
    told = "".join(one.zh for one in faults[:5])
    return Invalid(told, "; ".join(one.en for one in faults), errors=tuple(faults))
