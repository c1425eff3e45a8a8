"""Tests of importing codes and boundaries, on both databases."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import Polygon
from sqlalchemy import func, select

from geo.area_reading import read_areas
from geo.errors import GeoError
from rider_hub.access import Hub, Role
from rider_hub.access.tables import audit_row
from rider_hub.divisions import areas, editions
from rider_hub.divisions.service import import_boundaries, import_divisions
from rider_hub.divisions.store import children, find_divisions, names
from rider_hub.divisions.tables import boundary, division, edition
from rider_hub.errors import Absent, Conflict, Refused
from rider_hub.storage import insert_rows
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.divisions.world import (
    AS_OF,
    CODE_ROWS,
    COUNTY,
    STREETS,
    import_county,
    middle,
    street_frame,
    street_shape,
)

STAFF = county_staff(COUNTY)


async def count(hub: Hub, table: Any) -> int:
    """Count the rows of a table."""
    async with hub.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def import_streets(hub: Hub, frame: Any, **changes: Any) -> Any:
    """Import street boundaries with defaults."""
    given = {"region": COUNTY, "level": "street", "title": "边界", "as_of": AS_OF, **changes}
    return await import_boundaries(hub, STAFF, frame, **given)


async def test_names_and_children_come_from_the_newest_edition(database_url: str, tmp_path: Path) -> None:
    """A newer table replaces an older one in every answer, and the older one is kept."""
    async with make_hub(database_url, tmp_path) as hub:
        await import_divisions(hub, STAFF, CODE_ROWS, title="旧", as_of=AS_OF)
        fewer = [row for row in CODE_ROWS if row["code"] != "110101003002"]
        renamed = [{**row, "name": "新名"} if row["code"] == STREETS[0] else row for row in fewer]
        report = await import_divisions(hub, STAFF, renamed, title="新", as_of=date(2026, 11, 1))
        assert report.ok
        assert report.current
        async with hub.database.read() as connection:
            assert await names(connection, ["11", STREETS[0], "110101003002", "99"]) == {
                "11": "北京市",
                STREETS[0]: "新名",
            }
            assert [one.code for one in await children(connection, COUNTY)] == list(STREETS)
            assert [one.code for one in await children(connection, "110101003")] == ["110101003001"]
        assert await count(hub, edition) == 2
        assert await count(hub, division) == 23


async def test_an_older_table_is_kept_but_not_used(database_url: str, tmp_path: Path) -> None:
    """A table dated before the one in use does not take its place."""
    async with make_hub(database_url, tmp_path) as hub:
        await import_divisions(hub, STAFF, CODE_ROWS, title="新", as_of=AS_OF)
        older = [{**row, "name": "旧名"} for row in CODE_ROWS]
        report = await import_divisions(hub, STAFF, older, title="旧", as_of=date(2025, 1, 1))
        assert report.ok
        assert not report.current
        async with hub.database.read() as connection:
            assert (await names(connection, [COUNTY]))[COUNTY] == "东城区"


async def test_two_counties_tables_stand_side_by_side(database_url: str, tmp_path: Path) -> None:
    """Each county has its own current edition; what both name (the province) is answered once."""
    other = [{"code": "11", "name": "北京市"}, {"code": "1101", "name": "市辖区"}]
    other += [{"code": "110105", "name": "朝阳区"}, {"code": "110105001", "name": "建外街道"}]
    other += [{"code": "110105002", "name": "朝外街道"}]
    async with make_hub(database_url, tmp_path) as hub:
        await import_divisions(hub, STAFF, CODE_ROWS, title="东城", as_of=AS_OF)
        report = await import_divisions(hub, county_staff("110105"), other, title="朝阳", as_of=AS_OF)
        assert report.ok
        async with hub.database.read() as connection:
            found = await find_divisions(connection, ["11", COUNTY, "110105", "110105001"])
            assert sorted(found) == ["11", "110101", "110105", "110105001"]
            assert [one.code for one in await children(connection, "1101")] == ["110101", "110105"]


async def test_one_bad_row_refuses_the_table_and_the_trail_says_so(database_url: str, tmp_path: Path) -> None:
    """A table with a fault writes nothing but an audit row."""
    async with make_hub(database_url, tmp_path) as hub:
        report = await import_divisions(
            hub, STAFF, [*CODE_ROWS, {"code": "x", "name": "坏"}], title="坏", as_of=AS_OF
        )
        assert not report.stored
        assert (report.total, report.accepted, report.rejected) == (13, 0, 1)
        assert [(one.row, one.path, one.code) for one in report.failures] == [(13, "code", "code_not_digits")]
        assert await count(hub, edition) == 0
        assert await count(hub, division) == 0
        assert await count(hub, audit_row) == 1


async def test_an_import_outside_the_scope_is_refused(database_url: str, tmp_path: Path) -> None:
    """County staff of one county can't bring in another's table, nor street staff any."""
    async with make_hub(database_url, tmp_path) as hub:
        report = await import_divisions(hub, county_staff("110105"), CODE_ROWS, title="x", as_of=AS_OF)
        assert [one.code for one in report.failures] == ["outside_scope"]
        with pytest.raises(Refused):
            await import_divisions(hub, staff(Role.STREET_STAFF), CODE_ROWS, title="x", as_of=AS_OF)


async def test_chinese_headings_are_understood(database_url: str, tmp_path: Path) -> None:
    """A table headed in Chinese is the same table."""
    rows = [{"区划代码": row["code"], "名称": row["name"]} for row in CODE_ROWS]
    async with make_hub(database_url, tmp_path) as hub:
        assert (await import_divisions(hub, STAFF, rows, title="x", as_of=AS_OF)).ok


async def test_points_are_found_in_current_areas(database_url: str, tmp_path: Path) -> None:
    """The current areas know title, date and sketch flag, answer points, and are made once an edition."""
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        async with hub.database.read() as connection:
            streets = await areas.current(connection, COUNTY, "street")
            found = await areas.current(connection, COUNTY, "community")
            assert found is await areas.current(connection, COUNTY, "community")
            one = await areas.current(connection, STREETS[1], "community")
            with pytest.raises(Absent):
                await areas.current(connection, "110105", "street")
        assert not streets.sketch
        assert found.sketch
        assert found.title == "社区边界"
        lng, lat = middle("110101002002")
        assert found.index.codes[found.index.locate([lng], [lat])[0]] == "110101002002"
        assert list(one.frame["code"]) == ["110101002001", "110101002002"]


async def test_a_new_boundary_edition_replaces_the_old(database_url: str, tmp_path: Path) -> None:
    """The newest edition is used; the older one is kept."""
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        await import_streets(hub, street_frame(STREETS[:2]), as_of=date(2026, 11, 1), title="新")
        async with hub.database.read() as connection:
            found = await areas.current(connection, COUNTY, "street")
        assert (found.title, len(found.frame)) == ("新", 2)
        assert await count(hub, boundary) == 3 + 6 + 2


@pytest.mark.parametrize("fault", ["unknown", "invalid", "duplicate", "empty", "uncoded"])
async def test_unusable_boundaries_are_refused_whole(fault: str, database_url: str, tmp_path: Path) -> None:
    """An unknown code, an invalid, repeated, empty or uncoded area refuses the set; nothing is written."""
    frame = street_frame()
    expected = {
        "unknown": (3, "code", "division_unknown"),
        "invalid": (1, "geometry", "polygon_invalid"),
        "duplicate": (2, "code", "polygon_duplicate"),
        "empty": (1, "geometry", "polygon_missing"),
        "uncoded": (2, "code", "field_required"),
    }[fault]
    if fault == "unknown":
        frame.loc[2, "code"] = "110101999"
    elif fault == "invalid":
        bow = Polygon([(116.4, 39.9), (116.5, 40.0), (116.5, 39.9), (116.4, 40.0)])
        frame.loc[0, "geometry"] = bow
    elif fault == "duplicate":
        frame.loc[1, "code"] = STREETS[0]
    elif fault == "empty":
        frame.loc[0, "geometry"] = None
    else:
        frame.loc[1, "code"] = ""
    async with make_hub(database_url, tmp_path) as hub:
        await import_divisions(hub, STAFF, CODE_ROWS, title="x", as_of=AS_OF)
        report = await import_streets(hub, frame)
        assert not report.stored
        assert [(one.row, one.path, one.code) for one in report.failures] == [expected]
        assert await count(hub, boundary) == 0


async def test_overlaps_gaps_and_absent_streets_are_noted_not_refused(
    database_url: str, tmp_path: Path
) -> None:
    """What is usable but not perfect comes in, and its report is kept with the edition."""
    frame = street_frame(STREETS[:2])
    frame.loc[1, "geometry"] = street_shape(0).union(street_shape(1))
    async with make_hub(database_url, tmp_path) as hub:
        await import_divisions(hub, STAFF, CODE_ROWS, title="x", as_of=AS_OF)
        report = await import_streets(hub, frame)
        assert report.ok
        assert [one.code for one in report.notices] == ["polygon_absent", "polygon_overlap"]
        async with hub.database.read() as connection:
            query = select(edition.c.report).where(edition.c.id == report.edition)
            kept = (await connection.execute(query)).scalar_one()
        assert kept["missing"] == [STREETS[2]]
        assert (kept["overlaps"][0]["code"], kept["overlaps"][0]["other"]) == STREETS[:2]


async def test_boundaries_need_a_code_table(database_url: str, tmp_path: Path) -> None:
    """Without a code table there is nothing to check codes against, and the import says so."""
    async with make_hub(database_url, tmp_path) as hub:
        report = await import_streets(hub, street_frame())
        assert [one.code for one in report.failures] == ["codes_absent"]


async def test_a_broken_off_import_leaves_nothing_in_use_and_is_cleared(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of an import that broke off are never answered and go with the next import."""
    async with make_hub(database_url, tmp_path) as hub:
        calls = 0

        async def breaking(connection: Any, table: Any, rows: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise OSError("the disk is gone")
            await insert_rows(connection, table, rows)

        monkeypatch.setattr(editions, "_ROWS_A_TRANSACTION", 5)
        monkeypatch.setattr(editions, "insert_rows", breaking)
        with pytest.raises(OSError, match="disk"):
            await import_divisions(hub, STAFF, CODE_ROWS, title="断", as_of=AS_OF)
        monkeypatch.undo()
        assert await count(hub, division) == 5
        async with hub.database.read() as connection:
            assert await names(connection, ["11", COUNTY]) == {}
        assert (await import_divisions(hub, STAFF, CODE_ROWS, title="好", as_of=AS_OF)).ok
        assert await count(hub, division) == 12
        assert await count(hub, edition) == 1


async def test_two_imports_at_once_leave_one_whole_edition_in_use(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Imports of one region at the same time end whole or stop with a Conflict; one edition is in use."""
    monkeypatch.setattr(editions, "_ROWS_A_TRANSACTION", 2)
    async with make_hub(database_url, tmp_path) as hub:
        tries = [import_divisions(hub, STAFF, CODE_ROWS, title=str(i), as_of=AS_OF) for i in range(3)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert all(isinstance(one, Conflict) or one.ok for one in results)
        async with hub.database.read() as connection:
            used = select(edition.c.id).where(edition.c.current, edition.c.finished)
            ids = list((await connection.execute(used)).scalars())
            assert len(ids) == 1
            whole = select(func.count()).select_from(division).where(division.c.edition_id == ids[0])
            assert (await connection.execute(whole)).scalar_one() == len(CODE_ROWS)


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp"])
async def test_boundary_files_of_each_format_come_in(suffix: str, database_url: str, tmp_path: Path) -> None:
    """GeoJSON, GeoPackage and Shapefile give the same areas."""
    path = tmp_path / f"streets{suffix}"
    street_frame().to_file(path)
    async with make_hub(database_url, tmp_path) as hub:
        await import_divisions(hub, STAFF, CODE_ROWS, title="x", as_of=AS_OF)
        assert (await import_streets(hub, read_areas(path, "wgs84"))).ok


def test_a_broken_geojson_is_named(tmp_path: Path) -> None:
    """A file cut in the middle is unreadable with a cure, in both languages."""
    path = tmp_path / "cut.geojson"
    path.write_text(street_frame().to_json()[:200], "utf-8")
    with pytest.raises(GeoError) as caught:
        read_areas(path, "wgs84")
    assert caught.value.code == "areas_unreadable"
    assert caught.value.zh
    assert caught.value.en
