"""骑手台账: filtering, the drawer with its reasons, opening a person with a purpose, the workbook."""

from io import BytesIO

from openpyxl import load_workbook
from playwright.async_api import Page, expect

from rider_hub.demo.world_model import World
from tests.browser.conftest import SignIn
from tests.browser.exporting import approved_export
from tests.browser.watching import Watch

STREET = "东四街道"


async def counted(page: Page) -> int:
    """Return how many rows the page says there are."""
    return int((await page.locator(".pager b").first.inner_text()).replace(",", ""))


async def open_first(page: Page) -> None:
    """Open the first row beside the table."""
    await page.locator("a.row-link").first.click()
    await expect(page.locator("#drawer")).to_be_visible()


async def test_a_street_filter_leaves_that_street_alone(sign_in: SignIn) -> None:
    """Choosing a street keeps its riders, with a chip that takes the filter off again."""
    page = await sign_in("qu")
    await page.goto("/riders")
    everyone = await counted(page)
    await page.locator("select[name=street]").select_option(label=STREET)
    await expect(page.locator(".chips")).to_contain_text(STREET)
    assert 0 < await counted(page) < everyone
    places = await page.locator('td[data-col="place"]').all_inner_texts()
    assert all(place.startswith(STREET) for place in places)
    await page.locator(".chips a").first.click()
    await expect(page.locator(".pager b").first).to_have_text(f"{everyone:,}")


async def test_the_drawer_says_why_each_match_was_made(sign_in: SignIn) -> None:
    """A row opens beside the table with registrations, and assignments each with its 依据."""
    page = await sign_in("qu")
    await page.goto("/riders?employment=dedicated")
    await open_first(page)
    drawer = page.locator("#drawer")
    for heading in ("登记", "匹配结果", "登记变化"):
        await expect(drawer.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    await expect(drawer).to_contain_text("依据")
    await page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()


async def test_a_person_is_shown_only_for_a_purpose(sign_in: SignIn, world: World, watch: Watch) -> None:
    """Masked until a purpose is given; without one the form says so; with one name and phone stand there."""
    watch.refused.add(422)
    rider = world.riders[-7]
    page = await sign_in("qu")
    await page.goto(f"/riders?q={rider.phone}")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("main")).not_to_contain_text(rider.name)
    await open_first(page)
    drawer = page.locator("#drawer")
    await expect(drawer).not_to_contain_text(rider.phone)
    await drawer.get_by_text("显示姓名和手机号").click()
    await drawer.get_by_role("button", name="显示").click()
    await expect(page.locator(".error-summary")).to_be_visible()
    await page.get_by_label("查看用途").select_option("走访关怀")
    await page.get_by_label("具体说明").fill("回访诉求（测试）")
    await page.get_by_role("button", name="显示").click()
    await expect(page.locator("main")).to_contain_text(rider.name)
    await expect(page.locator("main")).to_contain_text(rider.phone)


async def test_the_workbook_has_the_rows_that_the_page_counts(sign_in: SignIn) -> None:
    """The approved export of a filtered ledger holds each row once, people still masked."""
    page, approver = await sign_in("qu"), await sign_in("fuhe")
    await page.goto("/riders")
    await page.locator("select[name=street]").select_option(label=STREET)
    await expect(page.locator(".chips")).to_contain_text(STREET)
    count = await counted(page)
    book = load_workbook(BytesIO(await approved_export(page, approver)))
    rows = list(book.active.iter_rows(values_only=True))
    head = next(number for number, row in enumerate(rows) if "手机号" in row)
    people = [row for row in rows[head + 1 :] if row[rows[head].index("手机号")]]
    assert len(people) == count
    assert all("****" in str(row[rows[head].index("手机号")]) for row in people)
