"""One demo for all tests of a worker, and windows onto it that fail on any fault a page makes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Page, expect

from rider_hub.clock import local_date
from rider_hub.demo.world import build_world
from rider_hub.demo.world_model import World
from tests.browser.demo_server import DemoServer
from tests.browser.old_chromium import RUNS_HERE
from tests.browser.watching import Watch

SCALE = 0.25

#: Chromium 89 exists for this system alone; elsewhere its test is not collected, and nothing is fetched.
collect_ignore = [] if RUNS_HERE else ["test_oldest_browser.py"]

SignIn = Callable[[str], Awaitable[Page]]
RiderSignIn = Callable[[str], Awaitable[Page]]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    """Give the demo of this worker; tests share it, so each changes only what no other looks at."""
    server = DemoServer.start(tmp_path_factory.mktemp("demo"), scale=SCALE)
    yield server
    server.end()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Give the watch over this test's windows; the test fails where a page broke a rule."""
    watching = Watch()
    yield watching
    assert watching.faults == []


@pytest.fixture
async def window(
    browser: Browser, demo: DemoServer, watch: Watch
) -> AsyncIterator[Callable[[], Awaitable[Page]]]:
    """Give a maker of staff windows: the usual screen of a street office, each with its own cookies."""

    async def opened() -> Page:
        context = await browser.new_context(
            viewport={"width": 1366, "height": 768},
            base_url=demo.url,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
        )
        watch.over(context)
        return await context.new_page()

    yield opened
    for context in browser.contexts:
        await context.close()


@pytest.fixture
def sign_in(window: Callable[[], Awaitable[Page]], demo: DemoServer) -> SignIn:
    """Give a way to sign in as one of the demo's accounts through the page, in a window of its own."""

    async def signed_in(username: str) -> Page:
        page = await window()
        await page.goto("/login")
        await page.get_by_label("账号").fill(username)
        await page.get_by_label("密码").fill(demo.passwords[username])
        await page.get_by_role("button", name="登录").click()
        await expect(page.locator("h1")).to_have_text("工作台")
        return page

    return signed_in


@pytest.fixture
async def phone(browser: Browser, demo: DemoServer, watch: Watch) -> AsyncIterator[Page]:
    """Give a rider's phone: 390 px wide, scripts off."""
    context = await browser.new_context(
        viewport={"width": 390, "height": 844},
        base_url=demo.url,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        java_script_enabled=False,
        has_touch=True,
    )
    watch.over(context)
    yield await context.new_page()
    await context.close()


@pytest.fixture(scope="session")
def world() -> World:
    """Give the world the demo was built from, whose riders' numbers no page shows."""
    return build_world(scale=SCALE, today=local_date(datetime.now(UTC)))


@pytest.fixture
def signed_in_rider(phone: Page, demo: DemoServer) -> RiderSignIn:
    """Give a way to sign in on the phone with a number and the code that the demo's console shows."""

    async def signed_in(number: str) -> Page:
        await phone.goto("/r/login")
        await phone.get_by_label("手机号").fill(number)
        await phone.get_by_role("button", name="获取验证码").click()
        await phone.get_by_label("验证码").fill(demo.code_for(number))
        await phone.get_by_role("button", name="登录").click()
        await expect(phone.locator("h1")).to_have_text("骑手服务")
        return phone

    return signed_in
