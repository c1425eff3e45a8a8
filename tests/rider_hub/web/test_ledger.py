"""The ledger's page, order, filters and export over one description."""

import html
import re
from io import BytesIO

import pytest
from aiohttp.test_utils import TestClient
from openpyxl import load_workbook
from pytest_aiohttp import AiohttpClient

from tests.rider_hub.web import gallery
from tests.rider_hub.web.content import rows

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; drop table rider; --",
    "{{ 7 * 7 }}",
    "</td><td>",
    "javascript:alert(1)",
    "\u202e倒写",
)


async def text(client: TestClient, path: str, status: int = 200) -> str:
    """Get a page and check its status."""
    answer = await client.get(path)
    assert answer.status == status
    return await answer.text()


def names(page: str) -> list[str]:
    """List the first column's values."""
    return re.findall(r'class="row-link"[^>]*>([^<]*)<', page)


async def test_a_page_holds_its_rows_and_says_how_many_there_are(client: TestClient) -> None:
    """The first page has 50 of 237 rows; the last one the remaining 37."""
    first = await text(client, "/riders")
    assert len(names(first)) == 50
    assert "共 <b>237</b> 条，第 1 / 5 页" in first
    assert len(names(await text(client, "/riders?page=5"))) == 37


async def test_a_whole_page_is_never_put_into_the_drawer(client: TestClient) -> None:
    """Asked for by a row, a page with a menu of its own sends the browser there; details stay a fragment."""
    whole = await client.get("/riders?page=5", headers={"HX-Request": "true"})
    assert (whole.headers["HX-Redirect"], await whole.text()) == ("/riders?page=5", "")
    row = re.search(r'class="row-link" href="([^"]+)"', await text(client, "/riders"))
    assert row is not None
    part = await client.get(row[1], headers={"HX-Request": "true"})
    assert "HX-Redirect" not in part.headers
    assert "<!doctype" not in await part.text()


async def test_pages_together_are_all_rows_once(client: TestClient) -> None:
    """Walking through the pages meets every row once, in order."""
    found = [
        name for page in range(1, 4) for name in names(await text(client, f"/riders?size=100&page={page}"))
    ]
    assert found == [row["name"] for row in rows(237)]


async def test_a_page_past_the_last_says_how_many_there_are(client: TestClient) -> None:
    """An old address leads to a clear answer, not to an empty table."""
    assert "现在共 5 页" in await text(client, "/riders?page=6", status=400)


async def test_filters_show_as_chips_that_can_be_taken_off(client: TestClient) -> None:
    """A chip names the filter in words and leads to the page without it; the rest stays."""
    page = await text(client, "/riders?street=东四街道&q=骑手&sort=-due")
    assert "街道：东四街道" in page
    chip = re.search(r'<a href="([^"]*)" title="去掉这个条件">姓名：骑手', page)
    assert chip is not None
    without = html.unescape(chip.group(1))
    assert "q=" not in without
    assert "sort=-due" in without
    assert set(re.findall(r'data-col="street">\s*([^<\s]+)', page)) == {"东四街道"}


async def test_sorting_turns_round_on_the_second_click(client: TestClient) -> None:
    """The header of the sorted column leads to the other direction."""
    page = await text(client, "/riders?sort=due")
    assert 'aria-sort="ascending"' in page
    assert 'href="/riders?sort=-due"' in page


async def test_nothing_found_and_nothing_there_read_differently(client: TestClient) -> None:
    """An empty ledger says how to get the first row; a filter without a hit offers to clear it."""
    assert "第一次接入请到“数据接入”" in await text(client, "/empty")
    assert "没有符合这些条件的内容" in await text(client, "/riders?q=没有这个人")


async def test_the_export_holds_every_row_of_the_filter_and_every_column(client: TestClient) -> None:
    """The page's size never cuts an export; hidden columns stand in it too."""
    answer = await client.get("/riders/export.xlsx?street=东四街道&size=20&sort=-due")
    assert answer.status == 200
    assert "filename*=UTF-8''%E9%AA%91%E6%89%8B" in answer.headers["Content-Disposition"]
    sheet = load_workbook(BytesIO(await answer.read())).active
    wanted = [row for row in rows(237) if row["street"] == "东四街道"]
    wanted.sort(key=lambda row: row["due"], reverse=True)
    assert [row[0].value for row in sheet.iter_rows(min_row=8)] == [row["name"] for row in wanted]
    assert sheet["A6"].value == f"筛选条件：街道：东四街道；共 {len(wanted)} 行"
    assert [cell.value for cell in sheet[7]][-1] == "备注"


async def test_the_export_refuses_what_the_page_refuses(client: TestClient) -> None:
    """A filter outside the choices never turns into an unfiltered file."""
    await text(client, "/riders/export.xlsx?street=别处", status=400)


@pytest.mark.parametrize("nasty", NASTY)
async def test_texts_of_rows_and_of_the_address_are_shown_and_not_run(
    aiohttp_client: AiohttpClient, nasty: str
) -> None:
    """Markup in a value, a tag, a note or a search box comes out as text."""
    row = rows(1)[0] | {
        "name": nasty,
        "reason": nasty,
        "tags": [nasty],
        "note": nasty,
        "state": nasty,
    }
    client = await aiohttp_client(gallery.build([row]))
    page = await (await client.get("/riders")).text()
    assert page.count(html.escape(nasty, quote=False).replace('"', "&#34;").replace("'", "&#39;")) >= 4
    answer = await client.get("/riders", params={"q": nasty[:50]})
    for body in (page, await answer.text()):
        assert "<script>alert" not in body
        assert "<img src=x" not in body
        assert "</td><td></td><td>" not in body


async def test_the_details_are_a_page_and_for_htmx_a_fragment(client: TestClient) -> None:
    """One address serves the drawer and the plain link."""
    page = await text(client, "/riders/R1")
    assert "<!doctype html>" in page
    assert 'class="side"' in page
    fragment = await (await client.get("/riders/R1", headers={"HX-Request": "true"})).text()
    assert "<html" not in fragment
    assert "骑手甲0001号" in fragment


async def test_long_values_carry_their_whole_text(client: TestClient) -> None:
    """What the column cuts is whole in the title."""
    page = await text(client, "/riders")
    assert (
        'title="依据：配送站点“东四站”位于东四街道；该站点由东四第一联合党支部覆盖，距站点 312 米。"' in page
    )
