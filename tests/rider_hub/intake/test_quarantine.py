"""What was not taken in can be released, mended, returned, and goes when its time is over."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from geo.datum import convert
from rider_hub.access import Actor, Role
from rider_hub.access.purposes import MEND_REASONS, Purpose
from rider_hub.errors import Absent, Conflict, Invalid
from rider_hub.intake.quarantine import expire_quarantine, open_row, release_held, replay, return_row
from rider_hub.organizations.tables import station as station_table
from rider_hub.riders.tables import registration
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.intake.build import (
    STREETS,
    WEST,
    WIDTH,
    bring_in_county,
    codes,
    count,
    push,
    quarantine_rows,
    rider,
    sender_of,
    station,
)
from tests.rider_hub.riders.build import id_number

PURPOSE = Purpose.stated(MEND_REASONS, "mend", "改配送方式")


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> Any:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        yield opened


def moved(rows: list[dict[str, Any]], frame: str) -> list[dict[str, Any]]:
    """Return rows whose points are in another frame than the wgs84 they state."""
    lng, lat = convert([r["lng"] for r in rows], [r["lat"] for r in rows], "wgs84", frame)
    return [
        r | {"lng": round(x, 6), "lat": round(y, 6)}
        for r, x, y in zip(rows, lng.tolist(), lat.tolist(), strict=True)
    ]


async def test_thirty_rows_in_a_wrong_frame_hold_the_batch(hub: Any) -> None:
    """All rows are held sealed, the receipt names the likely frame, nothing is stored."""
    sender, _ = await sender_of(hub)
    got = await push(hub, sender, moved([station(n) for n in range(30)], "gcj02"), "station")
    assert (got.state, got.frame_verdict, got.held, got.accepted) == ("held", "frame_suspect", 30, 0)
    assert got.frame_evidence is not None
    assert got.frame_evidence["wgs84"]["suggested"] == "gcj02"
    assert await count(hub, station_table) == 0
    assert {row["state"] for row in await quarantine_rows(hub)} == {"held"}


async def test_twenty_nine_rows_say_nothing_of_a_frame(hub: Any) -> None:
    """Fewer than 30 rows that state their street are taken in as frame_unverified."""
    sender, _ = await sender_of(hub)
    got = await push(hub, sender, moved([station(n) for n in range(29)], "gcj02"), "station")
    assert (got.state, got.frame_verdict, got.accepted) == ("done", "frame_unverified", 29)


async def test_thirty_rows_in_the_stated_frame_are_ok(hub: Any) -> None:
    """The verdict is ok and every row is taken in; rows that name only their street count too."""
    sender, _ = await sender_of(hub)
    rows = [station(n, community_code=None, street=f"第{n % 3 + 1}街道") for n in range(30)]
    rows = [{name: value for name, value in row.items() if value is not None} for row in rows]
    got = await push(hub, sender, rows, "station")
    assert (got.frame_verdict, got.accepted) == ("ok", 30)


async def test_a_held_batch_is_released_in_the_frame_a_person_states(hub: Any) -> None:
    """The points land in their streets, the receipt adds up, and a right re-push changes nothing."""
    sender, _ = await sender_of(hub)
    rows = moved([station(n) for n in range(33)], "gcj02")
    held = await push(hub, sender, rows, "station")
    with pytest.raises(Invalid):
        await release_held(hub, county_staff(), held.id, "bd09")
    done = await release_held(hub, county_staff(), held.id, "gcj02")
    assert (done.state, done.held, done.accepted, done.received) == ("done", 0, 33, 33)
    async with hub.database.read() as connection:
        lng = (await connection.execute(station_table.select())).mappings().all()
    assert all(abs(r["lng"] - (WEST + (STREETS.index(r["division"]) + 0.5) * WIDTH)) < 1e-5 for r in lng)
    again = await push(hub, sender, [row | {"frame": "gcj02"} for row in rows], "station")
    assert (again.unchanged, again.warnings) == (33, ())
    with pytest.raises(Conflict):
        await release_held(hub, county_staff(), held.id, "gcj02")


async def test_held_registrations_keep_no_identity_number(hub: Any) -> None:
    """The number is replaced by its hash; after release the feed with the number is the same content."""
    sender, _ = await sender_of(hub)
    rows = []
    for n in range(30):
        point = moved([{"lng": WEST + 0.5 * WIDTH, "lat": 39.915}], "gcj02")[0]
        area = {"community_code": f"{STREETS[0]}001", "lng": round(point["lng"], 3), "lat": 39.916}
        rows.append(rider(n, work_area={**area, "frame": "wgs84"}, id_number=id_number(n)))
    held = await push(hub, sender, rows)
    assert held.state == "held"
    kept = [
        hub.keys.unseal("quarantine", ("quarantine", "sealed", r["id"]), r["sealed"])
        for r in await quarantine_rows(hub)
    ]
    assert all("id_number" not in one and len(one["id_hash"]) == 64 for one in kept)
    await release_held(hub, county_staff(), held.id, "gcj02")
    right = [row | {"work_area": {**row["work_area"], "frame": "gcj02"}} for row in rows]
    assert (await push(hub, sender, right)).unchanged == 30


async def test_a_mended_row_comes_in_and_its_entry_is_closed(hub: Any) -> None:
    """A second bad try keeps the entry open with the new faults; the right one closes it and empties it."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1, employment="其他"), rider(2)])
    [kept] = await quarantine_rows(hub)
    clerk = county_staff()
    opened = await open_row(hub, clerk, kept["id"], PURPOSE)
    assert {one.name: one.value for one in opened.fields or ()}["name"] == rider(1)["name"]
    row = rider(1)
    bad = msgspec.json.encode(row | {"employment": "crowdsourced", "phone": "bad"})
    [second] = await replay(hub, clerk, ids=[kept["id"]], mended={kept["id"]: bad})
    assert codes(second) == [(1, "phone", "phone_invalid")]
    [still] = await quarantine_rows(hub)
    assert (still["id"], still["state"], still["mended"]) == (kept["id"], "waiting", True)
    good = msgspec.json.encode(row | {"employment": "crowdsourced"})
    [third] = await replay(hub, clerk, ids=[kept["id"]], mended={kept["id"]: good})
    assert (third.accepted, third.rejected) == (1, 0)
    [closed] = await quarantine_rows(hub)
    assert (closed["state"], closed["sealed"]) == ("replayed", None)
    assert await count(hub, registration) == 2
    with pytest.raises(Conflict):
        await replay(hub, clerk, ids=[kept["id"]])


async def test_a_whole_receipt_is_replayed_once_what_it_lacked_is_there(hub: Any) -> None:
    """Rows refused for the time they state come in later without a change, and a third try finds none."""
    sender, _ = await sender_of(hub)
    got = await push(hub, sender, [rider(n, updated_at="2026-11-03T09:00:00+08:00") for n in range(3)])
    hub.clock.advance(days=1)
    [again] = await replay(hub, county_staff(), receipt_id=got.id)
    assert (got.rejected, again.accepted) == (3, 3)
    with pytest.raises(Absent):
        await replay(hub, county_staff(), receipt_id=got.id)


async def test_others_rows_look_absent(hub: Any) -> None:
    """Another county's staff and another platform's account find nothing to open, replay or release."""
    sender, _ = await sender_of(hub)
    got = await push(hub, sender, [rider(1, employment="其他")])
    [kept] = await quarantine_rows(hub)
    for actor in (county_staff("110105"), staff(Role.STREET_STAFF)):
        with pytest.raises(Absent):
            await open_row(hub, actor, kept["id"], PURPOSE)
        with pytest.raises(Absent):
            await replay(hub, actor, ids=[kept["id"]])
        with pytest.raises(Absent):
            await release_held(hub, actor, got.id, "gcj02")


async def test_a_returned_row_is_emptied(hub: Any) -> None:
    """Giving a row back deletes its content here; its faults stay."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1, employment="其他")])
    [kept] = await quarantine_rows(hub)
    await return_row(hub, county_staff(), kept["id"])
    [now] = await quarantine_rows(hub)
    assert (now["state"], now["sealed"], len(now["failures"])) == ("returned", None, 1)


async def test_after_thirty_days_the_content_is_gone(hub: Any) -> None:
    """A second before nothing happens; from the thirtieth day on the row is empty."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1, employment="其他")])
    job = Actor.job("expire_quarantine")
    hub.clock.advance(days=29, hours=23, minutes=59, seconds=59)
    assert await expire_quarantine(hub, job) == 0
    hub.clock.advance(seconds=1)
    assert await expire_quarantine(hub, job) == 1
    [now] = await quarantine_rows(hub)
    assert (now["state"], now["sealed"]) == ("expired", None)
