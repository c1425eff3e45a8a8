r"""Mappings as data: a sample through the pages to a saved manifest, which files and pushes are then read by.

The nightly full MySQL dump of a platform, 30 columns, no heading, `\N`, times without zone.
"""

import html
import io
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from aiohttp.test_utils import TestClient
from playwright.async_api import Browser, expect
from sqlalchemy import func, select

from connectors.sources import parse
from connectors.sources.writing import to_toml
from rider_hub.access import Actor
from rider_hub.access.tables import audit_row
from rider_hub.errors import Absent, HubError
from rider_hub.intake import store
from rider_hub.intake.mappings import mapping_toml, save_mapping
from rider_hub.intake.quarantine import replay
from rider_hub.intake.streams import change_streams
from rider_hub.intake.tables import mapping, quarantine, receipt
from rider_hub.riders.tables import registration
from rider_hub.storage.metadata import metadata
from tests.factories import county_staff, make_hub
from tests.rider_hub.intake.browsing import signed_in_page
from tests.rider_hub.intake.build import STREETS, bring_in_county, count, push, sender_of, station
from tests.rider_hub.intake.test_upload_page import account
from tests.rider_hub.riders.staff_site import staff_site
from tests.rider_hub.routes import open_site

PAGES = ["rider_hub.intake.pages", "rider_hub.intake.upload_pages", "rider_hub.intake.mapping_pages"]
EDIT = "/feeds/mapping/ding/registration"
_NAMES = (
    "id courier_no real_name mobile job_status work_mode site_no sq_code lng lat entry_time gmt_modified "
    "city_id region_code team_no vehicle_type nick_name app_ver source_channel remark grade score_level "
    "create_by update_by is_test batch_no ext_json shift_code zone_no tenant"
)
COLUMNS = tuple(_NAMES.split())
IGNORED = COLUMNS[12:]


def dump_row(number: int, **changed: str) -> list[str]:
    r"""Return one courier as MySQL writes it: half are dedicated, half crowdsourced in a community."""
    dedicated = number % 2
    values = dict.fromkeys(COLUMNS, "\\N") | {
        "id": str(9000 + number),
        "courier_no": f"K{number:05d}",
        "real_name": f"骑手乙{number:05d}号",
        "mobile": f"+86199{number:08d}",
        "job_status": "1",
        "work_mode": "1" if dedicated else "2",
        "site_no": "S-1" if dedicated else "\\N",
        "sq_code": "\\N" if dedicated else f"{STREETS[0]}001",
        "entry_time": "2026-03-01 09:00:00",
        "gmt_modified": "2026-10-01 02:30:00",
        "city_id": "110100",
        "remark": "倒班\\\n见\\\t附表\\\\",
        "is_test": "0",
    }
    values |= {"lng": "\\N", "lat": "\\N"}
    if number % 4 == 0:  # some give a point of the neighbourhood instead of a community
        values |= {"sq_code": "\\N", "lng": "116.408", "lat": "39.912"}
    return [(values | changed)[name] for name in COLUMNS]


def dump(rows: Sequence[list[str]], *, heading: bool = False) -> bytes:
    """Return rows as a dump of MySQL, on demand with the line of names some platforms put before it."""
    return "".join(
        "\t".join(row) + "\n" for row in ([list(COLUMNS)] if heading else []) + list(rows)
    ).encode()


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county and a sender on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        await sender_of(opened)
        yield opened


def filled(page: str) -> list[tuple[str, str]]:
    """Return what a browser would send of the form as it stands, in order."""
    pairs = []
    pattern = re.compile(
        r'<input type="hidden" name="(\w+)" value="([^"]*)"'
        r'|<select[^>]* name="(\w+)"[^>]*>(.*?)</select>'
        r'|<textarea[^>]* name="(\w+)"[^>]*>(.*?)</textarea>'
        r'|<input class="form-control"[^>]* name="(\w+)" value="([^"]*)"',
        re.DOTALL,
    )
    for found in pattern.finditer(page):
        hidden, value, select_name, options, area, text, field, written = found.groups()
        if options is not None:
            chosen = re.search(r'value="([^"]*)" selected', options)
            hidden, value = select_name, chosen[1] if chosen else ""
        elif area or field:
            hidden, value = area or field, text if area else written
        if value and hidden != "csrf":
            pairs.append((hidden, html.unescape(value)))
    return pairs


def without(pairs: list[tuple[str, str]], *names: str) -> list[tuple[str, str]]:
    """Return a form without some of its fields."""
    return [pair for pair in pairs if pair[0] not in names]


async def step(
    site: TestClient[Any, Any], name: str, said: Sequence[tuple[str, str]], data: bytes, url: str = EDIT
) -> tuple[int, str]:
    """Send one step as the page does: the form, a line end, the sample."""
    body = io.BytesIO(urlencode(said).encode() + b"\n" + data)
    headers = {"X-File-Name": "t_courier.txt", "Accept": "application/json"}
    answer = await site.post(f"{url}/{name}", data=body, headers=headers)
    return answer.status, await answer.text()


async def correct(site: TestClient[Any, Any], data: bytes) -> list[tuple[str, str]]:
    """Go through the page as a platform's engineer would: read, name the columns, correct, say the frame."""
    status, page = await step(site, "sample", [], data)
    assert (status, "还缺必报字段" in page) == (200, True)
    named = [*without(filled(page), "names"), ("names", ", ".join(COLUMNS))]
    status, page = await step(site, "sample", named, data)
    assert status == 200, page
    said = filled(page)
    chosen = {n: what for name, text in said if name == "target" for n, _, what in [text.partition(":")]}
    guessed = {COLUMNS[int(n)]: what for n, what in chosen.items()}
    assert guessed["courier_no"] == "platform_rider_ref"
    assert guessed["gmt_modified"] == "updated_at"
    assert (guessed["mobile"], guessed["real_name"]) == ("phone", "name")
    fixed = {"sq_code": "work_area.community_code", "site_no": "station_ref"}
    fixed |= dict.fromkeys(IGNORED, "-")
    fixed = {**guessed, **fixed, "job_status": "op", "work_mode": "employment"}
    said = [*without(said, "target", "code", "met"), ("frame", "gcj02"), ("note", "每晚全量")]
    said += [("target", f"{COLUMNS.index(name)}:{what}") for name, what in fixed.items()]
    said += [
        ("code", text) for text in ("op:upsert:1", "employment:dedicated:1", "employment:crowdsourced:2")
    ]
    return [*said, ("more_op", "0=已离开，9=已离开")]


async def mapped(site: TestClient[Any, Any], data: bytes) -> None:
    """Set the mapping up through the pages, with a dry run before it is saved."""
    said = await correct(site, data)
    status, page = await step(site, "trial", said, data)
    assert (status, "不可接收 0 行" in page) == (200, True), page
    answer = await site.post(f"{EDIT}/save", data=said, allow_redirects=False)
    assert answer.status == 303, await answer.text()


async def upload(site: TestClient[Any, Any], data: bytes, as_of: str) -> str:
    """Hand a dump in on the page as a whole of the county."""
    url = f"/feeds/upload?type=registration&sender=ding&mode=snapshot&as_of={as_of}"
    headers = {"X-File-Name": "t_courier.txt", "Accept": "application/json"}
    answer = await site.post(url, data=io.BytesIO(data), headers=headers)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def riders(hub: Any, *conditions: Any) -> int:
    """Count registrations that meet conditions."""
    async with hub.database.read() as connection:
        query = select(func.count()).select_from(registration).where(*conditions)
        return int((await connection.execute(query)).scalar_one())


PRESENT = (registration.c.absent_at.is_(None), registration.c.state == "active")


async def test_a_nightly_dump_mapped_in_the_portal_lets_leavers_leave_once(hub: Any) -> None:
    """Two nights and one again: nothing doubled, leavers gone once; half of a dump removes nobody."""
    first = [dump_row(number) for number in range(1, 101)]
    second = [
        dump_row(n, gmt_modified="2026-10-02 02:30:00") if n < 10 else dump_row(n) for n in range(1, 96)
    ]
    async with staff_site(hub, account("ding"), PAGES) as site:
        await mapped(site, dump(first[:40]))
        page = await upload(site, dump(first), "2026-10-01T03:00")
        assert "<dd>100 行</dd>" in page
        assert await riders(hub, *PRESENT) == 100
        page = await upload(site, dump(second, heading=True), "2026-10-02T03:00")
        assert (await riders(hub), await riders(hub, *PRESENT)) == (100, 95)
        left = await riders(hub, registration.c.absent_at.is_not(None))
        await upload(site, dump(second, heading=True), "2026-10-02T03:00")
        await upload(site, dump(second), "2026-10-03T03:00")
        assert (await riders(hub), await riders(hub, *PRESENT)) == (100, 95)
        assert await riders(hub, registration.c.absent_at.is_not(None)) == left == 5
        page = await upload(site, dump(second[:47]), "2026-10-04T03:00")
        assert "核对" in page
    assert (await riders(hub), await riders(hub, *PRESENT)) == (100, 95)


async def test_columns_of_another_name_are_guessed_beside_a_mapping_that_stands(hub: Any) -> None:
    """What the mapping in force says of columns that are gone keeps no guess from those that came."""
    other = "骑手编号,更新时间,手机号\nR-9,2026-11-01 08:00:00,19900000009\n".encode()
    async with staff_site(hub, county_staff(), PAGES) as site:
        await mapped(site, dump([dump_row(1)]))
        standing = filled(await (await site.get(EDIT)).text())
        status, page = await step(site, "sample", without(standing, "named", "names"), other)
    assert status == 200
    assert [text for name, text in filled(page) if name == "target"] == [
        "0:platform_rider_ref",
        "1:updated_at",
        "2:phone",
    ]


async def test_the_sample_is_kept_nowhere_and_nobody_is_shown_of_it(hub: Any) -> None:
    """Whatever step: no value of a person on the page, none in any table, none in the trail."""
    rows = [dump_row(number) for number in range(1, 41)]
    async with staff_site(hub, account("ding"), PAGES) as site:
        _, read = await step(site, "sample", [], dump(rows))
        said = await correct(site, dump(rows))
        status, tried = await step(site, "trial", said, dump(rows))
        assert status == 200
        await site.post(f"{EDIT}/save", data=said)
    assert "199****" in tried
    kept = []
    async with hub.database.read() as connection:
        for table in metadata.sorted_tables:
            kept += [str(tuple(row)) for row in await connection.execute(select(table))]
    for text in (read, tried, *kept):
        assert "骑手乙00001号" not in text
        assert "19900000001" not in text
    assert await count(hub, receipt) == 0


async def test_what_is_forbidden_is_neither_mapped_nor_ignored(hub: Any) -> None:
    """By its name or its values; a column without a name can't be ignored, for nobody could look at it."""
    async with staff_site(hub, account("ding"), PAGES) as site:
        said = await correct(site, dump([dump_row(n) for n in range(1, 30)]))
        for change, words in (
            ({"name": COLUMNS[20], "new": "zzmm"}, "禁止采集"),
            ({"name": COLUMNS[20], "new": "列21"}, "先写出它的列名"),
        ):
            wrong = [(k, change["new"] if (k, v) == ("column", change["name"]) else v) for k, v in said]
            answer = await site.post(f"{EDIT}/save", data=wrong, allow_redirects=False)
            assert (answer.status, words in await answer.text()) == (422, True)
        rest = [*[(k, v) for k, v in wrong if v != "20:-"], ("rest", "on")]
        answer = await site.post(f"{EDIT}/save", data=rest, allow_redirects=False)
        assert answer.status == 422
        rows = [dump_row(n, grade="中共党员" if n % 3 else "群众") for n in range(1, 30)]
        _, page = await step(site, "sample", without(said, "target"), dump(rows))
        assert ("中共党员" in page, "20:!" in page) == (False, True)
        answer = await site.post(f"{EDIT}/save", data=filled(page), allow_redirects=False)
        assert answer.status == 422
    assert await count(hub, mapping) == 0


async def test_faults_stand_beside_their_columns_and_a_dry_run_counts_them(hub: Any) -> None:
    """An open column, a missing field, a code without meaning; then faults by the platform's own columns."""
    rows = [dump_row(n) for n in range(1, 21)] + [
        dump_row(21, lng="116.40812", lat="39.91234", work_mode="2")
    ]
    rows += [dump_row(22, gmt_modified="0000-00-00 00:00:00"), dump_row(23, job_status="7")]
    async with staff_site(hub, account("ding"), PAGES) as site:
        said = await correct(site, dump(rows))
        undecided = [(k, v) for k, v in said if v not in {"11:updated_at", "29:-"}]
        status, told = await step(site, "trial", undecided, dump(rows))
        assert status == 422
        paths = {one["path"] for one in msgspec.json.decode(told)["errors"]}
        assert paths == {"column-11", "column-29", "updated_at"}
        status, told = await step(site, "trial", said, b"\n" * 3 + b"x\n" * 100_001)
        assert (status, msgspec.json.decode(told)["code"]) == (413, "too_many_rows")
        status, page = await step(site, "trial", without(said, "nulls"), dump(rows))
    assert (status, "不可接收 3 行" in page) == (200, True)
    for column in ("lng", "gmt_modified", "job_status"):
        assert f"<td>{column}</td>" in page
    assert "116.40812" not in page


async def test_every_transport_and_the_quarantine_are_read_by_the_newest(hub: Any) -> None:
    """A push refused through the first mapping comes in through the second, and the trail has each change."""
    first = manifest(phone='"dianhua" = "phone"')
    await save_mapping(hub, account("ding"), "ding", first, "一")
    row = {
        "id": "1",
        "no": "K1",
        "t": "2026-10-01 02:30:00",
        "kind": "专",
        "site": "S-1",
        "tel": "19900000001",
    }
    sender = await current(hub)
    got = await push(hub, sender, [row])
    assert (got.rejected, [one["path"] for one in got.failures]) == (1, ["tel"])
    assert await save_mapping(hub, county_staff(), "ding", manifest(phone='"tel" = "phone"'), "二") == 2
    [again, *_] = await replay(hub, county_staff(), receipt_id=got.id)
    assert (again.waiting, await count(hub, registration)) == (1, 1)
    assert await mapping_toml(hub, account("ding"), "ding", 1) == to_toml(parse(first))
    async with hub.database.read() as connection:
        trail = (await connection.execute(select(audit_row.c.operation, audit_row.c.target))).all()
        states = (await connection.execute(select(quarantine.c.state))).scalars().all()
    assert [tuple(one) for one in trail].count(("mappings.change", "sender:ding")) == 2
    assert states == ["replayed"]
    # What a partner or a station hands in is the standard, whatever the platform's mapping.
    assert (await current(hub)).in_standard().mapping is None


async def test_a_mapping_can_be_taken_out_and_brought_in_again(hub: Any) -> None:
    """What is downloaded is a manifest as connectors/sources has them, and makes the same mapping."""
    rows = [dump_row(n) for n in range(1, 41)]
    async with staff_site(hub, account("ding"), PAGES) as site:
        await mapped(site, dump(rows))
        text = await (await site.get("/feeds/mapping/ding/manifest.toml")).text()
        assert list(parse(text).feeds["registration"].file.header) == list(COLUMNS)
        answer = await site.post("/feeds/mapping/ding/import", data={"text": text}, allow_redirects=False)
        assert answer.status == 303
        assert await (await site.get("/feeds/mapping/ding/versions/2")).text() == text
        page = await (await site.get(EDIT)).text()
        assert (await site.get("/feeds/mapping/ding/versions/3")).status == 404
        # The form of the mapping in force, saved as it stands, says the same.
        answer = await site.post(f"{EDIT}/save", data=filled(page), allow_redirects=False)
        assert answer.status == 303
        assert await (await site.get("/feeds/mapping/ding/versions/3")).text() == text
        for path in ("/feeds/mapping", "/feeds/mapping/ding"):
            assert "第 3 版" in await (await site.get(path)).text() or path.endswith("ding")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"platform": "yi"}, "mapping_of_another"),
        ({"tier": "A"}, "mapping_tier_differs"),
        ({"extra": 'unknown = "discard"'}, "mapping_unknown_differs"),
        ({"extra": "every_hours = {registration = 8000}"}, "mapping_rhythm_differs"),
    ],
)
async def test_a_platform_changes_no_more_than_how_its_rows_are_read(
    hub: Any, change: Mapping[str, str], code: str
) -> None:
    """Neither its tier, nor another's mapping, nor what becomes of unknown fields; nor anything of others."""
    with pytest.raises(HubError) as caught:
        await save_mapping(hub, account("ding"), "ding", manifest(**change))
    assert caught.value.code == code
    await sender_of(hub, "yi")
    with pytest.raises(Absent):
        await save_mapping(hub, account("ding"), "yi", manifest(platform="yi"))
    assert await count(hub, mapping) == 0


def manifest(phone: str = "", platform: str = "ding", tier: str = "B", extra: str = "") -> str:
    """Return a small manifest with its parts as given."""
    return f"""
platform = "{platform}"
name_zh = "丁外卖"
transport = "push"
auth = "signature"
frame = "gcj02"
tier = "{tier}"
{extra}
[feeds.registration.columns]
id = "record_id"
no = "platform_rider_ref"
t = "updated_at"
kind = "employment"
site = "station_ref"
{phone}
[feeds.registration.codes.employment]
"专" = "dedicated"
[feeds.registration.constants]
effective_at = "2026-01-01T00:00:00Z"
[feeds.registration.forms]
updated_at = "local_time"
"""


async def current(hub: Any) -> Any:
    """Return the sender as its transports find it now."""
    async with hub.database.read() as connection:
        return await store.find_sender(connection, "ding", Actor.sender("ding").scope)


async def test_a_file_that_was_refused_comes_in_once_its_mapping_is_mended(hub: Any) -> None:
    """The same bytes through another mapping are another batch; through the same one they count once."""
    row = "id,no,t,kind,site,tel\n1,K1,2026-10-01 02:30:00,专,S-1,19900000001\n".encode()
    url = "/feeds/upload?type=registration&sender=ding&mode=changes"
    headers = {"X-File-Name": "a.csv", "Accept": "application/json"}
    async with staff_site(hub, account("ding"), PAGES) as site:
        for phone, riders_after in (("dianhua", 0), ("tel", 1), ("tel", 1)):
            await save_mapping(hub, account("ding"), "ding", manifest(phone=f'"{phone}" = "phone"'))
            answer = await site.post(url, data=io.BytesIO(row), headers=headers)
            assert (answer.status, await riders(hub)) == (200, riders_after)
    assert await count(hub, receipt) == 2


async def test_a_feed_without_a_mapping_stays_the_standard(hub: Any) -> None:
    """Who maps riders alone goes on sending stations as before, by push and as a stream."""
    await save_mapping(hub, account("ding"), "ding", manifest(phone='"tel" = "phone"'))
    taken = await push(hub, await current(hub), [station(1)], "station")
    assert (taken.accepted, taken.rejected) == (1, 0)
    await change_streams(hub, county_staff(), "ding", {"station": "ding.stations"})


async def test_one_mapping_that_broke_the_rules_closes_no_page_of_the_county(hub: Any) -> None:
    """Saved before a rule came: its own page says so, and the list of senders opens."""
    await save_mapping(hub, account("ding"), "ding", manifest())
    async with hub.database.write() as connection:
        await connection.execute(
            mapping.update().values(text=manifest(extra="every_hours = {station = nan}"))
        )
    async with staff_site(hub, county_staff(), PAGES) as site:
        assert (await site.get("/feeds")).status == 200
        assert "every_hours" in await (await site.get("/feeds/mapping/ding")).text()


async def test_a_browser_sets_a_mapping_up(hub: Any, browser: Browser, tmp_path: Path) -> None:
    """Read, correct, try out, save; of a large file its beginning alone is sent, in whole lines."""
    head = "id,courier_no,gmt_modified,entry_time,work_mode,site_no,colour"
    row = "{0},K{0},2026-10-01 02:30:00,2026-03-01 09:00:00,专送,S-1,red"
    lines = [head, *(row.format(number) for number in range(20_000))]
    file = tmp_path / "couriers.csv"
    file.write_text("\n".join(lines) + "\n")
    assert file.stat().st_size > 1024 * 1024
    async with open_site(hub) as site, signed_in_page(browser, site, EDIT) as page:
        await page.set_input_files("#file", file)
        await page.get_by_role("button", name="读取样例").click()
        await expect(page.get_by_role("heading", name="请您确认的列（1）")).to_be_visible()
        await page.get_by_role("button", name="试运行").click()
        await expect(page.get_by_role("alert")).to_contain_text("“colour”还没有选择")
        await page.get_by_label("没有选择的列一律忽略").check()
        await page.get_by_role("button", name="试运行").click()
        await expect(page.locator("#trial")).to_contain_text("不可接收 0 行")
        await page.get_by_role("button", name="保存并启用").click()
        await expect(page.locator("main")).to_contain_text("1（现行）")
