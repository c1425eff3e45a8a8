"""A browser window that remembers everything a page did wrong, so that a test can end by seeing nothing."""

import asyncio
from dataclasses import dataclass, field

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, Response

__all__ = ["PAINTED", "TOO_WIDE", "Watch", "map_ready"]

#: Chromium says this of rules in Bootstrap's and OpenLayers' own files.
_NOT_OURS = ("is deprecated",)


@dataclass
class Watch:
    """Listens to every page of a context; `refused` are the answers of 400 and above that a test wants."""

    refused: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Listen to a context from now on."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def _console(self, message: ConsoleMessage) -> None:
        expected = self.refused and message.text.startswith("Failed to load resource")
        if message.type in {"error", "warning"} and not expected and not _harmless(message.text):
            self.faults.append(f"console: {message.text} {message.location.get('url', '')}")

    def _failed(self, request: Request) -> None:
        # A download and a page left early end their own request.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.refused:
            self.faults.append(f"{response.status}: {response.url}")


def _harmless(text: str) -> bool:
    return any(words in text for words in _NOT_OURS)


async def map_ready(page: Page) -> None:
    """Wait until the map has read its layers; the policy forbids waiting by a function in the page."""
    for _ in range(600):
        if await page.evaluate("document.querySelector('[data-map]').dataset.ready === 'true'"):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the map did not read its layers")


#: How many pixels of the map's canvases are not empty, and of how many colours.
PAINTED = """(() => {
    const colours = new Set();
    let painted = 0;
    for (const canvas of document.querySelectorAll('.map-canvas canvas')) {
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] > 0) {
                painted += 1;
                colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
            }
        }
    }
    return {painted: painted, colours: colours.size};
})()"""

#: What is wider than the window, for pages that must not scroll sideways.
TOO_WIDE = """Array.from(document.querySelectorAll('body *'))
    .filter((box) => box.getBoundingClientRect().right > window.innerWidth + 1)
    .map((box) => box.outerHTML.slice(0, 80))"""
