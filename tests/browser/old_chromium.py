"""Chromium 89, the oldest browser staff pages promise to work on, started and driven over its debugging port.

Today's playwright connects to it and reads, types and clicks at a place. What playwright asks of elements
before a `locator.click()` came with later versions, so places are taken from the page itself.
"""

import asyncio
import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

__all__ = ["RUNS_HERE", "click", "old_chromium"]

PROGRAM = Path(__file__).resolve().parents[2] / ".cache" / "chromium-89" / "chromium"
RUNS_HERE = (platform.system(), platform.machine()) == ("Linux", "x86_64")
_ARGS = [
    "--headless",
    "--no-sandbox",
    "--no-zygote",
    # Neither WebGL nor any other help of a graphics card, as on the machines the promise is about.
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
]


@asynccontextmanager
async def old_chromium(profile: Path) -> AsyncIterator[Browser]:
    """Start Chromium 89 with a profile folder of its own and connect to it."""
    if not PROGRAM.exists():
        pytest.fail("Chromium 89 is not here: run scripts/setup.sh tests (make test does)")
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *_ARGS, f"--user-data-dir={profile}", "about:blank", stderr=asyncio.subprocess.PIPE
    )
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(await _address(process))
            yield browser
            await browser.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    told = []
    async for line in process.stderr:
        told.append(line.decode("utf-8", "replace"))
        if told[-1].startswith("DevTools listening on "):
            return told[-1].split()[-1]
    pytest.fail("Chromium 89 did not start: " + "".join(told))


async def click(page: Page, selector: str) -> None:
    """Press the mouse in the middle of the first element of a selector."""
    box = await page.evaluate(
        """(selector) => {
            const element = document.querySelector(selector);
            element.scrollIntoView({block: 'center'});
            const box = element.getBoundingClientRect();
            return {x: box.x + box.width / 2, y: box.y + box.height / 2};
        }""",
        selector,
    )
    await page.mouse.click(box["x"], box["y"])
