"""A difficulty from the rider's phone to the answer and back, with scripts off on the phone."""

import re

from playwright.async_api import Page, expect

from rider_hub.demo.world_model import World
from tests.browser.conftest import RiderSignIn, SignIn
from tests.browser.watching import Watch

WORDS = "东门晚上九点后上锁，绕行要多走一公里（测试）"
ANSWER = "已与物业商定：东门凭骑手服装全天可进，请您再试一次。"


async def file_request(phone: Page, words: str) -> str:
    """File a request from the riders' home in four steps; returns the 查询码 shown."""
    await phone.goto("/r/")
    await phone.get_by_role("link", name="反映困难").click()
    while await phone.locator("h1").inner_text() != "遇到什么困难？":
        await phone.locator("ul.ways a").first.click()
    await phone.get_by_role("link", name="进门难").click()
    await phone.get_by_label("遇到什么困难").fill(words)
    await phone.get_by_role("button", name="提交").click()
    await expect(phone.locator("h1")).to_have_text("已提交")
    code = await phone.locator("h2").first.inner_text()
    assert re.fullmatch(r"[0-9A-Z]{5}-[0-9A-Z]{5}", code)
    return code


async def answer_request(desk: Page, words: str, answer: str) -> None:
    """Find a request in the ledger by its words and answer it in the drawer."""
    await desk.goto("/requests?state=open&size=200&sort=-filed_at")
    await desk.locator("tbody tr", has_text=words[:12]).locator("a.row-link").click()
    drawer = desk.locator("#drawer")
    await expect(drawer).to_contain_text(words)
    await drawer.get_by_label("答复骑手").fill(answer)
    await drawer.get_by_role("button", name="提交答复").click()
    await expect(desk.locator("main")).to_contain_text(answer)


async def test_a_signed_in_rider_gets_an_answer_and_confirms(
    signed_in_rider: RiderSignIn, sign_in: SignIn, world: World
) -> None:
    """Filed on the phone, answered by the county's staff, seen and confirmed under 我的诉求."""
    words = f"{WORDS}甲"
    phone = await signed_in_rider(world.riders[-1].phone)
    await file_request(phone, words)
    await answer_request(await sign_in("qu"), words, ANSWER)
    await phone.goto("/r/requests")
    await phone.get_by_role("link", name=words).click()
    await expect(phone.locator("main")).to_contain_text(ANSWER)
    await phone.get_by_role("button", name="已解决").click()
    await expect(phone.locator("main")).to_contain_text("已办结")
    await expect(phone.get_by_role("button", name="已解决")).to_have_count(0)


async def test_without_signing_in_the_code_leads_to_the_answer(phone: Page, sign_in: SignIn) -> None:
    """Nobody signs in: the 查询码 alone shows the answer, and 还没解决 puts the request back to the staff."""
    words = f"{WORDS}乙"
    code = await file_request(phone, words)
    desk = await sign_in("qu")
    await answer_request(desk, words, ANSWER)
    await phone.goto("/r/requests/query")
    await phone.get_by_label("查询码").fill(code.lower())
    await phone.get_by_role("button", name="查看").click()
    await expect(phone.locator("main")).to_contain_text(ANSWER)
    assert code.replace("-", "") not in phone.url.upper()
    await phone.get_by_label("还没解决，差在哪里？").fill("试过了，东门还是锁着。")
    await phone.get_by_role("button", name="还没解决，继续办").click()
    await expect(phone.locator("main")).to_contain_text("试过了，东门还是锁着。")
    await desk.goto("/requests?state=reopened&size=200")
    await expect(desk.locator("tbody tr", has_text=words[:12])).not_to_have_count(0)


async def test_a_wrong_code_is_told_as_such(phone: Page, watch: Watch) -> None:
    """A 查询码 nobody has says what to do and shows nothing."""
    watch.refused.add(422)
    await phone.goto("/r/requests/query")
    await phone.get_by_label("查询码").fill("AAAAA-AAAAA")
    await phone.get_by_role("button", name="查看").click()
    await expect(phone.locator(".error-summary")).to_contain_text("没有找到这个查询码")
