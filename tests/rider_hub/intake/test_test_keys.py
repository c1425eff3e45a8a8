"""A test key: answered as a push would be, word by word, and nothing of it is left anywhere."""

import gzip
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from connectors.transport.push_client import ndjson
from connectors.transport.signatures import signed_headers
from rider_hub.access import HUB, Hub
from rider_hub.access.sessions import identify, protect
from rider_hub.intake import api
from rider_hub.intake.sender_keys import kid_of, make_key, remove_key, signing_key_bytes
from rider_hub.storage.metadata import metadata, private_metadata
from rider_hub.web import problems
from tests.factories import county_staff, make_hub
from tests.rider_hub.intake.build import WIDTH, bring_in_county, push, rider, sender_of, station
from tests.rider_hub.intake.test_api import Site

#: All that a test leaves: its row of the trail, and its place in the count of requests a minute.
LEFT = {"audit_row", "push_message"}
FEED = "/api/v1/feeds/ding"
FIELDS = {
    "record_id": "Q-1",
    "category": "entry",
    "text": "某小区北门进不去",
    "place": {"community_code": "110101001001"},
    "updated_at": "2026-10-01T09:00:00+08:00",
}
#: Rows of which some are new, some there already, some waiting, refused or forbidden.
MIXED = [
    rider(1),
    rider(2, name="骑手改名"),
    rider(3),
    rider(4, employment="dedicated", station_ref="S-nowhere", work_area=None),
    rider(5, phone="bad"),
    rider(6, party_member="是"),
    rider(3, record_id="D00003-0"),
]
#: Read as wgs84 these points lie in the next street: the whole batch is held.
SHIFTED = [
    station(
        number,
        lng=round(116.40 + (number % 3 + 1.4) * WIDTH, 6),
        community_code=f"11010100{number % 3 + 1}001",
    )
    for number in range(60)
]
WHOLE = {
    "rfs-mode": "snapshot",
    "rfs-as-of": "2026-10-02T00:00:00+08:00",
    "rfs-total": "9",
    "Idempotency-Key": "k",
}
CASES: dict[str, tuple[str, Any, Mapping[str, str]]] = {
    "mixed rows": ("registration", MIXED, {}),
    "stations": ("station", [station(1), station(2), station(1, name="")], {}),
    "a held batch": ("station", SHIFTED, {}),
    "requests": ("request", [FIELDS, FIELDS | {"record_id": "Q-2", "category": "what"}], {}),
    "a part of a whole": ("registration", MIXED, WHOLE),
    "no such feed": ("riders", MIXED, {}),
    "no such version": ("registration", MIXED, {"rfs-version": "9.0"}),
    "a wrong declaration": ("registration", MIXED, WHOLE | {"rfs-as-of": "yesterday"}),
    "not readable": ("registration", b"{", {}),
    "nothing": ("registration", b"", {}),
    "a wrong key": ("registration", MIXED, {"Idempotency-Key": "x" * 129}),
}


class Trying(Site):
    """The same, where `key` is a test key of `ding` and `live` its signing key."""

    live: bytes

    async def send(self, body: bytes, message: str, **given: Any) -> Any:
        """Post a body signed with the signing key."""
        return await self.post(body, key=self.live, message=message, **given)


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Trying]:
    """Serve the senders' routes; `key` is a test key of `ding`, whose riders 1 and 2 are there."""
    async with make_hub(database_url, tmp_path) as hub:
        await bring_in_county(hub)
        sender, live = await sender_of(hub, settings={"pushes_a_minute": 5})
        await push(hub, sender, [rider(1), rider(2)])
        shown, _ = await make_key(hub, county_staff(), "ding", test=True)
        assert shown.startswith("whtest_")
        app = web.Application(middlewares=[problems, identify, protect])
        app[HUB] = hub
        api.prepare(app)
        app.add_routes(api.routes())
        server = TestServer(app)
        await server.start_server(auto_decompress=False)
        client: Any = TestClient(server)
        made = Trying(hub, client, signing_key_bytes(shown))
        made.live = live
        yield made
        await client.close()


async def rows_of(hub: Hub) -> dict[str, list[str]]:
    """Return every row of every table, by table."""
    found = {}
    async with hub.database.read() as connection:
        for table in [*metadata.sorted_tables, *private_metadata.sorted_tables]:
            found[table.name] = sorted(map(repr, (await connection.execute(select(table))).all()))
    return found


def changed(before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> set[str]:
    """Return the tables that are not as they were."""
    return {name for name, rows in after.items() if rows != before[name]}


def told(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer without what is new each time, and without how far a snapshot is judged."""
    left = {name: value for name, value in answer.items() if name not in {"receipt", "created_at", "test"}}
    if "snapshot" in left:
        left["snapshot"] = {**left["snapshot"], "id": ""}
    return left


@pytest.mark.parametrize("case", CASES)
async def test_the_answer_is_that_of_a_push_and_nothing_is_left(site: Trying, case: str) -> None:
    """Status and body are those the signing key gets a moment later; no table but the trail and the count."""
    kind, rows, headers = CASES[case]
    body = rows if isinstance(rows, bytes) else ndjson(rows)
    url = f"{FEED}/{kind}"
    before = await rows_of(site.hub)
    tried = await site.post(body, url=url, message="t-1", **headers)
    assert changed(before, await rows_of(site.hub)) <= LEFT
    real = await site.send(body, "r-1", url=url, **headers)
    answer = await tried.json()
    assert (tried.status, told(answer)) == (real.status, told(await real.json()))
    assert answer.get("test") is (True if "received" in answer else None)
    assert "Location" not in tried.headers


async def test_several_parts_are_counted_as_one(site: Trying) -> None:
    """More rows than a transaction holds: each part is undone, and the receipt is of all of them."""
    rows = [rider(number) for number in range(1, site.hub.database.rows_a_part + 3)]
    before = await rows_of(site.hub)
    answer = await (await site.post(gzip.compress(ndjson(rows)), content_encoding="gzip")).json()
    assert (answer["received"], answer["unchanged"]) == (len(rows), 2)
    assert changed(before, await rows_of(site.hub)) <= LEFT


async def test_it_checks_and_reads_requirements_and_opens_no_receipt(site: Trying) -> None:
    """A check is marked; the agreement is told; its sender's receipt is as absent as one that never was."""
    checked = await (await site.post(ndjson(MIXED), url=f"{FEED}/registration/check")).json()
    assert (checked["test"], checked["total"]) == (True, len(MIXED))
    real = await site.send(ndjson([rider(1)]), "r")
    assert "test" not in await real.json()
    answers = []
    for at, path in enumerate((real.headers["Location"], "/api/v1/receipts/none", f"{FEED}/requirements")):
        signed = signed_headers(site.key, f"read-{at}", int(site.hub.clock.now().timestamp()), b"")
        answer = await site.client.get(path, headers=signed)
        answers.append((answer.status, await answer.json()))
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[2][0]) == (404, 200)


async def test_what_both_keys_signed_is_a_push(site: Trying) -> None:
    """A real key never marks itself a test, whatever stands beside its signature."""
    body, now = ndjson([rider(1)]), int(site.hub.clock.now().timestamp())
    test = signed_headers(site.key, "both", now, body)
    live = signed_headers(site.live, "both", now, body)
    both = test | {"webhook-signature": f"{test['webhook-signature']} {live['webhook-signature']}"}
    both["content-type"] = "application/x-ndjson"
    answer = await site.client.post(f"{FEED}/registration", data=body, headers=both)
    assert (answer.status, "test" in await answer.json()) == (200, False)
    assert answer.headers["Location"].startswith("/api/v1/receipts/")


async def test_it_ends_by_itself_and_at_once_when_removed(site: Trying) -> None:
    """After 90 days, or removed, it is answered as a key that nobody has."""
    nobody = await (await site.post(ndjson([rider(1)]), key=b"x" * 32, message="n")).json()
    assert (await site.post(ndjson([rider(1)]), message="t")).status == 200
    shown, kid = await _another(site)
    await remove_key(site.hub, county_staff(), "ding", kid)
    gone = await site.post(ndjson([rider(1)]), key=signing_key_bytes(shown), message="g")
    assert (gone.status, await gone.json()) == (401, nobody)
    shown, _ = await make_key(site.hub, county_staff(), "ding", test=True)
    for days, status in ((89, 200), (1, 401)):
        site.hub.clock.advance(days=days)
        answer = await site.post(ndjson([rider(1)]), key=signing_key_bytes(shown), message=f"d-{days}")
        assert answer.status == status


async def _another(site: Trying) -> tuple[str, str]:
    """Change the test key for another one."""
    await remove_key(site.hub, county_staff(), "ding", kid_of(site.hub.keys, site.key))
    return await make_key(site.hub, county_staff(), "ding", test=True)


async def test_tests_take_no_room_from_pushes(site: Trying) -> None:
    """A program that tests without end is told to wait; the sender's pushes are not."""
    url = f"{FEED}/registration/check"
    statuses = [(await site.post(ndjson([rider(1)]), url=url, message=f"t-{n}")).status for n in range(6)]
    assert statuses == [200] * 5 + [429]
    assert (await site.send(ndjson([rider(1)]), "r")).status == 200
