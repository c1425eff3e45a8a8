"""Requests that come through a platform: filed once, of the right rider, routed, kept in confidence."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Role
from rider_hub.access.purposes import MEND_REASONS, Purpose
from rider_hub.clock import FixedClock
from rider_hub.consent.erasing import erase_for_staff
from rider_hub.errors import Absent
from rider_hub.intake.quarantine import open_row
from rider_hub.requests import store
from rider_hub.requests.listing import show_request
from rider_hub.requests.reach import reach_of
from rider_hub.requests.tables import request_event, service_request
from rider_hub.riders.tables import registration
from rider_hub.views.ports import wired
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.intake.build import (
    COUNTY,
    SOUTH,
    STREETS,
    WEST,
    bring_in_county,
    codes,
    push,
    quarantine_rows,
    rider,
    sender_of,
)


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        await bring_in_county(opened)
        yield opened


def asked(number: int, **values: Any) -> dict[str, Any]:
    """Make a request row about a community of the first street."""
    given: dict[str, Any] = {
        "record_id": f"Q{number}",
        "category": "停车难",
        "place": {"community_code": f"{STREETS[0]}001", "address": "某小区东门"},
        "text": f"没有地方停车，第{number}次",
        "updated_at": "2026-11-01T09:00:00+08:00",
    } | values
    return {name: value for name, value in given.items() if value is not None}


async def filed(hub: Hub) -> list[Any]:
    """Return the requests in the order they were filed in."""
    async with hub.database.read() as connection:
        query = select(service_request).order_by(service_request.c.filed_at, service_request.c.division)
        return list((await connection.execute(query)).mappings())


async def test_a_request_is_the_riders_and_is_filed_once(hub: Any) -> None:
    """Sent twice, under two keys, it counts once; other words under its name are told and not used."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1)])
    row = asked(1, platform_rider_ref="D00001")
    got = await push(hub, sender, [row, asked(2), asked(3, platform_rider_ref="D00404")], "request")
    assert (got.received, got.accepted) == (3, 3)
    assert [(w["row"], w["code"]) for w in got.warnings] == [(3, "request_anonymous")]
    again = await push(hub, sender, [row, row | {"text": "换了说法"}, asked(2, text="又一种说法")], "request")
    assert (again.unchanged, again.accepted) == (3, 0)
    assert {w["code"] for w in again.warnings} == {"request_changed"}
    rows = await filed(hub)
    async with hub.database.read() as connection:
        owner = (await connection.execute(select(registration.c.rider_id))).scalar_one()
        own = await store.list_own(connection, owner)
        kinds = (await connection.execute(select(request_event.c.kind))).scalars().all()
    assert sorted(str(one["rider_id"]) for one in rows) == sorted([owner, "None", "None"])
    assert [one["channel"] for one in own] == ["feed"]
    assert sorted(kinds) == ["filed"] * 3 + ["routed"] * 3
    shown = await show_request(hub, county_staff(), own[0]["id"])
    assert (shown.text, shown.address) == ("没有地方停车，第1次", "某小区东门")


async def test_the_place_is_the_finest_that_is_known(hub: Any) -> None:
    """A point lies in a street, a street may be named, and else the county answers."""
    sender, _ = await sender_of(hub)
    point = {"lng": WEST + 0.001, "lat": SOUTH + 0.01, "frame": "wgs84"}
    rows = [
        asked(1, place=point),
        asked(2, place={"street": "第2街道", "address": "某路"}),
        asked(3, place={"address": "某处"}),
    ]
    got = await push(hub, sender, rows, "request")
    assert got.accepted == 3
    assert [one["division"] for one in await filed(hub)] == [COUNTY, STREETS[0], STREETS[1]]


async def test_an_unknown_category_or_place_is_refused_and_never_guessed(hub: Any) -> None:
    """What may have been told in confidence is not filed as 其他."""
    sender, _ = await sender_of(hub)
    away = {"community_code": "110105001001"}
    got = await push(hub, sender, [asked(1, category="心里难受"), asked(2, place=away)], "request")
    assert codes(got) == [
        (1, "category", "category_unknown"),
        (2, "place.community_code", "community_outside_county"),
    ]
    assert await filed(hub) == []


@pytest.mark.parametrize("category", ["counselling", "心理疏导", "法律求助"])
async def test_what_is_told_in_confidence_is_its_officers_alone(hub: Any, category: str) -> None:
    """County staff see neither the filed request nor, whatever the purpose, the words of a refused one."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [asked(1, category=category, text="压力很大")], "request")
    [row] = await filed(hub)
    assert (row["organization"], row["routed_by"]) == (None, "counselling_officer")
    async with hub.database.read() as connection:
        with pytest.raises(Absent):
            await store.find_in_scope(connection, reach_of(county_staff()), row["id"])
        officer = reach_of(staff(Role.COUNSELLING_OFFICER))
        assert await store.find_in_scope(connection, officer, row["id"])
    refused = asked(
        2,
        category=category,
        text="压力很大",
        place={"community_code": "110105001001", "address": "某路"},
        备注="难受",
    )
    await push(hub, sender, [refused], "request")
    [kept] = await quarantine_rows(hub)
    purpose = Purpose.stated(MEND_REASONS, "mend", "改社区代码")
    opened = await open_row(hub, county_staff(), kept["id"], purpose)
    values = {one.name: one.value for one in opened.fields or ()}
    assert (values["text"], values["备注"]) == ("", "")
    assert values["place.address"] == "某路"


async def test_an_emptied_request_is_not_filed_anew(hub: Any) -> None:
    """After the rider's erasure the platform's repetition brings no word of it back."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1)])
    row = asked(1, platform_rider_ref="D00001")
    await push(hub, sender, [row], "request")
    async with hub.database.read() as connection:
        owner = (await connection.execute(select(registration.c.rider_id))).scalar_one()
    await erase_for_staff(hub, county_staff(), wired(), owner, "本人到窗口要求")
    got = await push(hub, sender, [row], "request")
    [one] = await filed(hub)
    assert (got.unchanged, one["rider_id"], got.warnings) == (1, None, ())
    words = hub.keys.unseal("personal", ("service_request", "sealed", one["id"]), one["sealed"])
    assert "停车" not in words["text"]


async def test_a_sender_may_not_push_for_another_platform(hub: Any) -> None:
    """One name in two platforms is two requests."""
    first, _ = await sender_of(hub)
    second, _ = await sender_of(hub, "jia2")
    for sender in (first, second):
        assert (await push(hub, sender, [asked(1)], "request")).accepted == 1
    assert len(await filed(hub)) == 2
    assert Actor.sender("ding").scope.platforms == ("ding",)
