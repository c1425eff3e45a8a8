"""The riders' pages on a phone of 390 px: signing in, correcting one's community, and everything fitting."""

import pytest
from playwright.async_api import Browser, Page, expect

from rider_hub.demo.world_model import World
from tests.browser.conftest import RiderSignIn
from tests.browser.watching import TOO_WIDE, Watch

PATHS = (
    "/r/",
    "/r/stations",
    "/r/stations?q=%E4%B8%9C",
    "/r/requests",
    "/r/requests/new",
    "/r/requests/query",
    "/r/me",
    "/r/me/community?q=%E4%B8%9C",
    "/r/invitations",
    "/r/invitations/open",
    "/r/declaration",
    "/r/data",
    "/r/nowhere",
)


async def test_a_wrong_code_lets_nobody_in(phone: Page, watch: Watch, world: World) -> None:
    """A code that was not sent is refused in words, and the rider's own pages stay shut."""
    watch.refused.update({401, 403, 404})
    await phone.goto("/r/login")
    await phone.get_by_label("手机号").fill(world.riders[-3].phone)
    await phone.get_by_role("button", name="获取验证码").click()
    await phone.get_by_label("验证码").fill("not it")
    await phone.get_by_role("button", name="登录").click()
    await expect(phone.locator(".error-summary")).to_contain_text("验证码不对或已失效")
    await phone.goto("/r/me")
    await expect(phone.locator("main")).not_to_contain_text("我的登记")


async def test_love_stations_are_for_everyone(phone: Page, world: World) -> None:
    """Nobody signs in: a community's name leads to the love stations around it, each with its state now."""
    community = next(d for d in world.divisions if d.code == world.love_stations[0].community)
    await phone.goto("/r/")
    await phone.get_by_role("link", name="附近驿站").click()
    await phone.get_by_label("您在哪个社区？").fill(community.name[:3])
    await phone.get_by_role("button", name="查找").click()
    await phone.get_by_role("link", name=community.name).first.click()
    await expect(phone.locator("section.card .state").first).to_be_visible()
    await expect(phone.locator("section.card")).not_to_have_count(0)


async def test_a_rider_reads_who_serves_the_place(signed_in_rider: RiderSignIn, world: World) -> None:
    """我的登记 shows the rider's own masked name, the platform's entry and the reasons of the match."""
    rider = world.riders[-4]
    phone = await signed_in_rider(rider.phone)
    await phone.get_by_role("link", name="我的登记").click()
    await expect(phone.locator("main")).to_contain_text(f"{rider.phone[:3]}****{rider.phone[-4:]}")
    await expect(phone.locator("main")).not_to_contain_text(rider.phone)
    await expect(phone.locator("main")).to_contain_text("谁在服务我所在的地方")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_scrolls_sideways(
    browser: Browser, signed_in_rider: RiderSignIn, world: World, watch: Watch, scheme: str
) -> None:
    """At 390 px every page of a signed-in rider fits its width, in both colour schemes."""
    watch.refused.add(404)
    phone = await signed_in_rider(world.riders[-5 if scheme == "light" else -6].phone)
    # The same session in a window that can be measured, which takes scripts.
    context = await browser.new_context(
        viewport={"width": 390, "height": 844},
        storage_state=await phone.context.storage_state(),
        base_url=phone.url.removesuffix("/r/"),
        color_scheme="dark" if scheme == "dark" else "light",
    )
    watch.over(context)
    page = await context.new_page()
    wide: dict[str, list[str]] = {}
    for path in PATHS:
        await page.goto(path)
        wide[path] = await page.evaluate(TOO_WIDE)
    await context.close()
    assert wide == {path: [] for path in PATHS}
