"""A gallery of every part pages are made of, filled with made-up content; mounted by tests alone."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR
from rider_hub.access.sessions import CSRF
from rider_hub.clock import FixedClock
from rider_hub.errors import Absent, Conflict, Unauthenticated
from rider_hub.web import (
    SHELL,
    Action,
    Chart,
    Choice,
    Column,
    Form,
    Layer,
    Ledger,
    Map,
    Page,
    Query,
    Shell,
    Text,
    Top,
    ledger_routes,
    problems,
    read_form,
    render,
    security_headers,
    static_routes,
)
from tests.rider_hub.web.content import MENU, NOW, STAFF, STATES, STREETS, rows


class Report(msgspec.Struct):
    """A service request as the gallery's form takes it."""

    category: Annotated[Literal["rest", "road", "pay"], msgspec.Meta(title="遇到的困难")]
    text: Annotated[str, msgspec.Meta(title="情况", max_length=200)]
    phone: Annotated[str, msgspec.Meta(title="手机号", pattern=r"^1[3-9]\d{9}$")] | None = None
    agree: bool = False


def ledger(data: list[dict[str, Any]], *, row_url: bool = True) -> Ledger:
    """Describe the gallery's ledger over some rows, filtered and sorted in memory."""

    async def load(_: web.Request, query: Query) -> Page:
        found = [row for row in data if query.get("street") in (None, row["street"])]
        words = query.get("q")
        found = [row for row in found if words is None or words in row["name"]]
        if query.sort:
            found.sort(key=lambda row: (row[query.sort] is None, row[query.sort]), reverse=query.descending)
        end = None if query.size is None else query.offset + query.size
        return Page(found[query.offset : end], len(found), as_of=NOW - timedelta(hours=3))

    return Ledger(
        key="gallery",
        personal=False,
        title="骑手台账",
        purpose="查看本辖区在册骑手由谁负责、依据是什么。",
        columns=[
            Column("name", "骑手", width=8),
            Column("code", "编号", kind="code"),
            Column("phone", "手机号", kind="phone"),
            Column("street", "所在街道", sortable=True),
            Column("station", "配送站点", kind="link"),
            Column("state", "状态", kind="state", states=STATES),
            Column("due", "办理时限", kind="time", sortable=True),
            Column("orders", "诉求数", kind="number", sortable=True),
            Column("metres", "最近驿站", kind="metres", sortable=True),
            Column("since", "登记日期", kind="date"),
            Column("tags", "配送方式", kind="tags"),
            Column("reason", "匹配依据", kind="reason"),
            Column("note", "备注", hidden=True),
        ],
        filters=[
            Text("q", "姓名", hint="输入完整姓名"),
            Choice("street", "街道", [(name, name) for name in STREETS]),
        ],
        empty="各平台送来骑手登记后，会按所在辖区出现在这里。第一次接入请到“数据接入”。",
        load=load,
        row_url=(lambda row: f"/riders/{row['code']}") if row_url else None,
        actions=[
            Action("预览匹配", "/match", primary=True),
            Action(
                "全部重算",
                "/riders/again",
                method="post",
                confirm="要重新计算全部骑手的匹配吗？生效前还会再请您审批。",
            ),
        ],
    )


async def detail(request: web.Request) -> web.Response:
    """Show one row in the drawer, or as a page."""
    if request.match_info["code"] == "missing":
        raise Absent
    history = [
        SimpleNamespace(
            at=NOW - timedelta(hours=5),
            title="匹配到东四第一联合党支部",
            text="依据：站点由该支部覆盖。",
            by="系统建议，李四审批",
            tone="done",
        ),
        SimpleNamespace(
            at=NOW - timedelta(days=3), title="配送站点变更", text="由“景山站”变更为“东四站”。", tone="doing"
        ),
        SimpleNamespace(at=NOW - timedelta(days=40), title="首次登记"),
    ]
    return await render(
        request, "parts/detail.html", code=request.match_info["code"], history=history, states=STATES
    )


async def desk(request: web.Request) -> web.Response:
    """Show figures, a chart and a short list."""
    chart = Chart(
        "本周诉求比上周少三成", "件", "诉求登记，截至今日 9:30", "/chart.json", "/riders", kind="bar"
    )
    return await render(request, "parts/desk.html", chart=chart, rows=rows(5), states=STATES)


async def chart_data(_: web.Request) -> web.Response:
    """Answer a chart's figures."""
    days = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"]
    series = [
        {"name": "上周", "values": [9, 7, 12, 8, 10, 4, 3]},
        {"name": "本周", "values": [6, 5, 8, 7, 6, 3, 2]},
    ]
    return web.json_response({"categories": days, "series": series})


async def form_page(request: web.Request) -> web.Response:
    """Show the form, or its faults after it was sent."""
    form: Form[Any] = await read_form(request, Report) if request.method == "POST" else Form()
    if form.value is not None:
        raise web.HTTPSeeOther("/riders")
    template = "parts/phone_form.html" if request.path.startswith("/r/") else "parts/form.html"
    return await render(request, template, status=422 if form.errors else 200, form=form)


async def phone_home(request: web.Request) -> web.Response:
    """Show a rider's first page."""
    return await render(request, "parts/phone_home.html")


async def login(request: web.Request) -> web.Response:
    """Show the sign-in."""
    return await render(request, "login.html", form=Form())


async def fail(request: web.Request) -> web.Response:
    """Raise what the path asks for."""
    errors: dict[str, Callable[[], Exception]] = {
        "absent": Absent,
        "conflict": lambda: Conflict("这条诉求已由别人办结。", "Somebody else closed this request."),
        "unauthenticated": lambda: Unauthenticated("请先登录。", "Please sign in first."),
        "unexpected": lambda: RuntimeError("19912345678 是秘密"),
        "large": lambda: web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2),
    }
    error = errors[request.match_info["kind"]]()
    raise error


def map_page(layers: Mapping[str, str]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the map's page over layer addresses by kind."""

    async def page(request: web.Request) -> web.Response:
        shown = Map(
            layers=[
                Layer("streets", "街道", layers["polygon"], "polygon", colour="grey"),
                Layer("stations", "配送站点", layers["cluster"], "cluster", colour="blue"),
                Layer("love", "爱心驿站", layers["point"], "point", colour="red", icon="love", hourly=True),
            ],
            list_url="/riders",
            note="社区边界为示意边界，不作为行政区划依据。",
            hours=True,
        )
        return await render(request, "parts/map.html", map=shown)

    return page


async def squares(request: web.Request) -> web.Response:
    """Answer a layer of the small made-up map."""
    kind = request.match_info["kind"]
    features: list[dict[str, Any]] = []
    for number, name in enumerate(STREETS):
        west, south = 116.38 + 0.02 * (number % 3), 39.90 + 0.015 * (number // 3)
        east, north = west + 0.02, south + 0.015
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        centre = [west + 0.01, south + 0.0075]
        shape = (
            {"type": "Polygon", "coordinates": [ring]}
            if kind == "polygon"
            else {"type": "Point", "coordinates": centre}
        )
        features.append(
            {"type": "Feature", "geometry": shape, "properties": {"name": name, "url": f"/riders/S{number}"}}
        )
    if request.query.get("hour") == "3":
        features = features[:1]
    return web.json_response({"type": "FeatureCollection", "features": features})


@web.middleware
async def _signed_in(
    request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    request[ACTOR] = STAFF
    request[CSRF] = "gallery-token"
    return await handler(request)


async def _top(_: web.Request) -> Top:
    return Top(
        todo=3, divisions=[("东华门街道（全部）", "/"), ("韶九社区", "/riders"), ("多福巷社区", "/riders")]
    )


def build(
    data: list[dict[str, Any]] | None = None, layers: Mapping[str, str] | None = None
) -> web.Application:
    """Build the gallery's application."""
    app = web.Application(middlewares=[security_headers, _signed_in, problems])
    app[SHELL] = Shell(
        template_folders=[Path(__file__).parent / "parts" / "templates"],
        menu=MENU,
        clock=FixedClock(NOW),
        search_path="/riders",
        top=_top,
    )
    layers = layers or {kind: f"/layers/{kind}.json" for kind in ("polygon", "cluster", "point")}
    shown = rows(237) if data is None else data
    app.add_routes(
        [
            *static_routes(),
            *ledger_routes(ledger(shown), "/riders"),
            *ledger_routes(ledger([]), "/empty"),
            web.get("/", desk),
            web.get("/riders/{code}", detail),
            web.post("/riders/again", fail),
            web.get("/map", map_page(layers)),
            web.get("/layers/{kind}.json", squares),
            web.get("/chart.json", chart_data),
            web.route("*", "/form", form_page),
            web.route("*", "/r/form", form_page),
            web.get("/r/", phone_home),
            web.get("/login", login),
            web.get("/fail/{kind}", fail),
            web.get("/r/fail/{kind}", fail),
            web.get("/api/fail/{kind}", fail),
        ]
    )
    return app


def build_for_looking(_: list[str]) -> web.Application:
    """Build the gallery for `python -m aiohttp.web`, to look at it."""
    return build()
