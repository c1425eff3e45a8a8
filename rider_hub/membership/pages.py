"""党员申报核验 for a body's secretary, and 党员人数 of streets under suppression."""

from typing import Annotated, Literal

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.small_counts import count_words, small_count
from rider_hub.errors import Conflict
from rider_hub.membership.totals import own_totals, street_totals
from rider_hub.membership.verification import Waiting, answer_verification, find_waiting, waiting_list
from rider_hub.web.forms import read_form
from rider_hub.web.ledger import Column, Ledger, ledger_routes, ledger_view
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone, day

__all__ = ["STATES", "routes"]

STATES = {
    "waiting": State("待核验", Tone.TODO),
    "yes": State("核验为是", Tone.DONE),
    "no": State("核验为不是", Tone.WITHDRAWN),
}


class Answer(msgspec.Struct):
    """Yes or no to one declaration."""

    answer: Annotated[Literal["yes", "no"], msgspec.Meta(title="核验结果")]


def routes() -> list[web.RouteDef]:
    """Return the pages of verification and of totals."""
    verifying = [
        web.get("/members", _list),
        web.get("/members/{id}", _one),
        web.post("/members/{id}", _answer),
    ]
    totals = ledger_routes(_TOTALS, "/member-totals")
    return [*guarded("membership.verify", verifying), *guarded("membership.totals", totals)]


async def _list(request: web.Request) -> web.Response:
    """Show the worklist, without an export: a list of members is not to leave the hub as a file."""
    totals = await own_totals(request.app[HUB], request[ACTOR])
    view = await ledger_view(_WAITING, request, "/members")
    members = sum(total.members for total in totals)
    return await render(request, "membership/members.html", view=view, members=members)


async def _load_waiting(request: web.Request, query: Query) -> Page:
    found = await waiting_list(request.app[HUB], request[ACTOR])
    rows = [_row(each) for each in found if query.get("state") in {None, _state(each)}]
    end = None if query.size is None else query.offset + query.size
    return Page(rows[query.offset : end], len(rows))


def _state(one: Waiting) -> str:
    return {None: "waiting", True: "yes", False: "no"}[one.verified]


def _row(one: Waiting) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "phone": one.phone,
        "kind": one.kind.title_zh,
        "state": _state(one),
        "body": one.body,
    }


async def _one(request: web.Request) -> web.Response:
    return await _show(request)


async def _show(request: web.Request, fault: str = "", status: int = 200) -> web.Response:
    found = await find_waiting(request.app[HUB], request[ACTOR], request.match_info["id"])
    response = await render(
        request,
        "membership/member.html",
        status=status,
        it=found,
        state_key=_state(found),
        states=STATES,
        fault=fault,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@takes(Answer)
async def _answer(request: web.Request) -> web.Response:
    form = await read_form(request, Answer)
    if form.value is None:
        return await _show(request, "请选择“是”或“不是”。", 422)
    try:
        await answer_verification(
            request.app[HUB], request[ACTOR], request.match_info["id"], yes=form.value.answer == "yes"
        )
    except Conflict as refusal:
        return await _show(request, refusal.zh, refusal.status)
    return web.Response(status=303, headers={"Location": "/members"})


async def _load_totals(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], "membership.totals") as look:
        found = await street_totals(look)
    rows: list[dict[str, str | None]] = [
        {"street": each.name, "members": count_words(each.members), "published": day(each.published_on)}
        for each in found
    ]
    shown = [each.members for each in found if each.members is not None]
    if len(shown) > 1:
        rows.append({"street": "已公布街道合计", "members": count_words(sum(shown)), "published": None})
    end = None if query.size is None else query.offset + query.size
    return Page(rows[query.offset : end], len(rows), look.now)


_WAITING = Ledger(
    key="members",
    title="党员申报核验",
    purpose="骑手本人选定您的党组织，并单独同意核验的申报。每条只答一次“是”或“不是”；本人撤回同意后，这里马上不再显示。",
    columns=[
        Column("name", "骑手", width=8),
        Column("phone", "手机号", kind="phone"),
        Column("kind", "申报类别", width=8),
        Column("state", "状态", kind="state", states=STATES),
        Column("body", "党组织", width=20),
    ],
    load=_load_waiting,
    empty="现在没有请您核验的申报。骑手在手机页面选定您的党组织并同意核验后，会出现在这里。",
    filters=[Choice("state", "状态", [(key, state.word) for key, state in STATES.items()])],
    row_url=lambda row: f"/members/{row['id']}",
    template="membership/members.html",
    personal=True,
    exported=False,
)
_TOTALS = Ledger(
    key="member-totals",
    title="党员人数",
    purpose=(
        f"每周一公布一次的各街道申报人数，不显示任何个人。不足{small_count()}人的不公布；"
        f"变动不到{small_count()}人的，数字不变，所以各期相减看不出个人；合计只加已公布的街道。"
    ),
    columns=[
        Column("street", "街道", width=16),
        Column("members", "申报的党员", width=8),
        Column("published", "公布日期", kind="text", width=8),
    ],
    load=_load_totals,
    empty="还没有公布。每周一早上统计一次。",
    personal=False,
)
