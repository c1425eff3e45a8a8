"""The gallery in Chromium: the policy holds, and the small scripts do what they say."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from openpyxl import load_workbook
from playwright.async_api import Browser, Page, expect

PAGES = (
    "/",
    "/riders",
    "/empty",
    "/riders/R1",
    "/map",
    "/form",
    "/login",
    "/fail/conflict",
    "/r/",
    "/r/form",
)


@pytest.fixture
async def page(browser: Browser, server: TestServer) -> AsyncIterator[Page]:
    """Give a page at the ward's usual screen size that fails on violations and script errors."""
    context = await browser.new_context(
        viewport={"width": 1366, "height": 768}, base_url=str(server.make_url("")), locale="zh-CN"
    )
    opened = await context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "console", lambda message: faults.append(message.text) if "Content Security" in message.text else None
    )
    yield opened
    await context.close()
    assert faults == []


async def map_ready(page: Page) -> None:
    """Wait until the map has read its layers; the policy forbids waiting by a function in the page."""
    for _ in range(300):
        if await page.evaluate("document.querySelector('[data-map]').dataset.ready === 'true'"):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the map did not read its layers")


async def test_no_page_breaks_the_policy(page: Page) -> None:
    """Every page loads its styles, icons, scripts and data without one violation."""
    for path in PAGES:
        await page.goto(path, wait_until="networkidle")
        assert await page.evaluate("Array.from(document.styleSheets).length") >= 1
    await page.goto("/")
    await expect(page.locator("[data-chart][data-drawn]")).to_be_visible()


async def test_a_row_opens_beside_the_table_and_closes(page: Page) -> None:
    """A click anywhere in a row loads its details; Escape closes them and gives the focus back."""
    await page.goto("/riders")
    await page.locator("tbody tr").nth(2).locator("td").nth(3).click()
    await expect(page.locator("#drawer")).to_contain_text("东四第一联合党支部")
    await expect(page.locator("tr.chosen")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.locator("#drawer")).to_be_hidden()
    assert await page.evaluate("document.activeElement.className") == "row-link"


async def test_columns_are_remembered(page: Page) -> None:
    """A column taken off stays off after loading again, an extra one stays on."""
    await page.goto("/riders")
    await page.locator("[data-columns] summary").click()
    await page.locator('[data-column="phone"]').uncheck()
    await page.locator('[data-column="note"]').check()
    await page.reload()
    await expect(page.locator('th[data-col="phone"]')).to_be_hidden()
    await expect(page.locator('th[data-col="note"]')).to_be_attached()
    assert not await page.locator('th[data-col="note"]').evaluate("cell => cell.hidden")


async def test_head_and_first_column_stay_in_sight(page: Page) -> None:
    """Scrolled far down and right, the header and the name are where they were; so are count and pages."""
    await page.goto("/riders")
    before = await page.locator("th").first.bounding_box()
    await page.locator(".ledger-scroll").evaluate("box => box.scrollTo(600, 900)")
    assert await page.locator("th").first.bounding_box() == before
    await expect(page.locator(".pager")).to_be_in_viewport()
    height = await page.locator("tbody tr").nth(1).evaluate("row => row.getBoundingClientRect().height")
    assert height == 40


async def test_keys_lead_to_search_and_through_the_rows(page: Page) -> None:
    """/ goes to the search box, j and k walk, Enter opens."""
    await page.goto("/riders")
    await page.keyboard.press("/")
    assert await page.evaluate("document.activeElement.name") == "q"
    await page.keyboard.press("Tab")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator("#drawer")).to_contain_text("编号 R0000002")


async def test_a_filter_sends_itself_and_leaves_empty_ones_out(page: Page) -> None:
    """Choosing a street changes the address to that filter alone."""
    await page.goto("/riders")
    await page.locator("select[name=street]").select_option("东四街道")
    await expect(page.locator(".chips")).to_contain_text("街道：东四街道")
    assert "q=" not in page.url


async def test_a_change_is_asked_about_first(page: Page) -> None:
    """Nothing is sent until the question is answered; 取消 sends nothing."""
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    await page.goto("/riders")
    await page.get_by_role("button", name="全部重算").click()
    await page.get_by_role("button", name="取消").click()
    await expect(page.locator("dialog")).to_have_count(0)
    assert posts == []
    await page.get_by_role("button", name="全部重算").click()
    async with page.expect_navigation():
        await page.locator("dialog").get_by_role("button", name="全部重算").click()
    assert len(posts) == 1


async def test_the_export_is_a_download(page: Page, tmp_path: Path) -> None:
    """The button gives a workbook named after the ledger."""
    await page.goto("/riders?street=东四街道")
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="导出 Excel").click()
    download = await waiting.value
    assert download.suggested_filename == "骑手台账-2026-11-23.xlsx"
    await download.save_as(tmp_path / "x.xlsx")
    assert load_workbook(BytesIO((tmp_path / "x.xlsx").read_bytes())).active["A1"].value == "骑手台账"


async def test_the_map_draws_chooses_filters_and_follows_the_hour(page: Page) -> None:
    """Layers are read and counted; a click loads the panel; the legend hides; the slider asks again."""
    await page.goto("/map")
    await map_ready(page)
    await expect(page.locator('[data-count="streets"]')).to_have_text("6")
    assert await page.locator(".map-canvas canvas").count() >= 1
    spot = "const m = document.querySelector('[data-map]').riderMap.map;"
    at = await page.evaluate(
        f"(() => {{ {spot} return m.getPixelFromCoordinate(ol.proj.fromLonLat([116.3835, 39.9035])); }})()"
    )
    box = await page.locator(".map-canvas").bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + at[0], box["y"] + at[1])
    await expect(page.locator("#map-panel")).to_contain_text("编号 S0")
    await page.locator('[data-layer="streets"]').uncheck()
    shown = (
        f"(() => {{ {spot} return m.getLayers().getArray().filter(layer => layer.getVisible()).length; }})()"
    )
    assert await page.evaluate(shown) == 2
    await page.locator("[data-hour]").fill("3")
    await expect(page.locator('[data-count="love"]')).to_have_text("1")
    await expect(page.locator("[data-hour-word]")).to_have_text("03:00")


async def test_a_fault_in_the_drawer_is_said_there(page: Page) -> None:
    """What can't be loaded says so in its place, also when the server is gone."""
    await page.goto("/riders")
    await page.route("**/riders/R0000001", lambda route: route.fulfill(status=404, body="<p>没有找到</p>"))
    await page.locator("a.row-link").first.click()
    await expect(page.locator("#drawer")).to_contain_text("没有找到")
    await page.route("**/riders/R0000002", lambda route: route.abort())
    await page.locator("a.row-link").nth(1).click()
    await expect(page.locator("#drawer")).to_contain_text("没有连上服务器")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_rider_can_use_the_phone_page_without_scripts(
    browser: Browser, server: TestServer, scheme: str
) -> None:
    """At 390 px and with scripts off: large text and targets, no sideways scrolling, faults, the way back."""
    context = await browser.new_context(
        viewport={"width": 390, "height": 800},
        java_script_enabled=False,
        base_url=str(server.make_url("")),
        color_scheme="dark" if scheme == "dark" else "light",
    )
    phone = await context.new_page()
    await phone.goto("/r/")
    for target in await phone.locator("main a, main summary").all():
        box = await target.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] + box["width"] <= 390
    await phone.get_by_role("link", name="反映一件困难").click()
    await phone.get_by_role("button", name="提交").click()
    await expect(phone.locator(".error-summary")).to_contain_text("请选择遇到的困难")
    await phone.get_by_role("link", name="返回").click()
    await expect(phone.locator("h1")).to_have_text("您好，需要什么？")
    await context.close()


async def test_staff_pages_can_be_read_without_scripts(browser: Browser, server: TestServer) -> None:
    """A row is a plain link to its page, and the map leads to its list."""
    context = await browser.new_context(java_script_enabled=False, base_url=str(server.make_url("")))
    page = await context.new_page()
    await page.goto("/riders")
    await page.locator("a.row-link").first.click()
    await expect(page.locator("h1")).to_have_text("骑手甲0001号")
    await page.goto("/map")
    await page.get_by_role("link", name="以列表查看同样的内容").click()
    await expect(page.locator("h1")).to_have_text("骑手台账")
    await context.close()
