"""全量核对: snapshots with what was declared and came; held ones are released or dropped here."""

from collections.abc import Sequence

from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.policy import allows
from rider_hub.errors import Absent
from rider_hub.intake.freshness import feed_states, gaps_of, latest_snapshots
from rider_hub.intake.listing import platform_names
from rider_hub.intake.sender_keys import changed_lately, live_keys
from rider_hub.intake.snapshot_course import drop_snapshot, release_snapshot
from rider_hub.intake.snapshot_listing import list_snapshots, scope_words, show_snapshot
from rider_hub.intake.snapshot_model import SnapshotState
from rider_hub.intake.stream_listing import stream_state
from rider_hub.web.ledger import Action, Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone, titled

__all__ = ["SNAPSHOT_STATES", "routes"]

SNAPSHOT_STATES = titled(
    {
        SnapshotState.ARRIVING: Tone.DOING,
        SnapshotState.ARRIVED: Tone.DOING,
        SnapshotState.HELD: Tone.TODO,
        SnapshotState.APPLYING: Tone.DOING,
        SnapshotState.APPLIED: Tone.DONE,
        SnapshotState.SUPERSEDED: Tone.PLAIN,
        SnapshotState.DROPPED: Tone.WITHDRAWN,
        SnapshotState.OVER: Tone.OVERDUE,
        SnapshotState.LAPSED: Tone.OVERDUE,
    }
)


def routes() -> list[web.RouteDef]:
    """Return the pages of snapshots, and the page of one sender."""
    shown = [
        *ledger_routes(_SNAPSHOTS, "/feeds/snapshots"),
        web.get("/feeds/snapshots/{id}", _snapshot),
        web.get("/feeds/senders/{platform}", _sender),
    ]
    deciding = [
        web.post("/feeds/snapshots/{id}/release", _release),
        web.post("/feeds/snapshots/{id}/drop", _drop),
    ]
    return [*guarded("feeds.view", shown), *guarded("snapshots.decide", deciding)]


async def _load(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], "feeds.view") as look:
        rows, total = await list_snapshots(look, query.filters, limit=query.size, offset=query.offset)
        return Page(rows, total, look.now)


async def _platforms(request: web.Request) -> Sequence[tuple[str, str]]:
    async with request.app[HUB].look(request[ACTOR], "feeds.view") as look:
        return sorted((await platform_names(look)).items())


async def _snapshot(request: web.Request) -> web.Response:
    actor = request[ACTOR]
    async with request.app[HUB].look(actor, "feeds.view") as look:
        found, rows, receipts = await show_snapshot(look, request.match_info["id"])
        named = await platform_names(look)
    return await render(
        request,
        "intake/snapshot.html",
        it=found,
        rows=rows,
        receipts=receipts,
        scope=scope_words(found),
        platform=named.get(found.platform, found.platform),
        states=SNAPSHOT_STATES,
        may_decide=found.state is SnapshotState.HELD and allows(actor, "snapshots.decide"),
        is_whole=rows == found.total,
    )


@takes()
async def _release(request: web.Request) -> web.Response:
    snapshot_id = request.match_info["id"]
    await release_snapshot(request.app[HUB], request[ACTOR], snapshot_id)
    raise web.HTTPSeeOther(f"/feeds/snapshots/{snapshot_id}")


@takes()
async def _drop(request: web.Request) -> web.Response:
    snapshot_id = request.match_info["id"]
    await drop_snapshot(request.app[HUB], request[ACTOR], snapshot_id)
    raise web.HTTPSeeOther(f"/feeds/snapshots/{snapshot_id}")


async def _sender(request: web.Request) -> web.Response:
    """Show how one sender's feeds come: last seen, gaps, declared against received."""
    hub, platform = request.app[HUB], request.match_info["platform"]
    keys, changes = None, []
    async with hub.look(request[ACTOR], "feeds.view") as look:
        named = await platform_names(look)
        if platform not in named:
            raise Absent
        states = await feed_states(look.connection, look.scope, look.now)
        feeds = [one for one in states if one.platform == platform]
        gaps = [(one, await gaps_of(look.connection, one, look.now)) for one in feeds]
        snapshots = await latest_snapshots(look.connection, platform)
        if allows(request[ACTOR], "senders.keys"):
            keys = [one for one in await live_keys(look, hub.keys, platform) if not one.test]
            changes = await changed_lately(look.connection, platform, look.now)
        stream = await stream_state(look.connection, platform, look.now)
    return await render(
        request,
        "intake/sender.html",
        platform=platform,
        name=named[platform],
        feeds=feeds,
        gaps=[(one, start, end) for one, found in gaps for start, end in found[:10]],
        snapshots=snapshots,
        stream=stream,
        reading_states={True: State("在读", Tone.DONE), False: State("没有进程在读", Tone.OVERDUE)},
        snapshot_states=SNAPSHOT_STATES,
        feed_states={True: State("逾期未报", Tone.OVERDUE), False: State("按时", Tone.DONE)},
        scope_words=scope_words,
        keys=keys,
        changes=changes,
    )


_SNAPSHOTS = Ledger(
    key="snapshots",
    title="全量核对",
    purpose="平台报送的全量名册：声明多少行、收到多少行、多少人因此离开。离开的人过多时先暂停，由区县核对。",
    personal=False,
    columns=[
        Column("as_of", "截至时间", kind="time"),
        Column("platform", "报送方", width=8),
        Column("scope", "范围", width=10),
        Column("state", "状态", kind="state", states=SNAPSHOT_STATES),
        Column("total", "声明行数", kind="number"),
        Column("rows", "收到行数", kind="number"),
        Column("riders", "原有在册", kind="number"),
        Column("leaving", "将离开", kind="number"),
        Column("name", "名册编号", kind="code", width=10),
    ],
    filters=[
        Choice("platform", "报送方", _platforms),
        Choice("state", "状态", [(key, state.word) for key, state in SNAPSHOT_STATES.items()]),
    ],
    empty="还没有全量名册。按全量报送后，会出现在这里。",
    load=_load,
    row_url=lambda row: f"/feeds/snapshots/{row['id']}",
    actions=[Action("报送情况", "/feeds"), Action("接收回执", "/feeds/receipts")],
)
