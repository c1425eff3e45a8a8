"""Any rider, signed in or not, files in steps without scripts, sees who answers, has the last word."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from sqlalchemy import select, update

from rider_hub.access import Actor, Hub
from rider_hub.assignments.tables import assignment
from rider_hub.clock import FixedClock
from rider_hub.organizations.tables import party_organization
from rider_hub.requests import phone, service
from rider_hub.requests.tables import service_request
from rider_hub.riders.tables import rider
from rider_hub.storage import insert_rows
from tests.factories import make_hub
from tests.rider_hub.membership_denied import membership_denied_hub
from tests.rider_hub.requests.ground import COMMUNITY, RIDER, STREET, lay_ground, rider_actor, street_staff
from tests.rider_hub.requests.site import TOKEN, Visitor, build_site

WORDS = "侧门晚上九点就锁了,要绕一大圈"


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Give a hub with a county, its organizations and one rider."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        await lay_ground(opened)
        yield opened


@pytest.fixture
def visitor() -> Visitor:
    """Give a visitor who is not signed in."""
    return Visitor()


@pytest.fixture
async def site(hub: Hub, visitor: Visitor, aiohttp_client: AiohttpClient) -> TestClient:
    """Give a client of the riders' pages of requests."""
    return await aiohttp_client(build_site(hub, visitor, phone.routes()))


async def text_of(site: TestClient, path: str, status: int = 200) -> str:
    """Return the text of a page that answers as expected."""
    answer = await site.get(path)
    assert answer.status == status, await answer.text()
    return await answer.text()


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


async def file(site: TestClient, **changed: str) -> str:
    """Fill in the last step and return the page that follows."""
    page = await text_of(site, f"/r/requests/new?community={COMMUNITY}&category=entry")
    answer = await site.post("/r/requests/new", data={**hidden(page), "text": WORDS, **changed})
    assert answer.status == 200, await answer.text()
    return await answer.text()


def code_on(page: str) -> str:
    """Return the 查询码 a page shows."""
    found = re.search(r"<h2>(\w{5}-\w{5})</h2>", page)
    assert found is not None
    return found[1]


async def test_one_question_a_page_place_first(site: TestClient) -> None:
    """Street, community, category, words: every step is a link or a form, with a way back."""
    first = await text_of(site, "/r/requests/new")
    assert f'href="/r/requests/new?in={STREET}"' in first
    second = await text_of(site, f"/r/requests/new?in={STREET}")
    assert f'href="/r/requests/new?community={COMMUNITY}"' in second
    third = await text_of(site, f"/r/requests/new?community={COMMUNITY}")
    assert "甲街道 · 甲一社区" in third
    assert f"/r/requests/new?community={COMMUNITY}&amp;category=parking" in third
    last = await text_of(site, f"/r/requests/new?community={COMMUNITY}&category=parking")
    assert "停车难" in last
    for page in (first, second, third, last):
        assert "‹ 返回" in page
        assert "<script" not in page


@pytest.mark.parametrize("query", ["in=999999999", "community=110101009009", "in=x", "in=11"])
async def test_an_odd_address_leads_back_to_the_first_question(site: TestClient, query: str) -> None:
    """An unknown place is asked for again."""
    assert "困难在哪里？" in await text_of(site, f"/r/requests/new?{query}")


async def test_with_several_counties_the_county_is_asked_first(hub: Hub, site: TestClient) -> None:
    """Counties that have an organization are offered; a hub without any says so."""
    async with hub.database.write() as connection:
        row = (await connection.execute(select(party_organization).limit(1))).mappings().one()
        other = {**row, "code": "HY2", "division": "110105"}
        await insert_rows(connection, party_organization, [other])
    assert 'href="/r/requests/new?in=110101"' in await text_of(site, "/r/requests/new")
    async with hub.database.write() as connection:
        await connection.execute(party_organization.delete())
    assert "这里还没有开通" in await text_of(site, "/r/requests/new")


async def test_the_riders_own_community_is_on_top(hub: Hub, site: TestClient, visitor: Visitor) -> None:
    """Whoever is matched starts with one tap; nobody else's match is offered."""
    row: dict[str, Any] = dict.fromkeys(assignment.c.keys())
    row |= {"rider_id": RIDER, "version": 1, "run_id": "run", "division": COMMUNITY, "street": STREET}
    row |= {"community": COMMUNITY, "love_stations": [], "reasons": {}, "valid_from": hub.clock.now()}
    async with hub.database.write() as connection:
        await insert_rows(connection, assignment, [row])
    assert "您常去的社区" not in await text_of(site, "/r/requests/new")
    visitor.actor = rider_actor()
    page = await text_of(site, "/r/requests/new")
    assert "您常去的社区" in page
    assert f'href="/r/requests/new?community={COMMUNITY}">甲街道 · 甲一社区' in page


async def test_a_visitor_files_follows_and_reopens_by_code(hub: Hub, site: TestClient) -> None:
    """The code alone leads through the whole thread, and never stands in an address."""
    done = await file(site, address="东门")
    code = code_on(done)
    assert "唯一办法" in done
    assert "甲一社区党委" in done
    assert "2026-11-09 17:30" in done
    shown = await site.post("/r/requests/query", data={"csrf": TOKEN, "code": code.lower()})
    page = await shown.text()
    assert WORDS in page
    assert "东门" in page
    assert "解决了吗" not in page
    async with hub.database.read() as connection:
        request_id = (await connection.execute(select(service_request.c.id))).scalar_one()
    await service.answer(hub, street_staff(), request_id, "请走东门")
    page = await (await site.post("/r/requests/query", data={"csrf": TOKEN, "code": code})).text()
    assert "请走东门" in page
    form = {"csrf": TOKEN, "code": code, "do": "reopen"}
    empty = await site.post("/r/requests/query", data=form)
    assert empty.status == 422
    assert "请填写内容" in await empty.text()
    page = await (await site.post("/r/requests/query", data={**form, "text": "东门也锁着"})).text()
    assert "东门也锁着" in page
    assert "重新办理" in page
    await service.answer(hub, street_staff(), request_id, "已配好钥匙")
    for _ in range(2):
        answer = await site.post("/r/requests/query", data={"csrf": TOKEN, "code": code, "do": "confirm"})
        assert answer.status == 200
        assert "已办结" in await answer.text()


async def test_a_wrong_code_is_told_kindly(site: TestClient) -> None:
    """No such code, no code, a code far too long: the field says what to do, and the status is 422."""
    for code in ("2222222222", "", "2" * 30):
        answer = await site.post("/r/requests/query", data={"csrf": TOKEN, "code": code})
        assert answer.status == 422
        assert "查询码" in await answer.text()
    assert "用查询码查看" in await text_of(site, "/r/requests/query")


async def test_a_signed_in_rider_has_a_list_and_the_last_word(
    hub: Hub, site: TestClient, visitor: Visitor
) -> None:
    """The own request is listed, opened, and confirmed after the answer; pressing twice does no harm."""
    visitor.actor = rider_actor()
    assert "还没有提交过" in await text_of(site, "/r/requests")
    assert "我的诉求" in await file(site)
    page = await text_of(site, "/r/requests")
    request_id = re.search(r"/r/requests/(\w{32})", page)
    assert request_id is not None
    path = f"/r/requests/{request_id[1]}"
    page = await text_of(site, path)
    assert WORDS in page
    assert "等待答复" in page
    await service.answer(hub, street_staff(), request_id[1], "已开门")
    empty = await site.post(path, data={"csrf": TOKEN, "do": "reopen"})
    assert empty.status == 422
    for _ in range(2):
        assert "已办结" in await (await site.post(path, data={"csrf": TOKEN, "do": "confirm"})).text()
    odd = await site.post(path, data={"csrf": TOKEN, "do": "delete"})
    assert odd.status == 422


async def test_an_anonymous_request_is_not_in_the_own_list(
    hub: Hub, site: TestClient, visitor: Visitor
) -> None:
    """The tick cuts the tie: only the code leads back, and the page says so."""
    visitor.actor = rider_actor()
    done = await file(site, anonymous="on")
    assert "唯一办法" in done
    assert "还没有提交过" in await text_of(site, "/r/requests")
    async with hub.database.read() as connection:
        assert (await connection.execute(select(service_request.c.rider_id))).scalar_one() is None


async def test_another_riders_request_is_not_found(hub: Hub, site: TestClient, visitor: Visitor) -> None:
    """Knowing the address of a request opens nothing."""
    filed = await service.file_request(
        hub, rider_actor(), category="entry", community_code=COMMUNITY, text=WORDS
    )
    await text_of(site, f"/r/requests/{filed.id}", 404)
    visitor.actor = type(rider_actor()).rider("somebody-else")
    await text_of(site, f"/r/requests/{filed.id}", 404)
    answer = await site.post(f"/r/requests/{filed.id}", data={"csrf": TOKEN, "do": "confirm"})
    assert answer.status == 404


async def test_faults_stay_beside_what_was_written(site: TestClient) -> None:
    """Too long or empty words come back with the fault; a form without its place starts again."""
    page = await text_of(site, f"/r/requests/new?community={COMMUNITY}&category=entry")
    empty = await site.post("/r/requests/new", data={**hidden(page), "text": "", "address": "3 号楼"})
    assert empty.status == 422
    text = await empty.text()
    assert "请填写遇到什么困难" in text
    assert "3 号楼" in text
    assert hidden(text)["seed"] == hidden(page)["seed"]
    lost = await site.post("/r/requests/new", data={"csrf": TOKEN, "text": WORDS}, allow_redirects=False)
    assert (lost.status, lost.headers["Location"]) == (303, "/r/requests/new")


async def test_the_page_after_filing_needs_its_cookie(site: TestClient) -> None:
    """Without a filing just now the address leads to the list; the cookie is bounded and not for scripts."""
    answer = await site.get("/r/requests/done", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/r/requests")
    page = await text_of(site, f"/r/requests/new?community={COMMUNITY}&category=entry")
    sent = await site.post("/r/requests/new", data={**hidden(page), "text": WORDS}, allow_redirects=False)
    cookie = sent.headers["Set-Cookie"]
    for part in ("HttpOnly", "Max-Age=600", "Path=/r/requests", "SameSite=Lax"):
        assert part in cookie
    assert not parse_qs(sent.headers["Location"])


async def test_the_phone_pages_never_touch_membership(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """Filing and asking work on a database that refuses the membership tables."""
    async with make_hub(database_url, tmp_path) as plain:
        await lay_ground(plain)
    async with membership_denied_hub(database_url, tmp_path) as hub:
        site = await aiohttp_client(build_site(hub, Visitor(rider_actor()), phone.routes()))
        await text_of(site, "/r/requests/new")
        code = code_on(await file(site))
        assert (
            WORDS in await (await site.post("/r/requests/query", data={"csrf": TOKEN, "code": code})).text()
        )
        assert "进门难" in await text_of(site, "/r/requests")


async def test_another_phone_reads_and_moves_no_earlier_request(
    hub: Hub, visitor: Visitor, site: TestClient
) -> None:
    """A number the platform put in later is told why, may file anew, and needs the 查询码 for the rest."""
    own, other = (Actor.rider(RIDER, phone=mark) for mark in (b"first", b"later"))
    async with hub.database.write() as connection:
        await connection.execute(update(rider).values(first_phone=b"first"))
    visitor.actor = own
    code = code_on(await file(site, text="想找人聊聊"))
    async with hub.database.read() as connection:
        request_id = (await connection.execute(select(service_request.c.id))).scalar_one()
    await service.answer(hub, street_staff(), request_id, "周三下午可以来谈谈")
    visitor.actor = other
    page = await text_of(site, "/r/requests")
    assert "以前提的诉求只对您第一次登录时的手机号显示" in page
    assert "想找人聊聊" not in page
    assert "想找人聊聊" not in await text_of(site, f"/r/requests/{request_id}", 403)
    for said in ({"do": "confirm"}, {"do": "reopen", "text": "还没有解决,请再看看"}):
        answer = await site.post(f"/r/requests/{request_id}", data={"csrf": TOKEN, **said})
        assert answer.status == 403
    async with hub.database.read() as connection:
        assert (await connection.execute(select(service_request.c.state))).scalar_one() == "answered"
    found = await site.post("/r/requests/query", data={"csrf": TOKEN, "code": code})
    assert "想找人聊聊" in await found.text()
    assert "请截屏或记下来" in await file(site, text="电动车没地方停,天天被贴条")
    visitor.actor = own
    assert "想找人聊聊" in await text_of(site, f"/r/requests/{request_id}")
    assert (await text_of(site, "/r/requests")).count("/r/requests/") >= 4
