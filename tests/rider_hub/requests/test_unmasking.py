"""Staff read a request with numbers masked; the reporter's contact opens with a purpose, for the street."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from sqlalchemy import select

from rider_hub.access import Hub, Role
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.parameters import parameter
from rider_hub.requests import pages, service
from tests.factories import make_hub, staff
from tests.rider_hub.requests.ground import (
    COMMUNITY,
    OTHER_STREET,
    PHONE,
    RIDER,
    STREET,
    lay_ground,
    rider_actor,
    street_staff,
)
from tests.rider_hub.requests.site import TOKEN, Visitor, build_site

NAME = "骑手甲0001号"
OTHER = "13800005678"
GIVEN = {"reason": "request", "purpose": "电话了解情况", "csrf": TOKEN}


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Give a hub with a county, its organizations and one rider."""
    async with make_hub(database_url, tmp_path) as opened:
        await lay_ground(opened)
        yield opened


@pytest.fixture
def visitor() -> Visitor:
    """Give the street's staff as the visitor."""
    return Visitor(street_staff())


@pytest.fixture
async def site(hub: Hub, visitor: Visitor, aiohttp_client: AiohttpClient) -> TestClient:
    """Give a client of the pages of requests."""
    return await aiohttp_client(build_site(hub, visitor, pages.routes()))


async def _file(hub: Hub) -> str:
    words = f"保安不让进，请打 {OTHER} 找站长，身份证 11010119000101001X"
    filed = await service.file_request(
        hub, rider_actor(), category="entry", community_code=COMMUNITY, text=words, address=f"门口 {OTHER}"
    )
    return str(filed.id)


async def test_numbers_in_a_request_are_masked_until_it_is_opened(hub: Hub, site: TestClient) -> None:
    """List and page show 138****5678 and a masked reporter; opened they stand there, once, uncached."""
    url = f"/requests/{await _file(hub)}"
    for path in ("/requests", url):
        text = await (await site.get(path)).text()
        assert [word for word in (OTHER, PHONE, NAME, "11010119000101001X") if word in text] == []
        assert "138****5678" in text
    assert (await site.post(f"{url}/unmask", data={**GIVEN, "purpose": "电话"})).status == 422
    opened = await site.post(f"{url}/unmask", data=GIVEN)
    text = await opened.text()
    assert [word for word in (OTHER, PHONE, NAME) if word not in text] == []
    assert opened.headers["Cache-Control"] == "no-store"
    assert PHONE not in await (await site.get(url)).text()
    async with hub.database.read() as connection:
        query = select(audit_row.c.id, audit_row.c.purpose).where(audit_row.c.operation == "requests.unmask")
        [row] = (await connection.execute(query)).all()
        query = select(audit_subject.c.rider_id).where(audit_subject.c.audit_id == row.id)
        assert (row.purpose, (await connection.execute(query)).scalars().all()) == (
            "办理诉求：电话了解情况",
            [RIDER],
        )


async def test_an_answer_stands_as_written(hub: Hub, site: TestClient) -> None:
    """The number an office gives the rider to ring is no secret from the rider or from staff."""
    request_id = await _file(hub)
    await service.answer(hub, street_staff(), request_id, f"请打 {OTHER} 联系物业")
    assert f"请打 {OTHER} 联系物业" in await (await site.get(f"/requests/{request_id}")).text()


async def test_who_may_not_open_finds_nothing_there(hub: Hub, site: TestClient, visitor: Visitor) -> None:
    """An instructor reads requests but opens none; another street does neither."""
    url = f"/requests/{await _file(hub)}"
    visitor.actor = staff(Role.INSTRUCTOR, divisions=(STREET,))
    assert "查看反映人联系方式" not in await (await site.get(url)).text()
    assert (await site.post(f"{url}/unmask", data=GIVEN)).status == 404
    visitor.actor = street_staff(OTHER_STREET)
    assert (await site.post(f"{url}/unmask", data=GIVEN)).status == 404


async def test_too_many_are_answered_with_the_hour(hub: Hub, site: TestClient) -> None:
    """Over the limit the page says when it opens again, for people and programs."""
    url = f"/requests/{await _file(hub)}/unmask"
    for _ in range(int(parameter("access.unmask_per_hour").value)):
        assert (await site.post(url, data=GIVEN)).status == 200
    over = await site.post(url, data=GIVEN)
    assert (over.status, over.headers["Retry-After"]) == (429, "3600")
    assert "以后可以继续" in await over.text()
