"""Tests of the map and of the ledgers of stations, organizations and love stations, on both databases."""

import io
from typing import Any

import openpyxl
import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from geo.datum import convert
from rider_hub.access import Actor, Hub, Role, Scope
from rider_hub.access.actor import PUBLIC
from rider_hub.organizations.tables import station
from tests.factories import staff
from tests.rider_hub.divisions.world import COMMUNITIES, STREETS, middle
from tests.rider_hub.views.conftest import ClientOf
from tests.rider_hub.views.county import COUNTY_STAFF, STREET_STAFF

LAYERS = {"streets": (3, 1), "communities": (6, 2), "stations": (6, 2), "organizations": (6, 2)}


async def features(client: TestClient, key: str, query: str = "") -> list[dict[str, Any]]:
    """Return a layer's features."""
    answer = await client.get(f"/map/layers/{key}.geojson{query}")
    assert answer.status == 200
    assert answer.content_type == "application/geo+json"
    found = await answer.json(content_type=None)
    assert found["type"] == "FeatureCollection"
    return list(found["features"])


async def sheet(client: TestClient, path: str) -> list[list[Any]]:
    """Return the rows of an export below its header."""
    answer = await client.get(f"{path}/export.xlsx")
    assert answer.status == 200
    book = openpyxl.load_workbook(io.BytesIO(await answer.read()))
    rows = [list(row) for row in book.active.iter_rows(values_only=True)]
    header = next(at for at, row in enumerate(rows) if row[1] is not None and row[2] is not None)
    return [row for row in rows[header + 1 :] if row[0] is not None]


async def test_a_street_sees_its_own_on_every_layer(client_of: ClientOf) -> None:
    """Every layer holds the county's for county staff, and the street's alone for street staff."""
    county, street = await client_of(COUNTY_STAFF), await client_of(STREET_STAFF)
    for key, (all_of_it, own) in LAYERS.items():
        assert len(await features(county, key)) == all_of_it, key
        found = await features(street, key)
        assert len(found) == own, key
    counts = [len(await features(client, key)) for client in (county, street) for key in ("open", "closed")]
    assert counts == [3, 3, 1, 1]


@pytest.mark.parametrize(
    ("path", "all_of_it", "own"),
    [("/stations", 6, 2), ("/organizations", 6, 2), ("/lovestations", 6, 2), ("/map/areas", 9, 3)],
)
async def test_a_street_sees_its_own_in_every_ledger(
    path: str, all_of_it: int, own: int, client_of: ClientOf
) -> None:
    """Page and export of every ledger hold what lies in the scope and nothing else."""
    for viewer, number in ((COUNTY_STAFF, all_of_it), (STREET_STAFF, own)):
        client = await client_of(viewer)
        page = await client.get(path)
        assert page.status == 200
        text = await page.text()
        assert text.count("data-row") - text.count("data-row-") >= number
        assert len(await sheet(client, path)) == number


async def test_details_outside_the_scope_are_absent(hub: Hub, client_of: ClientOf) -> None:
    """What a street may not see answers as if it did not exist; its own answers."""
    async with hub.database.read() as connection:
        rows = await connection.execute(select(station.c.id, station.c.station_ref))
        ids = {row.station_ref: row.id for row in rows}
    client = await client_of(STREET_STAFF)
    for path, status in {
        f"/stations/{ids['S-0']}": 404,
        f"/stations/{ids['S-2']}": 200,
        "/stations/none": 404,
        "/organizations/ZB-0": 404,
        "/organizations/ZB-2": 200,
        "/organizations/HY": 404,
        "/lovestations/L-0": 404,
        "/lovestations/L-2": 200,
        f"/map/areas/{STREETS[0]}": 404,
        f"/map/areas/{STREETS[1]}": 200,
        f"/map/areas/{COMMUNITIES[2]}": 200,
        "/map/areas/x": 404,
        "/map/layers/nothing.geojson": 404,
    }.items():
        assert (await client.get(path)).status == status, path


async def test_nobody_without_a_duty_opens_them(client_of: ClientOf) -> None:
    """A visitor is asked to sign in; the audit administrator finds nothing, a platform its stations alone."""
    company = Actor("user:q", "平台", frozenset({Role.PLATFORM_ACCOUNT}), Scope(platforms=("jia",)))
    client = await client_of(company)
    for path, status in {"/stations": 200, "/map": 404, "/organizations": 404, "/lovestations": 404}.items():
        assert (await client.get(path, headers={"Accept": "application/json"})).status == status, path
    auditor = Actor("user:p", "审计", frozenset({Role.AUDIT_ADMIN}), Scope.all())
    for viewer, status in ((PUBLIC, 401), (auditor, 404)):
        client = await client_of(viewer)
        for path in ("/map", "/map/layers/stations.geojson", "/stations", "/organizations", "/lovestations"):
            answer = await client.get(path, allow_redirects=False, headers={"Accept": "application/json"})
            assert answer.status == status, path


async def test_a_stations_details_name_who_answers(hub: Hub, client_of: ClientOf) -> None:
    """A covered station names its branch; one nobody covers says so and names the instructor's post."""
    async with hub.database.read() as connection:
        rows = await connection.execute(select(station.c.id, station.c.station_ref))
        ids = {row.station_ref: row.id for row in rows}
    client = await client_of(COUNTY_STAFF)
    covered = await (await client.get(f"/stations/{ids['S-0']}")).text()
    alone = await (await client.get(f"/stations/{ids['S-5']}")).text()
    assert "第0站党支部" in covered
    assert "甲平台(示例)" in covered
    assert "还没有党组织覆盖，由党建工作指导员联系" in alone
    assert "第5站" not in await (await client.get("/stations?covered=yes")).text()
    assert "第0站" not in await (await client.get("/stations?covered=no")).text()


async def test_no_link_leads_out_of_the_scope(client_of: ClientOf) -> None:
    """A street reads the name of the county's organization above its branches, without a link to it."""
    text = await (await (await client_of(STREET_STAFF)).get("/organizations")).text()
    assert "东城区外卖配送行业党委" in text
    assert 'href="/organizations/HY"' not in text
    drawer = await (await (await client_of(STREET_STAFF)).get("/organizations/ZB-2")).text()
    assert 'href="/organizations/HY"' not in drawer
    county = await (await (await client_of(COUNTY_STAFF)).get("/organizations")).text()
    assert 'href="/organizations/HY"' in county


async def test_filters_and_order_of_the_ledgers_work(client_of: ClientOf) -> None:
    """Search, street, state and order change what the page shows."""
    client = await client_of(COUNTY_STAFF)
    for path, here, gone in (
        ("/stations?q=第3站", "第3站", "第2站"),
        (f"/stations?street={STREETS[2]}", "第5站", "第0站"),
        ("/stations?platform=jia&sort=-name", "第0站", "没有符合"),
        ("/organizations?kind=industry_organization", "行业党委", "第0站党支部"),
        ("/organizations?sort=-valid_from", "第0站党支部", "没有符合"),
        ("/lovestations?state=open", "第1驿站", "第0驿站"),
        ("/lovestations?state=closed&sort=-name", "第0驿站", "第1驿站"),
        (f"/lovestations?street={STREETS[0]}&q=第1", "第1驿站", "第3驿站"),
        ("/map/areas?level=street&sort=-stations", "第1街道", "1之1社区"),
    ):
        text = await (await client.get(path)).text()
        assert here in text, path
        assert gone not in text, path
    assert "没有符合" in await (await client.get("/stations?q=%25")).text()


async def test_the_map_says_what_it_draws(client_of: ClientOf) -> None:
    """Sketched borders are labelled, organizations say where they are drawn, lists are one click away."""
    text = await (await (await client_of(COUNTY_STAFF)).get("/map")).text()
    assert "示意边界" in text
    assert "党组织画在所依托的站点上" in text
    assert 'href="/map/areas"' in text
    assert 'href="/lovestations"' in text


async def test_the_slider_asks_for_another_hour(client_of: ClientOf) -> None:
    """At 13:00 all are open, at 09:00 half; an hour that is none is refused."""
    client = await client_of(COUNTY_STAFF)
    assert len(await features(client, "open", "?hour=13")) == 6
    assert len(await features(client, "open", "?hour=9")) == 3
    for hour in ("24", "-1", "x", "007"):
        assert (await client.get(f"/map/layers/open.geojson?hour={hour}")).status == 400


async def test_organizations_stand_at_their_host(client_of: ClientOf) -> None:
    """A station's branch is drawn at the station, the county's organization in the middle of the county."""
    points = {
        one["properties"]["name"]: one["geometry"]["coordinates"]
        for one in await features(await client_of(COUNTY_STAFF), "organizations")
    }
    assert points["第2站党支部"] == pytest.approx(middle(COMMUNITIES[2]), abs=1e-6)
    assert points["东城区外卖配送行业党委"] == pytest.approx((116.43, 39.91), abs=1e-6)


async def test_neighbours_on_the_map_share_their_border(client_of: ClientOf) -> None:
    """Simplified streets neither overlap nor leave a gap."""
    import shapely  # noqa: PLC0415 - only this test looks at shapes

    found = await features(await client_of(COUNTY_STAFF), "streets")
    shapes = [shapely.geometry.shape(one["geometry"]) for one in found]
    assert shapely.coverage_is_valid(shapes)


async def locate(client: TestClient, **body: Any) -> dict[str, Any]:
    """Ask what lies around a point."""
    answer = await client.post("/api/v1/locate", json=body)
    assert answer.status == 200
    return dict(await answer.json())


async def test_a_point_is_told_its_place_and_love_stations(client_of: ClientOf) -> None:
    """Community, street and love stations with metres and state; the frame is the one stated."""
    lng, lat = middle(COMMUNITIES[0])
    x, y = convert(lng + 0.000123, lat + 0.000456, "wgs84", "gcj02")
    client = await client_of(STREET_STAFF)
    found = await locate(client, lng=float(x), lat=float(y), frame="gcj02")
    assert found["community"] == {"code": COMMUNITIES[0], "name": "1之1社区", "sketch": True}
    assert found["street"]["code"] == STREETS[0]
    assert [(one["code"], one["state"]) for one in found["love_stations"]] == [
        ("L-0", "closed"),
        ("L-1", "open"),
    ]
    assert found["love_stations"][0]["metres"] == pytest.approx(52, abs=2)
    assert [note["code"] for note in found["notes"]] == ["sketch_border"]


async def test_an_uncertain_point_is_told_so(client_of: ClientOf) -> None:
    """A rounded point near a border, a point at a border, and one outside each carry a note."""
    client = await client_of(STREET_STAFF)
    lng, _ = middle(COMMUNITIES[0])
    rounded = await locate(client, lng=116.41, lat=39.91, frame="wgs84")
    exact = await locate(client, lng=lng + 0.00012345, lat=39.9100512, frame="wgs84")
    outside = await locate(client, lng=117.0, lat=39.0, frame="wgs84")
    assert [note["code"] for note in rounded["notes"]] == ["sketch_border", "rounded_point"]
    assert [note["code"] for note in exact["notes"]] == ["sketch_border", "border_ambiguous"]
    assert outside["community"] is None
    assert outside["love_stations"] == []
    assert [note["code"] for note in outside["notes"]] == ["outside_areas"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"lng": 116.4, "lat": 39.9}',
        b'{"lng": 116.4, "lat": 99, "frame": "wgs84"}',
        b'{"lng": "x", "lat": 1, "frame": "wgs84"}',
        b'{"lng": 1, "lat": 1, "frame": "utm"}',
        b"\xff",
    ],
)
async def test_a_bad_point_is_refused_and_not_echoed(body: bytes, client_of: ClientOf) -> None:
    """What is no point gets a named error in two languages that does not repeat it."""
    client = await client_of(staff(Role.STREET_STAFF))
    answer = await client.post("/api/v1/locate", data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 422
    text = await answer.text()
    assert "locate_invalid" in text
    assert "116.4" not in text


async def test_a_position_never_stands_in_a_url(client_of: ClientOf) -> None:
    """There is no way to ask with a GET."""
    client = await client_of(STREET_STAFF)
    assert (await client.get("/api/v1/locate?lng=116.4&lat=39.9")).status == 405
