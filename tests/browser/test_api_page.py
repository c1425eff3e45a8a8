"""The page of the interface shows every operation, today and on the oldest browser, and breaks no rule."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from rider_hub.app import api_document
from tests.browser.old_chromium import old_chromium
from tests.rider_hub.views.published import served

pytestmark = pytest.mark.browser

_SHOWN = "document.querySelectorAll('#api .opblock').length"


async def _look(page: Page, url: str) -> tuple[int, list[str]]:
    """Open the page, wait for its operations, open one, and return how many there are and what was said."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.goto(f"{url}/api/docs")
    for _ in range(300):
        if await page.evaluate(_SHOWN):
            break
        await page.wait_for_timeout(100)
    await page.evaluate("document.querySelector('#api .opblock-post .opblock-summary-control').click()")
    for _ in range(300):
        if "Idempotency-Key" in await page.evaluate("document.body.innerText"):
            break
        await page.wait_for_timeout(100)
    assert "Idempotency-Key" in await page.evaluate("document.body.innerText")
    return await page.evaluate(_SHOWN), said


async def test_the_page_shows_every_operation(
    browser: Browser, tmp_path: Path, sqlite_template: Path
) -> None:
    """All operations stand there; no script, style or address is refused by the policy."""
    operations = sum(len(of) for of in api_document()["paths"].values())
    with served(tmp_path, sqlite_template) as hub:
        assert await _look(await browser.new_page(), hub.url) == (operations, [])


async def test_it_works_on_chromium_89(tmp_path: Path, sqlite_template: Path) -> None:
    """The oldest browser that pages promise to work on shows the same."""
    operations = sum(len(of) for of in api_document()["paths"].values())
    with served(tmp_path, sqlite_template) as hub:
        async with old_chromium(tmp_path / "profile") as oldest:
            context = await oldest.new_context()
            assert await _look(await context.new_page(), hub.url) == (operations, [])
