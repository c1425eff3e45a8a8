"""The checker's page tells every fault of a file and keeps nothing of it; the file comes back annotated."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.async_api import Browser, expect
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from connectors.contract import check
from connectors.transport.files import read_rows
from connectors.transport.push_client import ndjson
from rider_hub.access import Role, Scope
from rider_hub.intake.annotated import annotate, kind_of
from rider_hub.intake.tables import quarantine, receipt
from tests.connectors.transport.parquet_files import parquet_of
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.intake.browsing import signed_in_page
from tests.rider_hub.intake.build import bring_in_county, count, rider, sender_of
from tests.rider_hub.riders.staff_site import staff_site
from tests.rider_hub.routes import open_site

PAGES = ["rider_hub.intake.pages", "rider_hub.intake.check_pages"]
FORBIDDEN = "某种面貌"


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        yield opened


def sheet(rows: list[list[Any]]) -> bytes:
    """Return rows as a workbook; numbers stay numbers."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True, "strings_to_formulas": False}) as book:
        page = book.add_worksheet()
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                (page.write_string if isinstance(value, str) else page.write_number)(number, column, value)
    return data.getvalue()


def read_sheet(data: bytes) -> list[list[Any]]:
    """Return the cells of a workbook's first sheet."""
    return CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()


HEADING = ["record_id", "platform_rider_ref", "employment", "phone", "id_number", "updated_at", "政治面貌"]
GOOD = ["0007", "=1+1", "crowdsourced", "19900000001", "", "2026-10-01T09:00:00+08:00", FORBIDDEN]


async def test_the_page_tells_all_faults_and_stores_nothing(hub: Any) -> None:
    """NDJSON with good and bad rows, held against the county's tables; no value is repeated."""
    await sender_of(hub)
    wrong = rider(2, phone="某号码", work_area={"community_code": "110101001999"})
    body = ndjson([rider(1), wrong]) + b"{oops\n"
    async with staff_site(hub, county_staff(), PAGES) as site:
        page = await (await site.get("/feeds/check")).text()
        assert "按哪家平台的约定检查" in page
        answer = await site.post("/feeds/check?type=registration&sender=ding", data=body)
        text = await answer.text()
        assert "可接收 1 行，不可接收 2 行" in text
        assert all(path in text for path in ("phone", "整行"))
        assert "某号码" not in text
        second = await site.post("/feeds/check?type=registration&sender=-&county=110101", data=body)
        assert "可接收 1 行" in await second.text()
        for query in ("type=x&sender=ding", "type=registration&sender=nobody", "type=registration&sender=-"):
            assert (await site.post(f"/feeds/check?{query}", data=body)).status in {404, 422}
        for query, field in (("", "sender"), ("&sender=-", "county")):
            headers = {"Accept": "application/json"}
            left = await site.post(f"/feeds/check?type=registration{query}", data=body, headers=headers)
            assert (left.status, [one["path"] for one in (await left.json())["errors"]]) == (422, [field])
    assert (await count(hub, receipt), await count(hub, quarantine)) == (0, 0)


async def test_a_platform_checks_for_itself_alone(hub: Any) -> None:
    """Another platform's agreement is absent, and no county's tables can be asked without one."""
    await sender_of(hub)
    body = ndjson([rider(1)])
    for platform, status in (("ding", 200), ("jia", 404)):
        viewer = replace(staff(Role.PLATFORM_ACCOUNT), scope=Scope(platforms=(platform,)))
        async with staff_site(hub, viewer, PAGES) as site:
            answer = await site.post("/feeds/check?type=registration&sender=ding", data=body)
            assert answer.status == status
            plain = await site.post("/feeds/check?type=registration&sender=-&county=110101", data=body)
            assert plain.status == 404


async def test_a_body_is_counted_as_it_comes(hub: Any) -> None:
    """One byte more than may be sent is refused, with or without its length told beforehand."""
    await sender_of(hub)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * (1024 * 1024)

    async with staff_site(hub, county_staff(), PAGES) as site:
        for data in (io.BytesIO(b" " * (16 * 1024 * 1024 + 1)), pieces()):
            answer = await site.post("/feeds/check?type=registration&sender=ding", data=data)
            assert answer.status == 413


async def test_without_a_platform_the_county_is_asked_at_its_field(hub: Any) -> None:
    """None chosen is told as missing; another's county stays absent; the field goes with that choice."""
    await sender_of(hub)
    url = "/feeds/check?type=registration&sender=-"
    async with staff_site(hub, county_staff(), PAGES) as site:
        page = await (await site.get("/feeds/check")).text()
        assert 'data-when="sender=-"' in page
        assert "选填" not in page
        answer = await site.post(url, data=ndjson([rider(1)]), headers={"Accept": "application/json"})
        problem = await answer.json()
        assert (answer.status, problem["zh"]) == (422, "请选择区县代码。")
        assert [one["path"] for one in problem["errors"]] == ["county"]
        assert (await site.post(f"{url}&county=440101", data=ndjson([rider(1)]))).status == 404


async def test_a_heading_alone_is_told(hub: Any) -> None:
    """A table without a row is no clean file."""
    await sender_of(hub)
    async with staff_site(hub, county_staff(), PAGES) as site:
        answer = await site.post("/feeds/check?type=registration&sender=ding", data=b"record_id,phone\n")
        assert (answer.status, "没有数据行" in await answer.text()) == (422, True)


async def test_an_account_checks_so_many_files_a_minute(hub: Any) -> None:
    """The sixty-first is told to wait, also where all before were unreadable; a minute later it goes."""
    await sender_of(hub)
    url = "/feeds/check?type=registration&sender=ding"
    async with staff_site(hub, county_staff(), PAGES) as site:
        for _ in range(60):
            assert (await site.post(url, data=b"")).status == 422
        late = await site.post(url, data=ndjson([rider(1)]))
        assert (late.status, late.headers["Retry-After"]) == (429, "60")
        hub.clock.advance(seconds=61)
        assert (await site.post(url, data=ndjson([rider(1)]))).status == 200


async def test_a_table_of_blank_cells_beyond_the_limit_is_refused(hub: Any) -> None:
    """10,000 rows of 600 commas are a few MiB and would be six million cells in memory: 413 says so."""
    await sender_of(hub)
    heading = ",".join(f"c{number}" for number in range(600))
    body = f"{heading}\n{('x' + ',' * 599 + chr(10)) * 10_000}".encode()
    async with staff_site(hub, county_staff(), PAGES) as site:
        answer = await site.post("/feeds/check?type=registration&sender=ding", data=io.BytesIO(body))
        assert (answer.status, "单元格" in await answer.text()) == (413, True)


async def test_a_workbook_comes_back_as_a_workbook(hub: Any) -> None:
    """Reasons in a column of their own, forbidden cells blank, every other cell the text it was."""
    await sender_of(hub)
    lost = ["8", "R-8", "crowdsourced", 13900000001, 110101190001011234, "2026-10-01T09:00:00+08:00", ""]
    data = sheet([HEADING, GOOD, lost])
    async with staff_site(hub, county_staff(), PAGES) as site:
        url = "/feeds/check?type=registration&sender=ding&annotated=1"
        answer = await site.post(url, data=data, headers={"X-File-Name": "%E9%AA%91%E6%89%8B.xlsx"})
        assert "%E9%AA%91%E6%89%8B-" in answer.headers["Content-Disposition"]
        got = read_sheet(await answer.read())
    assert got[0] == ["行号", "拒收原因", *HEADING]
    assert got[1][2:8] == GOOD[:6]
    assert all(row[8] == "" for row in got[1:] if len(row) > 8)
    assert "政治面貌" in got[1][1]
    assert (got[2][5], got[2][6]) == ("13900000001", "")
    assert FORBIDDEN not in str(got)


def test_a_lost_number_is_told_with_its_cell() -> None:
    """A number of 18 digits has lost its end in the sheet: the cell is named."""
    rows = list(read_rows(sheet([HEADING[:-1], ["8", "R-8", "crowdsourced", "", 110101190001011234, ""]])))
    [fault] = [one for one in check(rows, feed_type="registration").failures if one.path == "id_number"]
    assert (fault.code, "E2" in fault.zh) == ("number_lost_digits", True)


async def test_a_parquet_file_comes_back_as_a_workbook(hub: Any) -> None:
    """Structs as dotted columns, numbers as text, forbidden cells blank; a time without a zone is a fault."""
    await sender_of(hub)
    at = datetime(2026, 10, 1, 9)  # noqa: DTZ001 - it has no zone
    rows = [rider(1, updated_at=at), rider(2, updated_at=at, extra={"party_member": FORBIDDEN})]
    zoned = [rider(3, updated_at=at.replace(tzinfo=UTC))]
    async with staff_site(hub, county_staff(), PAGES) as site:
        url = "/feeds/check?type=registration&sender=ding"
        good = await (await site.post(url, data=parquet_of(zoned))).text()
        assert "timestamp" not in good
        assert "时间缺少时区" not in good
        data = parquet_of(rows)
        assert "时间缺少时区" in await (await site.post(url, data=data)).text()
        answer = await site.post(f"{url}&annotated=1", data=data, headers={"X-File-Name": "a.parquet"})
        assert "a-" in answer.headers["Content-Disposition"]
        heading, *cells = read_sheet(await answer.read())
    assert "work_area.community_code" in heading
    assert cells[0][heading.index("phone")] == rows[0]["phone"]
    assert FORBIDDEN not in str(cells)


async def test_lines_come_back_as_lines_and_a_table_as_a_table(hub: Any) -> None:
    """NDJSON keeps its types and loses forbidden names at every depth; CSV stays CSV."""
    await sender_of(hub)
    rows = [rider(1), rider(2, extra={"party_member": FORBIDDEN, "n": 1})]
    table = io.StringIO(newline="")
    csv.writer(table).writerows([HEADING, GOOD])
    async with staff_site(hub, county_staff(), PAGES) as site:
        url = "/feeds/check?type=registration&sender=ding&annotated=1"
        lines = (await (await site.post(url, data=ndjson(rows))).read()).splitlines()
        text = (await (await site.post(url, data=table.getvalue().encode("gb18030"))).read()).decode(
            "utf-8-sig"
        )
    first, second = (msgspec.json.decode(line) for line in lines)
    assert first == {"rfs_row": 1, **rows[0]}
    assert second["extra"] == {"n": 1}
    assert "rfs_reason" in second
    [_, row] = csv.reader(io.StringIO(text))
    assert row[2:] == ["0007", "'=1+1", *GOOD[2:6], ""]


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
ODD = st.sampled_from(
    ["=1+1", "+86", "-1", "@x", "007", "𠮷㼆", "😀", "13900000001", "110101190001011234", "１"]
)


@settings(max_examples=25)
@given(cells=st.lists(st.lists(TEXTS | ODD, min_size=3, max_size=3), min_size=1, max_size=4))
def test_any_text_makes_the_round_through_a_workbook(cells: list[list[str]]) -> None:
    """Ids, phones, leading zeros, signs of formulas, emoji and rare characters come back as they were."""
    rows = [(number, dict(zip("abc", row, strict=True))) for number, row in enumerate(cells, 1)]
    got = read_sheet(annotate(rows, [], "xlsx", every=True).body)
    assert [[str(cell) for cell in row[2:]] + [""] * (5 - len(row)) for row in got[1:]] == cells
    again = dict(read_rows(annotate(rows, [], "xlsx", every=True).body))
    for number, row in rows:
        if any(value.strip() for value in row.values()):
            assert {name: again[number][name] for name in "abc"} == row


def test_what_a_file_is_decides_as_what_it_goes_back() -> None:
    """A workbook, lines or an array of JSON, or a table, also one whose every row is broken."""
    assert kind_of(sheet([["a"], ["1"]]), []) == "xlsx"
    assert kind_of(b'{"a":1}', [(1, b'{"a":1}')]) == "ndjson"
    assert kind_of(b"[1]", [(1, b"1")]) == "ndjson"
    assert kind_of(b'a\n"x', list(read_rows(b'a\n"x'))) == "csv"


async def test_a_person_checks_a_file_in_the_browser(hub: Any, browser: Browser, tmp_path: Path) -> None:
    """Chosen and sent by the page itself, under its policy: the report appears, the file is saved."""
    await sender_of(hub)
    path = tmp_path / "registration.ndjson"
    path.write_bytes(ndjson([rider(1), rider(2, phone="bad")]))
    async with open_site(hub) as site, signed_in_page(browser, site, "/feeds/check") as page:
        await page.get_by_role("button", name="检查", exact=True).click()
        await expect(page.locator("#report")).to_contain_text("请先选择文件")
        await page.set_input_files("#file", path)
        await expect(page.get_by_text("registration.ndjson")).to_be_visible()
        await page.select_option("#sender", "ding")
        await page.get_by_role("button", name="检查", exact=True).click()
        await expect(page.locator("#report")).to_contain_text("不可接收 1 行")
        async with page.expect_download() as waiting:
            await page.get_by_role("button", name="下载标注后的文件").click()
        download = await waiting.value
        assert download.suggested_filename == "registration-检查结果.ndjson"
    async with hub.database.read() as connection:
        assert (await connection.execute(select(receipt.c.id))).first() is None
