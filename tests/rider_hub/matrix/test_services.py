"""Services run without the grant on declarations, and a declaration changes no byte of what they answer.

Every route of intake, requests, assignments and love stations is driven, as the route modules name them, so a
new one is covered by being there; and so are the jobs of these capabilities.
"""

import importlib
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from jobs.registry import registry
from rider_hub.access import Actor, Hub
from rider_hub.app import _ROUTES
from rider_hub.clock import FixedClock
from rider_hub.membership.model import Kind
from rider_hub.membership.service import declare
from rider_hub.membership.verification import ask_verification, gather_homes
from rider_hub.runs.model import Run
from tests.factories import make_hub
from tests.rider_hub.matrix.drivers import DRIVERS
from tests.rider_hub.matrix.test_matrix import Client, address_of, send, site
from tests.rider_hub.matrix.viewers import VIEWERS
from tests.rider_hub.matrix.world import GROUPS
from tests.rider_hub.membership_denied import membership_denied_hub

SERVICES = ("intake", "requests", "assignments", "lovestations")
#: Their jobs; the others belong to membership, outreach, messages, the trail, or sweep over all of them.
JOBS = ("take_feeds", "watch_feeds", "match_counties", "track_requests")
_OTHER_JOBS = {
    "deliver_messages",
    "expire_kept",
    "gather_verifications",
    "link_registrations",
    "prune_trail",
    "publish_totals",
    "rewrite_private",
    "surface_invitations",
    "verify_trail",
}
_SEEING = (
    "county",
    "street_staff",
    "branch_secretary",
    "platform_account",
    "partner_account",
    "rider",
    "public",
)
MINE = GROUPS[0]
_SEED = re.compile(rb'name="seed" value="[0-9a-f]{32}"')


def _routes(*capabilities: str) -> Iterator[tuple[str, str]]:
    for name in _ROUTES:
        if name.split(".")[1] in capabilities:
            routes: list[web.RouteDef] = importlib.import_module(name).routes()
            yield from ((route.method, route.path) for route in routes)


async def _answers(client: Client, method: str, path: str) -> tuple[int, bytes]:
    driver = DRIVERS.get((method, path))
    params = driver.params(MINE) if driver is not None and driver.params is not None else {}
    form = driver.form(MINE) if driver is not None else {}
    answer = await send(client, method, address_of(path, params), form, "text/html")
    # A form that files once carries a seed drawn anew for each showing.
    return answer.status, _SEED.sub(b"", await answer.read())


@pytest.mark.parametrize("name", [*_SEEING, "counselling_officer"])
async def test_every_route_of_services_works_without_the_grant_on_declarations(
    world_url: str, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a database that refuses each touch of a private table, nothing these capabilities do breaks."""
    driven = 0
    async with (
        membership_denied_hub(world_url, tmp_path) as denied,
        site(denied, monkeypatch) as (client, be),
    ):
        be(VIEWERS[name])
        broken = []
        for method, path in _routes(*SERVICES):
            status, _ = await _answers(client, method, path)
            driven += 1
            broken += [(method, path, status)] if status >= 500 else []
    assert broken == []
    assert driven > 40


@pytest.mark.parametrize("name", JOBS)
async def test_the_jobs_of_services_run_without_the_grant(world_url: str, tmp_path: Path, name: str) -> None:
    """Taking feeds, matching and tracking requests never ask who declared."""
    clock = FixedClock()
    clock.advance(days=30)
    async with membership_denied_hub(world_url, tmp_path, clock) as denied:
        now = clock.now()
        await registry()[name].run(denied, Run("run", name, now - timedelta(minutes=1), 1))


def test_every_job_is_known_as_a_service_or_not() -> None:
    """A new job must be put with the services or with the others, so that none slips by."""
    assert registry().keys() == {*JOBS, *_OTHER_JOBS}


async def test_a_declaration_changes_no_byte_of_any_page_but_the_riders_own(
    world_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page of services, riders, stations, organizations and the map reads the same before and after.

    So for staff of county and street, the body's own secretary (but for the worklist on the desk), both
    companies, the rider and a visitor.
    """
    capabilities = (*SERVICES, "riders", "organizations")
    pages = [path for method, path in _routes(*capabilities) if method == "GET" and "export" not in path]
    pages += ["/map/areas", "/map/layers/stations.geojson", "/", "/r/me", "/r/stations"]
    async with make_hub(world_url, tmp_path) as hub, site(hub, monkeypatch) as (client, be):

        async def read() -> dict[tuple[str, str], tuple[int, bytes]]:
            found = {}
            for name in _SEEING:
                be(VIEWERS[name])
                for path in pages:
                    found[name, path] = await _answers(client, "GET", path)
            return found

        before = await read()
        await _declare(hub)
        after = await read()
    # The desk of the one secretary who was asked says that a declaration waits: that list is theirs.
    assert {key for key in before if before[key] != after[key]} == {("branch_secretary", "/")}
    assert sum(status == 200 for status, _ in before.values()) > 60


async def _declare(hub: Hub) -> None:
    rider = Actor.rider(MINE.id("rider"))
    body = MINE.id("org")
    await declare(
        hub,
        rider,
        kind=Kind.FULL,
        home_organization="某党支部",
        body=body,
        notice_version=1,
        invitations_version=1,
    )
    await ask_verification(hub, rider, body=body, notice_version=1)
    await gather_homes(hub, Actor.job("gather_verifications"))
