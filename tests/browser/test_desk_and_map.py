"""What staff see first: signing in, the desk, the map."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import SignIn
from tests.browser.demo_server import DemoServer
from tests.browser.watching import PAINTED, Watch, map_ready


async def test_a_wrong_password_is_refused_and_the_right_one_works(
    window: Callable[[], Awaitable[Page]], demo: DemoServer, watch: Watch
) -> None:
    """The wrong password says so without saying which part was wrong, and the same form then lets in."""
    watch.refused.add(401)
    page = await window()
    await page.goto("/riders")
    await page.get_by_label("账号").fill("qu")
    await page.get_by_label("密码").fill("不是这个密码")
    await page.get_by_role("button", name="登录").click()
    await expect(page.locator(".error-summary")).to_be_visible()
    await page.get_by_label("密码").fill(demo.passwords["qu"])
    await page.get_by_role("button", name="登录").click()
    await expect(page.locator("h1")).to_have_text("骑手台账")
    await page.locator(".person summary").click()
    await page.get_by_role("button", name="退出登录").click()
    await page.goto("/riders")
    await expect(page.locator("h1")).to_have_text("登录")


async def test_figures_of_the_desk_lead_to_their_rows(sign_in: SignIn) -> None:
    """Each figure is a link, and the ledger behind it counts the same."""
    page = await sign_in("qu")
    figures = [
        (await link.locator("b").inner_text(), await link.get_attribute("href"))
        for link in await page.locator(".figures a").all()
    ]
    assert len(figures) == 4
    for number, path in figures:
        await page.goto(path or "")
        await expect(page.locator(".pager b").first).to_have_text(number)


@pytest.mark.parametrize("username", ["qu", "jiedao", "shuji", "xitong"])
async def test_every_page_of_the_menu_opens(sign_in: SignIn, username: str) -> None:
    """Whatever stands in a role's menu opens for that role, in words of its own."""
    page = await sign_in(username)
    paths = [await link.get_attribute("href") or "" for link in await page.locator("nav.side a").all()]
    assert "/" in paths
    for path in paths:
        answer = await page.goto(path, wait_until="networkidle")
        assert answer is not None
        assert answer.status == 200
        await expect(page.locator("nav.side [aria-current=page]")).to_have_count(1)
        await expect(page.locator("main")).not_to_contain_text("None")


async def test_the_map_draws_its_layers_and_the_legend_filters(sign_in: SignIn) -> None:
    """Polygons and points are painted in several colours; each layer counts; unticking paints less."""
    page = await sign_in("qu")
    await page.goto("/map", wait_until="networkidle")
    await map_ready(page)
    await expect(page.locator('[data-count="streets"]')).to_have_text("17")
    whole = await page.evaluate(PAINTED)
    assert whole["painted"] > 20_000
    assert whole["colours"] > 20
    for layer in ("communities", "streets", "stations", "open", "closed"):
        await page.locator(f'[data-layer="{layer}"]').uncheck()
    await page.locator(".map-canvas").hover()
    await expect(page.locator('[data-layer="streets"]')).not_to_be_checked()
    for _ in range(100):
        left = await page.evaluate(PAINTED)
        if left["painted"] == 0:
            return
        await page.evaluate("new Promise((done) => requestAnimationFrame(done))")
    pytest.fail(f"unticked layers are still painted: {left}")


async def test_the_map_leads_to_the_same_content_as_a_list(sign_in: SignIn) -> None:
    """The list beside the map has every street and community the layers counted."""
    page = await sign_in("qu")
    await page.goto("/map", wait_until="networkidle")
    await map_ready(page)
    counted = [
        int((await page.locator(f'[data-count="{key}"]').inner_text()).replace(",", ""))
        for key in ("streets", "communities")
    ]
    await page.get_by_role("link", name="以列表查看").click()
    await expect(page.locator(".pager b").first).to_have_text(str(sum(counted)))
