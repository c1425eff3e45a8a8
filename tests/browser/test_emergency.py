"""Emergency access as people see it: asked for, approved by another, shown on every page, ended at once."""

from playwright.async_api import expect

from tests.browser.conftest import SignIn


async def test_a_street_helps_out_in_another_for_an_hour(sign_in: SignIn) -> None:
    """After the county agreed the other street's riders are there, under a banner; ended, they are gone."""
    page, county = await sign_in("jiedao"), await sign_in("fuhe")
    await page.goto("/riders")
    own = await page.locator(".pager b").first.inner_text()
    await page.goto("/approvals")
    await page.get_by_role("link", name="申请紧急访问").click()
    await page.get_by_label("哪里").select_option(index=6)
    await page.get_by_label("街道社区工作人员").check()
    await page.get_by_label("1 小时").check()
    await page.get_by_label("原因").select_option(label="同事缺岗")
    await page.get_by_label("具体说明").fill("同事请假，联系骑手（测试）")
    await page.get_by_role("button", name="提交申请").click()
    await page.wait_for_url("**/approvals/*")
    await expect(page.locator(".lent")).to_have_count(0)
    await county.goto(page.url)
    await county.get_by_role("button", name="批准", exact=True).click()
    await expect(county.locator("main")).to_contain_text("已批准")
    await page.goto("/riders")
    await expect(page.locator(".lent")).to_contain_text("紧急访问中")
    await expect(page.locator(".pager b").first).not_to_have_text(own)
    await page.get_by_role("button", name="现在结束").click()
    await page.goto("/riders")
    await expect(page.locator(".lent")).to_have_count(0)
    await expect(page.locator(".pager b").first).to_have_text(own)
