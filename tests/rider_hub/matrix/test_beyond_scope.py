"""What lies beyond a viewer's scope moves nothing the viewer sees: no count, tile, sum, hit or error.

Rows are added there, more than k of each kind, and every page, layer and file of the viewer stays as it was
to the byte. So a new count needs no rule here: it is held to this one as soon as its page is there.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from openpyxl import load_workbook

from rider_hub.access import Actor, Hub, Role
from rider_hub.access.answering import answer
from rider_hub.access.policy import OPERATIONS
from rider_hub.access.small_counts import small_count
from tests.factories import staff
from tests.rider_hub.matrix.drivers import DRIVERS
from tests.rider_hub.matrix.test_matrix import NOBODY, TOKEN, address_of, routes_of, site
from tests.rider_hub.matrix.viewers import VIEWERS, Viewer
from tests.rider_hub.matrix.world import GROUPS, Group, lay_groups

#: What a viewer opened before shows here, and what nobody signs in to see.
_OF_THE_TRAIL = ("/audit", "/r/data", "/r/rights/copy", "/metrics")
#: Where a rider chooses among the organizations of the place, which are open to all.
_OFFERED = "/r/invitations/open"
#: Made anew for each form, so that it is taken once.
_SEED = re.compile(r'name="seed" value="[0-9a-f]{32}"')
_LAYERS = ("streets", "communities", "stations", "organizations", "open", "closed")
_ROW = re.compile(r"<tr(?: data-row)?>\s*<td")
_FIGURE = re.compile(r'<li><a href="([^"]+)"><b>([\d,]+)</b><span>')
_TOTAL = re.compile(r"共 <b>([\d,]+)</b> 条")

Client = TestClient[web.Request, web.Application]


def more_like(groups: list[Group], first: int) -> list[Group]:
    """Return groups like these, one more than k of each, under marks and phones of their own."""
    each = small_count() + 1
    return [
        replace(group, tag=f"{group.tag[:-1]}{first + at * each + n}", number=first + at * each + n)
        for at, group in enumerate(groups)
        for n in range(each)
    ]


def addresses(client: Client, viewer: Viewer) -> list[str]:
    """Return every page, layer and file a viewer's role may open, those of the own rows among them."""
    assert client.app is not None
    found = []
    for method, path, operation in routes_of(client.app):
        if method != "GET" or path.startswith((*_OF_THE_TRAIL, _OFFERED, "/static", "/api")):
            continue
        if viewer.role not in OPERATIONS[operation]:
            continue
        driver = DRIVERS.get((method, path))
        if "{" not in path:
            found.append(path if path.endswith(("xlsx", "new")) else f"{path}?size=200")
        elif "{key}" in path:
            found += [path.replace("{key}", key) for key in _LAYERS]
        elif driver and driver.params:
            found += [address_of(path, driver.params(group)) for group in viewer.own() or GROUPS]
    return found


async def seen(client: Client, paths: list[str]) -> dict[str, object]:
    """Return what stands at these addresses: status and bytes, of workbooks the cells."""
    found: dict[str, object] = {}
    for path in paths:
        answered = await client.get(path, allow_redirects=False)
        body = await answered.read()
        text = _SEED.sub("", body.decode("utf-8", "replace"))
        found[path] = answered.status, cells(body) if body.startswith(b"PK") else text
    return found


def cells(workbook: bytes) -> list[tuple[Any, ...]]:
    """Return the rows of all sheets of a workbook."""
    sheets = load_workbook(BytesIO(workbook)).worksheets
    return [row for sheet in sheets for row in sheet.iter_rows(values_only=True)]


def differing(a: Any, b: Any) -> object:
    """Return where two answers begin to differ."""
    if isinstance(a[1], str) and a[0] == b[0]:
        pairs = zip(a[1].splitlines(), b[1].splitlines(), strict=False)
        return next((pair for pair in pairs if pair[0] != pair[1]), "length")
    return a, b


@pytest.mark.parametrize("name", sorted(VIEWERS))
async def test_rows_beyond_the_scope_move_nothing(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Riders, requests, stations, receipts and all else added elsewhere change no byte of a page or file."""
    viewer = VIEWERS[name]
    async with site(hub, monkeypatch) as (client, be):
        be(viewer)
        paths = addresses(client, viewer)
        before = await seen(client, paths)
        await lay_groups(hub, more_like(viewer.others(), 10))
        after = await seen(client, paths)
    changed = [path for path in paths if before[path] != after[path]]
    assert [(path, differing(before[path], after[path])) for path in changed] == []
    assert len(paths) > 5


@pytest.mark.parametrize("name", sorted(VIEWERS))
async def test_totals_and_figures_are_those_of_the_rows_in_scope(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every list says as many as it lists, the desk as many as the list it leads to, and the oracle."""
    viewer = VIEWERS[name]
    await lay_groups(hub, more_like(list(GROUPS), 10))
    counted = 0
    async with site(hub, monkeypatch) as (client, be):
        be(viewer)
        for path in addresses(client, viewer):
            text = (await (await client.get(path, allow_redirects=False)).read()).decode("utf-8", "replace")
            if total := _TOTAL.search(text):
                counted += 1
                listed = 0 if 'class="empty"' in text else len(_ROW.findall(text[text.rindex("<tbody>") :]))
                assert listed == int(total[1].replace(",", "")), path
        figures = dict(_FIGURE.findall(await (await client.get("/")).text()))
        for path, number in figures.items():
            total = _TOTAL.search(await (await client.get(path)).text())
            assert total is not None
            assert total[1] == number, path
    if viewer.role in OPERATIONS["desk.view"] & OPERATIONS["riders.view"]:
        assert figures["/riders?state=active"] == str(len(viewer.own()) * (small_count() + 2))
        assert counted > 3


@pytest.mark.parametrize("name", sorted(VIEWERS))
async def test_a_search_for_what_lies_beyond_answers_as_for_nothing(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each search box of each page: another's phone, name, number or station is found as little as none.

    There is no suggestion while one types: a box sends its page.
    """
    viewer = VIEWERS[name]
    found = 0
    async with site(hub, monkeypatch) as (client, be):
        be(viewer)
        for path in [each for each in addresses(client, viewer) if each.endswith("?size=200")]:
            page = await (await client.get(path, allow_redirects=False)).text()
            for box in set(_BOX.findall(_POSTED.sub("", page))):
                nothing = [await hits(client, path, box, words) for words in searched(viewer, NOBODY)]
                for group in viewer.others():
                    words = searched(viewer, group)
                    assert [await hits(client, path, box, each) for each in words] == nothing, (path, box)
                # That own rows are found is asked of the first boxes alone: it only shows that boxes search.
                for group in () if found else viewer.own():
                    mine = [await hits(client, path, box, each) for each in searched(viewer, group)]
                    found += mine != nothing
    if viewer.role in OPERATIONS["riders.view"]:
        assert found > 0


#: A form that changes or asks by POST: its fields are no search boxes, and its page reads none of them.
_POSTED = re.compile(r'<form method="post".*?</form>', re.DOTALL)
_BOX = re.compile(r'<input class="[^"]*"(?: id="\w+"| type="search")* name="(\w+)"')


def searched(viewer: Viewer, group: Group) -> list[str]:
    """Return what a group's rows may be searched by; places, bodies and love stations are open to riders."""
    own = [group.phone, group.phone[-4:], f"某{group.tag}", f"站点{group.tag}", group.id("ridref")]
    staff_only = [group.tag, f"组织{group.tag}", f"batch-{group.tag}", group.id("record"), group.id("org")]
    return own if viewer.name in {"rider", "public"} else own + staff_only


async def hits(client: Client, path: str, box: str, words: str) -> tuple[int, str]:
    """Return what a search answers, less the words that were sent."""
    answer = await client.get(path, params={"size": "200", box: words}, allow_redirects=False)
    text = _SEED.sub("", await answer.text())
    return answer.status, text.replace(quote(words), "").replace(words, "")


@pytest.mark.parametrize("name", sorted(VIEWERS))
async def test_an_approved_export_of_people_holds_the_rows_in_scope(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may ask has a second person agree and takes the file: the rows of the oracle and no other."""
    viewer = VIEWERS[name]
    taken = 0
    async with site(hub, monkeypatch) as (client, be):
        be(viewer)
        assert client.app is not None
        asking = {path: op for method, path, op in routes_of(client.app) if method == "POST" and _asks(path)}
        assert asking.keys() == PEOPLE.keys(), "say in PEOPLE whose rows the new export holds"
        for path, operation in sorted(asking.items()):
            address = path.replace("{id}", f"run-{GROUPS[0].county}")
            may = {viewer.role} <= OPERATIONS[operation] & OPERATIONS["exports.ask"]
            form = {"csrf": TOKEN, "reason": "other", "purpose": "回访上周的诉求"}
            asked = await client.post(address, data=form, allow_redirects=False)
            if asked.status != 303 or not asked.headers["Location"].startswith("/approvals/"):
                assert not may or path == "/match-runs/{id}/export", (path, asked.status)
                continue
            assert may, path
            approval = asked.headers["Location"].rpartition("/")[2]
            await answer(hub, _second(viewer), approval, approve=True)
            file = await client.get(f"{address}.xlsx?approval={approval}")
            rows = cells(await file.read())
            shown = {group.tag for group in GROUPS if group.tag in str(rows)}
            if path == LINKS:  # names nobody by what the groups are marked with
                assert f"共 {_links(viewer)} 行" in str(rows)
            else:
                assert (file.status, shown) == (200, PEOPLE[path](viewer)), path
            taken += 1
    if viewer.role in OPERATIONS["riders.view"] & OPERATIONS["exports.ask"]:
        assert taken > 0


def _asks(path: str) -> bool:
    return path.endswith("/export")


def _second(viewer: Viewer) -> Actor:
    """Return a second person for the viewer's asks: of the same company, else county staff of the place."""
    if viewer.actor.scope.of_company:
        return replace(viewer.actor, id="user:second")
    second = staff(Role.COUNTY_STAFF, divisions=viewer.actor.scope.divisions)
    return replace(second, id="user:second")


def _links(viewer: Viewer) -> int:
    """Return how many proposed links of the world lie in scope with both their ends."""
    pairs = ((0, 1), (0, 2), (3, 2))
    return sum(viewer.sees(GROUPS[a]) and viewer.sees(GROUPS[b]) for a, b in pairs)


def _own(viewer: Viewer) -> set[str]:
    return {group.tag for group in viewer.own()}


def _own_body(_: Viewer) -> set[str]:
    return {GROUPS[0].tag}


def _of_feeds(viewer: Viewer) -> set[str]:
    handing_in = {"county", "platform_account", "platform_in_county", "partner_account"}
    return _own(viewer) if viewer.name in handing_in else set()


LINKS = "/riders/links/export"
#: Every export of people → the groups whose rows it holds for a viewer.
PEOPLE: dict[str, Callable[[Viewer], set[str]]] = {
    "/assignments/export": _own,
    "/feeds/quarantine/export": _of_feeds,
    # Whatever the scope: what the viewer's own body invites to.
    "/invitations/export": _own_body,
    "/match-runs/{id}/export": _own,
    "/requests/export": _own,
    "/riders/export": _own,
    LINKS: _own,
}
