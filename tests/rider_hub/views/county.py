"""A county with things on its map, and the pages of places around one viewer."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aiohttp import web

from rider_hub.access import ACTOR, HUB, Actor, Hub, Role
from rider_hub.access.sessions import CSRF
from rider_hub.lovestations import api as locate_api
from rider_hub.lovestations import pages as love_station_pages
from rider_hub.lovestations.service import import_love_stations
from rider_hub.organizations import pages as organization_pages
from rider_hub.organizations.service import (
    add_platforms,
    import_instructors,
    import_organizations,
    import_stations,
)
from rider_hub.views import map as map_pages
from rider_hub.web import SHELL, MenuItem, Shell, problems, security_headers, static_routes
from tests.factories import county_staff, staff
from tests.rider_hub.divisions.world import COMMUNITIES, COUNTY, STREETS, import_county, middle

COUNTY_STAFF = county_staff(COUNTY)
#: Works for the second street.
STREET_STAFF = staff(Role.STREET_STAFF, divisions=(STREETS[1],))


async def fill(hub: Hub) -> None:
    """Bring in the county: one station, one love station and one community branch a community."""
    await import_county(hub, COUNTY_STAFF)
    await add_platforms(hub, COUNTY_STAFF, [{"code": "jia", "name": "甲平台(示例)"}])
    stations, loves, organizations = [], [], []
    for at, code in enumerate(COMMUNITIES):
        lng, lat = middle(code)
        point = {"lng": lng, "lat": lat, "frame": "wgs84"}
        stations.append({"station_ref": f"S-{at}", "name": f"第{at}站", "address": "某路1号", **point})
        loves.append(
            {
                "code": f"L-{at}",
                "name": f"第{at}驿站",
                "services": "饮水、充电",
                "opening_hours": "24/7" if at % 2 else "Mo-Su 12:00-20:00",
                "verified_on": "2026-10-01",
                **point,
            }
        )
        organizations.append(
            {
                "code": f"ZB-{at}",
                "name": f"第{at}站党支部",
                "kind": "branch",
                "host_kind": "station",
                "host_ref": f"jia/S-{at}",
                "parent": "HY",
                "division": code,
                "covers": f"站点:jia/S-{at}",
            }
        )
    industry: dict[str, Any] = {
        "code": "HY",
        "name": "东城区外卖配送行业党委",
        "kind": "industry_organization",
        "host_kind": "association",
        "division": COUNTY,
    }
    # The last station is left without a branch.
    assert (await import_organizations(hub, COUNTY_STAFF, [industry, *organizations[:-1]])).ok
    report = await import_stations(hub, COUNTY_STAFF, stations, platform="jia", county=COUNTY)
    assert report.ok, report
    assert (await import_love_stations(hub, COUNTY_STAFF, loves)).ok
    posts = [{"code": f"ZDY-{street}", "title": "党建工作指导员", "division": street} for street in STREETS]
    assert (await import_instructors(hub, COUNTY_STAFF, posts)).ok


def build(hub: Hub, viewer: Actor) -> web.Application:
    """Build the pages of places for one viewer."""

    @web.middleware
    async def signed_in(request: web.Request, handler: Any) -> web.StreamResponse:
        request[ACTOR] = viewer
        request[CSRF] = "test"
        response: web.StreamResponse = await handler(request)
        return response

    app = web.Application(middlewares=[security_headers, problems, signed_in])
    app[HUB] = hub
    spec = find_spec("rider_hub")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    root = Path(spec.submodule_search_locations[0])
    app[SHELL] = Shell(
        template_folders=[root / name / "templates" for name in ("organizations", "lovestations", "views")],
        menu=[
            MenuItem("map", "一张图", "/map", "map"),
            MenuItem("stations", "站点", "/stations", "station"),
            MenuItem("organizations", "党组织", "/organizations", "branch"),
            MenuItem("lovestations", "驿站", "/lovestations", "home"),
        ],
        clock=hub.clock,
    )
    for module in (map_pages, organization_pages, love_station_pages, locate_api):
        app.add_routes(module.routes())
    app.add_routes(static_routes())
    return app
