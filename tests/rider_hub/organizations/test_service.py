"""Tests of importing organizations, posts and platforms, and of the network they make, on both databases."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from rider_hub.access import Hub, Role
from rider_hub.clock import FixedClock, local_date
from rider_hub.errors import Refused
from rider_hub.organizations import network
from rider_hub.organizations.service import (
    add_platforms,
    import_instructors,
    import_organizations,
    import_stations,
)
from rider_hub.organizations.store import titles
from rider_hub.organizations.tables import party_organization, platform
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.divisions.world import COMMUNITIES, COUNTY, STREETS, import_county, middle

STAFF = county_staff(COUNTY)
TODAY = local_date(FixedClock().now())


def organization(code: str, **changes: Any) -> dict[str, Any]:
    """Return a row of an organization with defaults."""
    return {
        "code": code,
        "name": f"{code}党支部",
        "kind": "branch",
        "host_kind": "station",
        "division": COMMUNITIES[0],
        **changes,
    }


INDUSTRY = organization(
    "HY",
    kind="行业党委",
    host_kind="行业协会",
    division=COUNTY,
    covers=f"区县:{COUNTY}",
)


async def network_of(hub: Hub, on: date = TODAY) -> network.Network:
    """Load the county's network."""
    async with hub.database.read() as connection:
        return await network.load(connection, COUNTY, on)


async def test_organizations_make_the_network(database_url: str, tmp_path: Path) -> None:
    """Coverage, precedence, industry organization and posts are answered as they were brought in."""
    rows = [
        INDUSTRY,
        organization("ZB", parent="HY", covers="站点:jia/S-1"),
        organization("LH", kind="联合党支部", covers="站点:jia/S-1；station:jia/S-2"),
        organization(
            "SQ", kind="党委", host_kind="社区", host_ref=COMMUNITIES[0], covers=f"社区：{COMMUNITIES[0]}"
        ),
        organization(
            "JD", kind="党委", host_kind="街道", division=STREETS[0], covers=[("street", STREETS[0])]
        ),
    ]
    posts = [
        {"编号": "ZDY-2", "岗位": "第二指导员", "街道代码": STREETS[0]},
        {"编号": "ZDY-1", "岗位": "第一指导员", "街道代码": STREETS[0]},
    ]
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        assert (await import_organizations(hub, STAFF, rows)).ok
        assert (await import_instructors(hub, STAFF, posts)).ok
        found = await network_of(hub)
        async with hub.database.read() as connection:
            assert await titles(connection, ["HY", "nobody"]) == {"HY": "HY党支部"}
    covering = {place: one.code for place, one in found.covering.items()}
    assert covering == {
        ("station", "jia/S-1"): "ZB",
        ("station", "jia/S-2"): "LH",
        ("community", COMMUNITIES[0]): "SQ",
        ("street", STREETS[0]): "JD",
        ("county", COUNTY): "HY",
    }
    assert found.industry is not None
    assert found.industry.code == "HY"
    assert found.instructors[STREETS[0]].code == "ZDY-1"


async def test_validity_counts_to_the_day(database_url: str, tmp_path: Path) -> None:
    """An organization answers on its first and last day, and on no day outside."""
    row = organization("ZB", covers="站点:jia/S-1", valid_from="2026-05-01", valid_to="2026年6月30日")
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        assert (await import_organizations(hub, STAFF, [row])).ok
        answers = {
            day: ("station", "jia/S-1") in (await network_of(hub, day)).covering
            for day in (date(2026, 4, 30), date(2026, 5, 1), date(2026, 6, 30), date(2026, 7, 1))
        }
    assert list(answers.values()) == [False, True, True, False]


async def test_coverage_is_replaced_and_its_history_kept(database_url: str, tmp_path: Path) -> None:
    """A second import ends what is no longer covered yesterday and opens what is new today."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        await import_county(hub, STAFF)
        early = organization("ZB", covers="站点:jia/S-1;站点:jia/S-2", valid_from="2026-01-01")
        await import_organizations(hub, STAFF, [early])
        clock.advance(days=10)
        later = organization("ZB", covers="站点:jia/S-2;站点:jia/S-3", valid_from="2026-01-01")
        await import_organizations(hub, STAFF, [later])
        day = local_date(clock.now())
        before = {ref for _, ref in (await network_of(hub, day - timedelta(days=1))).covering}
        now = {ref for _, ref in (await network_of(hub, day)).covering}
    assert before == {"jia/S-1", "jia/S-2"}
    assert now == {"jia/S-2", "jia/S-3"}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"code": ""}, ("code", "field_required")),
        ({"name": "名" * 129}, ("name", "text_too_long")),
        ({"kind": "小组"}, ("kind", "value_not_in_list")),
        ({"host_kind": ""}, ("host_kind", "field_required")),
        ({"division": "110101999"}, ("division", "division_unknown")),
        ({"division": "11010100100"}, ("division", "code_zero_lost")),
        ({"division": "110105"}, ("division", "division_unknown")),
        ({"parent": "无此组织"}, ("parent", "organization_unknown")),
        ({"parent": "ZB"}, ("parent", "parent_cycle")),
        ({"covers": "站点:S-1"}, ("covers", "covers_invalid")),
        ({"covers": "社区:110101001"}, ("covers", "covers_invalid")),
        ({"covers": "社区:110101001999"}, ("covers", "division_unknown")),
        ({"covers": "county:1101"}, ("covers", "covers_invalid")),
        ({"valid_from": "去年"}, ("valid_from", "date_invalid")),
        ({"valid_from": "2026-02-30"}, ("valid_from", "date_invalid")),
        ({"valid_from": "2026-02-02", "valid_to": "2026-02-01"}, ("valid_to", "dates_swapped")),
    ],
)
async def test_a_bad_row_is_named_and_refuses_all(
    changes: dict[str, str], fault: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    """Each fault is named by row, column and code in two languages; nothing is written."""
    rows = [INDUSTRY, organization("ZB", **changes) if "code" not in changes else organization(**changes)]
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        report = await import_organizations(hub, STAFF, rows)
        assert not report.stored
        assert [(one.row, one.path, one.code) for one in report.failures] == [(2, *fault)]
        assert all(one.zh and one.en for one in report.failures)
        async with hub.database.read() as connection:
            assert (await connection.execute(select(party_organization))).all() == []


async def test_good_rows_are_kept_on_demand(database_url: str, tmp_path: Path) -> None:
    """With keep_good the good rows come in; a row whose parent fell falls with it."""
    rows = [
        INDUSTRY,
        organization("A", kind="?"),
        organization("B", parent="A"),
        organization("C", parent="HY"),
        organization("C"),
    ]
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        report = await import_organizations(hub, STAFF, rows, keep_good=True)
        assert (report.total, report.accepted, report.rejected, report.stored) == (5, 2, 3, True)
        assert not report.ok
        async with hub.database.read() as connection:
            codes = (await connection.execute(select(party_organization.c.code))).scalars().all()
    assert sorted(codes) == ["C", "HY"]


async def test_another_countys_code_is_not_taken_over(database_url: str, tmp_path: Path) -> None:
    """A code that belongs to an organization outside the scope can't be moved by an import."""
    street_staff = staff(Role.COUNTY_STAFF, divisions=(STREETS[1],))
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        await import_organizations(hub, STAFF, [organization("ZB")])
        taken = organization("ZB", division=STREETS[1])
        outside = organization("NEW", division=STREETS[0])
        report = await import_organizations(hub, street_staff, [taken, outside])
        assert [(one.row, one.path, one.code) for one in report.failures] == [
            (1, "code", "outside_scope"),
            (2, "division", "outside_scope"),
        ]
        with pytest.raises(Refused):
            await import_organizations(hub, staff(Role.STREET_STAFF), [INDUSTRY])


async def test_posts_are_never_persons(database_url: str, tmp_path: Path) -> None:
    """A table of instructors with a name or phone column is refused whole."""
    rows = [{"编号": "ZDY-1", "岗位": "指导员", "街道代码": STREETS[0], "姓名": "骑手甲0001号"}]
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        report = await import_instructors(hub, STAFF, rows)
        assert [one.code for one in report.failures] == ["person_column"]
        assert (await network_of(hub)).instructors == {}


async def test_an_empty_file_is_a_fault(database_url: str, tmp_path: Path) -> None:
    """No rows is refused with a named fault."""
    async with make_hub(database_url, tmp_path) as hub:
        report = await import_organizations(hub, STAFF, [])
        assert [one.code for one in report.failures] == ["file_empty"]


async def test_platforms_are_named_once(database_url: str, tmp_path: Path) -> None:
    """A platform brought in twice has the newer name."""
    async with make_hub(database_url, tmp_path) as hub:
        await add_platforms(hub, STAFF, [{"code": "jia", "name": "旧"}])
        assert (await add_platforms(hub, STAFF, [{"代码": "jia", "名称": "甲平台(示例)"}])).ok
        async with hub.database.read() as connection:
            assert (await connection.execute(select(platform.c.code, platform.c.name))).all() == [
                ("jia", "甲平台(示例)")
            ]


async def test_stations_of_a_table_come_in_under_the_contract(database_url: str, tmp_path: Path) -> None:
    """Chinese headings, a frame for all rows, and the contract's faults for bad ones."""
    lng, lat = middle(COMMUNITIES[3])
    good = {"站点编号": "S-1", "站点名称": "东四站", "经度": f"{lng}", "纬度": f"{lat}", "骑手人数": "40"}
    bad = {"站点编号": "", "站点名称": "无编号站"}
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        given: dict[str, Any] = {"platform": "jia", "county": COUNTY, "frame": "wgs84"}
        report = await import_stations(hub, STAFF, [good, bad], **given)
        assert not report.stored
        assert {one.row for one in report.failures} == {2}
        assert "station_ref" in {one.path for one in report.failures}
        report = await import_stations(hub, STAFF, [good, bad], keep_good=True, **given)
        assert (report.accepted, report.rejected) == (1, 1)
        station = (await network_of(hub)).stations["jia/S-1"]
        outside = await import_stations(hub, county_staff("110105"), [good], **given)
    assert station.division == COMMUNITIES[3]
    assert (station.lng, station.lat) == (lng, lat)
    assert [one.code for one in outside.failures] == ["outside_scope"]
