"""A street's account sees its street and nothing else, wherever it looks."""

from io import BytesIO

from openpyxl import load_workbook
from playwright.async_api import Page, expect

from tests.browser.conftest import SignIn
from tests.browser.exporting import approved_export
from tests.browser.watching import Watch


async def own_street(page: Page) -> str:
    """Return the street of the signed-in account as the top bar names it."""
    return (await page.locator(".top .division").inner_text()).strip()


async def test_the_ledgers_hold_one_street(sign_in: SignIn) -> None:
    """Riders, matches and requests name no other street, and the filter offers none."""
    page = await sign_in("jiedao")
    street = await own_street(page)
    assert street.endswith("街道")
    for path, column in (("/riders", "place"), ("/assignments", "street"), ("/requests", "place")):
        await page.goto(f"{path}?size=200")
        cells = await page.locator(f'td[data-col="{column}"]').all_inner_texts()
        assert cells
        assert {cell[: len(street)] for cell in cells} == {street}
        options = await page.locator("select[name=street] option").all_inner_texts()
        assert options == ["全部", street]


async def test_the_map_is_given_one_street(sign_in: SignIn) -> None:
    """What the server sends for the map lies in the street: one street, its communities, its stations."""
    page = await sign_in("jiedao")
    street = await own_street(page)
    streets = await (await page.request.get("/map/layers/streets.geojson")).json()
    assert [one["properties"]["name"] for one in streets["features"]] == [street]
    county = await sign_in("qu")
    for key in ("communities", "stations", "open", "closed"):
        mine = await (await page.request.get(f"/map/layers/{key}.geojson")).json()
        all_of_it = await (await county.request.get(f"/map/layers/{key}.geojson")).json()
        assert len(mine["features"]) < len(all_of_it["features"])


async def test_the_workbook_holds_one_street(sign_in: SignIn) -> None:
    """The export of the riders' ledger names no other street."""
    page, approver = await sign_in("jiedao"), await sign_in("fuhe")
    street = await own_street(page)
    await page.goto("/riders")
    count = int((await page.locator(".pager b").first.inner_text()).replace(",", ""))
    body = await approved_export(page, approver)
    rows = list(load_workbook(BytesIO(body)).active.iter_rows(values_only=True))
    head = next(number for number, row in enumerate(rows) if "所在街道、社区" in row)
    column = rows[head].index("所在街道、社区")
    places = [str(row[column]) for row in rows[head + 1 :] if row[column]]
    assert len(places) == count
    assert all(place.startswith(street) for place in places)


async def test_a_rider_of_another_street_is_as_if_absent(sign_in: SignIn, watch: Watch) -> None:
    """The page of another street's rider answers just like that of a rider who never was."""
    watch.refused.add(404)
    county, page = await sign_in("qu"), await sign_in("jiedao")
    street = await own_street(page)
    await county.goto("/riders?size=200")
    other = county.locator("tbody tr", has_not=county.get_by_text(street))
    path = await other.first.locator("a.row-link").get_attribute("href") or ""
    absent = path.rpartition("/")[0] + "/" + "0" * len(path.rpartition("/")[2])
    told = {}
    for each in (path, absent):
        answer = await page.goto(each)
        assert answer is not None
        assert answer.status == 404
        told[each] = await page.locator("main").inner_text()
    assert told[path] == told[absent]
    await county.goto(path)
    await expect(county.locator("main")).to_contain_text("登记变化")
