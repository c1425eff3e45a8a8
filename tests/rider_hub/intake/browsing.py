"""A page of a site in headless Chromium, signed in; a fault on its console fails the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page

from tests.rider_hub.routes import Site

__all__ = ["signed_in_page"]


@asynccontextmanager
async def signed_in_page(browser: Browser, site: Site, path: str) -> AsyncIterator[Page]:
    """Open a path at the width staff have, where files may be saved."""
    visitor = await site.visitor()
    base = str(site.server.make_url("/")).rstrip("/")
    context = await browser.new_context(viewport={"width": 1366, "height": 800}, accept_downloads=True)
    cookies = [
        {"name": one.key, "value": one.value, "url": base} for one in visitor.client.session.cookie_jar
    ]
    await context.add_cookies(cookies)  # type: ignore[arg-type]
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    await page.goto(base + path)
    yield page
    # A refusal with a status is told on the page; the browser writes it down as well.
    assert [text for text in wrong if "status of 4" not in text] == []
    await context.close()
