"""接入概览: what an engineer of a platform sees first: how its own feeds stand, and where to go on."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from rider_hub.access import ACTOR, HUB, Actor, guarded
from rider_hub.access.policy import allows
from rider_hub.errors import Absent
from rider_hub.intake.listing import TRANSPORTS
from rider_hub.intake.model import FEED_TITLES
from rider_hub.intake.pages import RECEIPT_STATES
from rider_hub.intake.snapshot_listing import scope_words
from rider_hub.intake.snapshot_pages import SNAPSHOT_STATES
from rider_hub.views.portal_figures import read_portal
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone

__all__ = ["Card", "routes"]

_GUIDE: Final = Path(__file__).parents[2] / "docs" / "platforms.zh-CN.md"
_FEED_STATES = {True: State("逾期未报", Tone.OVERDUE), False: State("按时", Tone.DONE)}


@dataclass(frozen=True)
class Card:
    """A way on from the overview; `operation` (of the policy) says who is shown it."""

    title: str
    text: str
    path: str
    operation: str


#: In the order of the work: try, send, look up, mend. A new page for platforms gets its line here.
_CARDS: Sequence[Card] = (
    Card("检查文件", "报送前看看哪些行会被退回，不保存。", "/feeds/check", "feeds.check"),
    Card("报送文件", "没有接口也能报：选一份文件，当场给回执。", "/feeds/upload", "feeds.upload"),
    Card("字段对照", "列名、代码和标准不同：上传样例，对上每一列。", "/feeds/mapping", "mappings.view"),
    Card("接收回执", "每一批收到、入库、退回多少行，为什么。", "/feeds/receipts", "feeds.view"),
    Card("待修正数据", "没有入库的行，改好后重新入库。", "/feeds/quarantine?state=waiting", "feeds.replay"),
    Card("站点报送", "按站点下载名单模板，给站点建上报链接，看谁报过。", "/feeds/stations", "links.view"),
    Card("全量核对", "全量名册声明多少行、收到多少行。", "/feeds/snapshots", "feeds.view"),
    Card(
        "接入说明", "一页走通：签名、检查、报送、回执，用 curl 和 openssl。", "/portal/guide", "portal.view"
    ),
    Card("接口说明", "接口、签名、错误代码，OpenAPI 文档。", "/api/docs", "public"),
)


def routes() -> list[web.RouteDef]:
    """Return the overview."""
    return guarded("portal.view", [web.get("/portal", _overview), web.get("/portal/guide", _guide)])


def _cards(actor: Actor) -> list[Card]:
    return [card for card in _CARDS if allows(actor, card.operation)]


async def _overview(request: web.Request) -> web.Response:
    portal = await read_portal(request.app[HUB], request[ACTOR])
    return await render(
        request,
        "views/portal.html",
        portal=portal,
        cards=_cards(request[ACTOR]),
        feed_states=_FEED_STATES,
        receipt_states=RECEIPT_STATES,
        snapshot_states=SNAPSHOT_STATES,
        feed_titles=FEED_TITLES,
        transports=TRANSPORTS,
        scope_words=scope_words,
    )


async def _guide(request: web.Request) -> web.Response:
    """Show the page for platforms' engineers as it is, so that nobody has to be asked for it."""
    try:
        text = await asyncio.to_thread(_GUIDE.read_text, "utf-8")
    except FileNotFoundError as error:
        raise Absent from error
    return await render(request, "views/portal_guide.html", text=text)
