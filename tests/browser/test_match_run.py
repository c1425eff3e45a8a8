"""匹配任务: a rider corrects the community, and the county previews, approves, applies and rolls back."""

from playwright.async_api import Page, expect

from rider_hub.demo.world_model import World
from tests.browser.conftest import RiderSignIn, SignIn


async def press(page: Page, words: str, *, asked: bool, then: str) -> None:
    """Press a button of the run, answer its question, and wait for the state that follows."""
    await page.locator(".page-actions").get_by_role("button", name=words).click()
    if asked:
        await page.locator("dialog").get_by_role("button", name=words).click()
    await expect(page.locator(".page-head .state")).to_have_text(then)


async def test_a_correction_takes_effect_by_a_run_and_is_taken_back(
    signed_in_rider: RiderSignIn, sign_in: SignIn, world: World
) -> None:
    """The chosen community shows in the difference, is in force after 使其生效, and gone after 回退."""
    rider = world.riders[-8]
    others = [d for d in world.divisions if d.level == "community" and d.code[:9] != rider.community[:9]]
    community = next(d for d in others if sum(d.name in each.name for each in others) == 1)
    phone = await signed_in_rider(rider.phone)
    await phone.goto("/r/me/community")
    await phone.get_by_label("社区或街道名字").fill(community.name)
    await phone.get_by_role("button", name="查找").click()
    await phone.get_by_role("button", name=community.name).click()
    await expect(phone.locator("main")).to_contain_text("已改好")

    page = await sign_in("qu")
    await page.goto("/match-runs")
    await page.get_by_role("button", name="预览匹配").click()
    await expect(page.locator(".page-head .state")).to_have_text("待审批")
    row = page.locator("tbody tr", has_text=community.name)
    await expect(row).to_have_count(1)
    await expect(phone.locator("main")).to_contain_text("谁在服务我所在的地方")
    await press(page, "审批通过", asked=False, then="待生效")
    await press(page, "使其生效", asked=True, then="已生效")
    await phone.goto("/r/me")
    served = phone.locator("dl.definitions").last
    await expect(served).to_contain_text(community.name)
    await press(page, "回退", asked=True, then="已回退")
    await phone.reload()
    await expect(served).not_to_contain_text(community.name)
