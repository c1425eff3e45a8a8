"""The staff's daily pages on Chromium 89 without a graphics card."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.browser.demo_server import DemoServer
from tests.browser.old_chromium import click, old_chromium
from tests.browser.watching import PAINTED, Watch, map_ready

pytestmark = pytest.mark.browser


@pytest.fixture
async def oldest(tmp_path: Path) -> AsyncIterator[Browser]:
    """Give Chromium 89."""
    async with old_chromium(tmp_path / "profile") as browser:
        yield browser


async def test_daily_pages_work_on_chromium_89(oldest: Browser, demo: DemoServer, watch: Watch) -> None:
    """Signing in, 工作台, 一张图 and 骑手台账 with its drawer work, and nothing is said on the console."""
    assert oldest.version.startswith("89.")
    context = await oldest.new_context(
        viewport={"width": 1366, "height": 768}, base_url=demo.url, locale="zh-CN"
    )
    watch.over(context)
    page = await context.new_page()
    await _sign_in(page, demo)
    assert await _text(page, "h1") == "工作台"
    assert await _count(page, ".figures a") >= 4

    await page.goto("/map", wait_until="networkidle")
    await map_ready(page)
    drawn = await page.evaluate(PAINTED)
    assert drawn["painted"] > 10_000
    assert drawn["colours"] > 3
    await click(page, "[data-layer]")
    await _until(page, "!document.querySelector('[data-layer]').checked")

    await page.goto("/riders", wait_until="networkidle")
    assert await _count(page, "tbody tr") > 10
    await click(page, "tbody tr td:nth-child(3)")
    await _until(page, "document.querySelector('#drawer-body').textContent.trim() !== ''")
    assert not await page.evaluate("document.querySelector('#drawer').hidden")
    await context.close()


async def _sign_in(page: Page, demo: DemoServer) -> None:
    await page.goto("/login", wait_until="networkidle")
    await click(page, "#username")
    await page.keyboard.type("qu")
    await click(page, "#password")
    await page.keyboard.type(demo.passwords["qu"])
    async with page.expect_navigation(wait_until="networkidle"):
        await click(page, "form .btn-primary")


async def _text(page: Page, selector: str) -> str:
    return str(
        await page.evaluate("selector => document.querySelector(selector).textContent.trim()", selector)
    )


async def _count(page: Page, selector: str) -> int:
    return int(await page.evaluate("selector => document.querySelectorAll(selector).length", selector))


async def _until(page: Page, condition: str) -> None:
    for _ in range(600):
        if await page.evaluate(condition):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"it did not come to {condition}")
