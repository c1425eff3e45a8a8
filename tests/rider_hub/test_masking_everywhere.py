"""Whoever walks all pages and takes all exports of a busy county finds nobody's name or number unmasked."""

import io
import logging
import re
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Role
from rider_hub.clock import local_date
from rider_hub.demo.run import Demo, build_demo
from rider_hub.demo.world import build_world
from rider_hub.divisions.tables import division
from rider_hub.requests import service as requests
from rider_hub.riders.store import find_by_phone
from tests.factories import staff
from tests.rider_hub.exporting import app_as, second_person, take_all_exports

COUNTY, SCALE = "110101", 0.05
#: Of pages that differ only in what they are about, so many are opened.
OF_A_KIND = 5
_LINK = re.compile(r'(?:href|hx-get|action|data-url|data-chart|src)="(/[^"#]*)"')
_ID_NUMBER = "11010119000101001X"


@dataclass
class Walk:
    """What was opened by one visitor, and what stood there that must not."""

    client: TestClient[Any, Any]
    canaries: re.Pattern[str]
    found: dict[str, str] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)

    async def everything(self, starts: Iterable[str]) -> None:
        """Follow every link from these pages, so many of a kind."""
        waiting = list(starts)
        known = set(waiting)
        while waiting:
            path = waiting.pop(0)
            if (kind := self._kind(path)) == "" or self.kinds[kind] >= OF_A_KIND:
                continue
            self.kinds[kind] += 1
            answer = await self.client.get(path, allow_redirects=False)
            body = await answer.read()
            assert answer.status < 500, path
            self.look(path, body)
            text = body.decode("utf-8", "replace")
            fresh = {link.replace("&amp;", "&") for link in _LINK.findall(text)} - known
            if location := answer.headers.get("Location", ""):
                fresh |= {location} - known
            known |= fresh
            waiting += sorted(fresh)

    def look(self, path: str, body: bytes) -> None:
        """Look for the canaries in an answer, in a workbook in each of its parts."""
        if body[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(body)) as book:
                body = b"\n".join(book.read(name) for name in book.namelist())
        if hit := self.canaries.search(body.decode("utf-8", "replace")):
            self.found[path] = hit[0]

    def _kind(self, path: str) -> str:
        """Return the route a path leads to; nothing for what a walk leaves alone."""
        bare = path.partition("?")[0]
        if bare.startswith(("/static", "/logout", "/r/logout")) or bare.endswith("export.xlsx"):
            return ""
        return re.sub(r"/[0-9a-f]{16,}|/[A-Z0-9][\w%.-]*(?=/|$)", "/*", bare) + ("?" if "?" in path else "")


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """Give the county of the demo with feeds, matches, declarations, invitations and requests."""
    async with build_demo(tmp_path / "demo", county=COUNTY, scale=SCALE) as built:
        yield built


async def _rider(hub: Hub, phone: str) -> Actor:
    async with hub.database.read() as connection:
        rider_id = await find_by_phone(connection, hub.keys, phone)
    assert rider_id is not None
    return Actor.rider(rider_id)


async def _file_request(hub: Hub, rider: Actor, phone: str) -> None:
    async with hub.database.read() as connection:
        query = select(division.c.code).where(
            division.c.level == "community", division.c.code.like(f"{COUNTY}%")
        )
        community = (await connection.execute(query.order_by(division.c.code).limit(1))).scalar_one()
    words = f"请联系 {phone}，证件 {_ID_NUMBER}"
    await requests.file_request(
        hub, rider, category="other", community_code=community, text=words, address=phone
    )


def _visitors(demo: Demo, rider: Actor) -> dict[str, Actor]:
    accounts = {account.username: account.actor for account in demo.accounts}
    duties = {role.value: staff(role) for role in (Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.INSTRUCTOR)}
    company = second_person(platforms=("jia",))
    return accounts | duties | {"company": company, "rider": rider}


async def _exports(hub: Hub, walk: Walk, actor: Actor) -> int:
    """Take every export that the visitor may take, people with a second person's approval."""
    taken = await take_all_exports(hub, walk.client, actor)
    for path, body in taken.items():
        walk.look(path, body)
    return len(taken)


async def test_no_page_or_export_shows_a_name_or_number(
    demo: Demo, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Every role walks everything it can reach; names, phones and identity numbers stand nowhere whole."""
    caplog.set_level(logging.DEBUG)
    hub = demo.hub
    world = build_world(county=COUNTY, scale=SCALE, today=local_date(hub.clock.now()))
    words = {rider.name for rider in world.riders} | {rider.phone for rider in world.riders} | {_ID_NUMBER}
    canaries = re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))
    rider = await _rider(hub, demo.phone)
    await _file_request(hub, rider, demo.phone)
    capfd.readouterr()
    found, opened, taken = {}, Counter[str](), {}
    for name, actor in _visitors(demo, rider).items():
        async with TestClient(TestServer(app_as(hub, actor))) as client:
            walk = Walk(client, canaries)
            await walk.everything(["/r/", "/r/data", "/r/me"] if name == "rider" else ["/"])
            taken[name] = 0 if name == "rider" else await _exports(hub, walk, actor)
            found |= {f"{name} {path}": hit for path, hit in walk.found.items()}
            opened[name] = sum(walk.kinds.values())
    said = "".join(capfd.readouterr()) + caplog.text
    # A rider's own copy is whole, by right (PIPL 45); it shows nobody else.
    copies = {found.pop(f"rider /r/rights/{name}", None) for name in ("copy", "copy.json")}
    own = next(each.name for each in world.riders if each.phone == demo.phone)
    assert copies == {own}
    assert found == {}
    assert canaries.search(said) is None
    # The walk went somewhere: a county sees dozens of pages, and takes every kind of export.
    assert opened["qu"] > 60
    assert opened["rider"] > 10
    assert taken["qu"] > 12
    assert taken["company"] >= 3


async def test_the_walk_would_find_a_name(demo: Demo) -> None:
    """Opened with a purpose the name and the phone stand there, and the walk's own eyes see them."""
    hub, phone = demo.hub, demo.phone
    rider = await _rider(hub, phone)
    county = next(account.actor for account in demo.accounts if account.username == "qu")
    async with TestClient(TestServer(app_as(hub, county))) as client:
        path = f"/riders/{rider.rider_id}"
        page = await (await client.get(path)).text()
        token = page.partition('name="csrf" value="')[2].partition('"')[0]
        form = {"reason": "visit", "purpose": "电话回访", "csrf": token}
        walk = Walk(client, re.compile(re.escape(phone)))
        walk.look(path, await (await client.post(f"{path}/unmask", data=form)).read())
        assert walk.found == {path: phone}
        walk = Walk(client, walk.canaries)
        walk.look(path, await (await client.get(path)).read())
        assert walk.found == {}
