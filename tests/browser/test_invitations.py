"""From a separate consent to an invitation and its answer, and back to nothing when it is withdrawn."""

from playwright.async_api import Page, expect

from rider_hub.demo.world_model import World
from tests.browser.conftest import RiderSignIn, SignIn
from tests.browser.demo_server import DemoServer
from tests.browser.watching import Watch


async def declare(phone: Page, body: str) -> None:
    """Declare on the phone, name one body, and consent to its invitations on a screen of their own."""
    await phone.goto("/r/")
    await phone.get_by_role("link", name="党员身份申报（自愿）").click()
    await phone.get_by_role("button", name="我已看清楚，同意").click()
    await phone.get_by_label("正式党员").check()
    await phone.get_by_role("button", name="下一步").click()
    await phone.get_by_label("党组织名称").fill("外省某县某镇某村党支部（测试）")
    await phone.get_by_role("button", name="下一步").click()
    await phone.get_by_label(body, exact=True).check()
    await phone.get_by_role("button", name="下一步").click()
    await phone.locator('input[value="yes"]').check()
    await phone.get_by_role("button", name="完成申报").click()
    await expect(phone.locator("h1")).to_have_text("我的申报")


async def listed(page: Page) -> set[str]:
    """Return the addresses of the invitations on the secretary's worklist."""
    await page.goto("/invitations?size=200")
    links = await page.locator("a.row-link").all()
    return {await link.get_attribute("href") or "" for link in links}


async def test_consent_leads_to_an_invitation_and_withdrawal_away_from_it(
    signed_in_rider: RiderSignIn, sign_in: SignIn, demo: DemoServer, world: World, watch: Watch
) -> None:
    """Surfaced by the job, sent by the secretary, accepted on the phone, gone from both after 撤回."""
    body = next(each.name for each in world.organizations if each.kind == "industry_organization")
    members = {member.rider for member in world.members}
    rider = next(each for each in reversed(world.riders[:-20]) if each.index not in members)
    secretary = await sign_in("shuji")
    before = await listed(secretary)
    phone = await signed_in_rider(rider.phone)
    await declare(phone, body)
    ran = demo.command("jobs", "run", "surface_invitations", "--as", "xitong")
    assert ran.returncode == 0, ran.stderr
    new = await listed(secretary) - before
    assert new
    for path in new:
        await secretary.goto(path)
        await expect(secretary.locator("main")).to_contain_text(body)
        await expect(secretary.locator("main")).not_to_contain_text(rider.name)
    await secretary.get_by_role("button", name="发出邀请").click()
    await expect(secretary.locator("h1")).to_have_text("活动邀请")

    await phone.goto("/r/invitations")
    await phone.get_by_role("button", name="愿意参加").click()
    await expect(phone.locator("main")).to_contain_text("您的答复：愿意参加")
    await phone.get_by_role("button", name="这次不参加").click()
    await expect(phone.locator("main")).to_contain_text("您的答复：这次不参加")

    await phone.goto("/r/declaration")
    await phone.get_by_role("button", name="撤回同意，删除申报").click()
    await expect(phone.locator("main")).to_contain_text("已撤回同意")
    watch.refused.add(404)
    assert not new & await listed(secretary)
    for path in new:
        answer = await secretary.goto(path)
        assert answer is not None
        assert answer.status == 404
    await phone.goto("/r/invitations")
    await expect(phone.get_by_role("button", name="愿意参加")).to_have_count(0)
