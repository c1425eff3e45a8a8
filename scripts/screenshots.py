"""Takes the pictures of the README from a demo built for it: `.venv/bin/python -m scripts.screenshots`."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.demo_server import DemoServer
from tests.browser.watching import map_ready
from tests.conftest import CHROMIUM_ARGS, CHROMIUM_NAMES

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
MOST_BYTES = 250 * 1024


async def _staff(browser: Browser, demo: DemoServer, scheme: str) -> Page:
    """Sign in as the county's staff."""
    context = await browser.new_context(
        viewport={"width": 1366, "height": 768},
        base_url=demo.url,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await page.goto("/login")
    await page.get_by_label("账号").fill("qu")
    await page.get_by_label("密码").fill(demo.passwords["qu"])
    await page.get_by_role("button", name="登录").click()
    await expect(page.locator("h1")).to_have_text("工作台")
    return page


async def _take_staff(page: Page, folder: Path) -> None:
    await page.goto("/", wait_until="networkidle")
    await _keep(page, folder / "desk.png")
    await page.goto("/map", wait_until="networkidle")
    await map_ready(page)
    await _keep(page, folder / "map.png")
    await page.goto("/riders", wait_until="networkidle")
    await page.locator("a.row-link").nth(2).click()
    reasons = page.locator("#drawer").get_by_role("heading", name="匹配结果")
    await reasons.evaluate("heading => heading.scrollIntoView()")
    await _keep(page, folder / "riders.png")
    await page.goto("/assignments?cover=station_branch", wait_until="networkidle")
    await _keep(page, folder / "assignments.png")
    await page.goto("/requests?sort=-filed_at", wait_until="networkidle")
    await _keep(page, folder / "requests.png")


async def _take_phone(browser: Browser, demo: DemoServer, folder: Path, scheme: str) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844},
        base_url=demo.url,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = await context.new_page()
    await page.goto("/r/", wait_until="networkidle")
    await _keep(page, folder / "phone.png")


async def _keep(page: Page, path: Path) -> None:
    content = await page.screenshot(path=path, animations="disabled", caret="hide")
    sys.stdout.write(f"{path} {len(content)} bytes\n")
    if len(content) > MOST_BYTES:
        raise SystemExit(f"{path.name} is too large for the README")


async def _take_all(demo: DemoServer, chromium: str, folder: Path, scheme: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        await _take_staff(await _staff(browser, demo, scheme), folder)
        await _take_phone(browser, demo, folder, scheme)
        await browser.close()


def main() -> int:
    """Build the demo, take the pictures, end the demo; arguments: folder, and light or dark."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    scheme = sys.argv[2] if len(sys.argv) > 2 else "light"  # noqa: PLR2004 - the second argument
    folder.mkdir(parents=True, exist_ok=True)
    chromium = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    with tempfile.TemporaryDirectory() as work:
        demo = DemoServer.start(Path(work) / "demo", scale=1)
        try:
            asyncio.run(_take_all(demo, chromium, folder, scheme))
        finally:
            demo.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
