"""Feeds keep the contract of the Rider Feed Standard and, read in their frame, give the world back."""

import numpy as np
import pytest

from connectors.contract import check
from geo import datum
from rider_hub.demo.world_model import World


def test_every_good_row_keeps_the_contract(world: World, small_chaoyang: World) -> None:
    """No row of the good feeds is refused, at either scale."""
    for one in (world, small_chaoyang):
        for feed in one.feeds:
            stations = check(enumerate(feed.stations, 1), feed_type="station", frame=feed.frame)
            people = check(enumerate(feed.registrations, 1), feed_type="registration", frame=feed.frame)
            assert stations.failures == ()
            assert people.failures == ()
            assert len(stations.records) == len(feed.stations)
            assert len(people.records) == len(feed.registrations)


def test_feeds_hold_the_whole_world_once(world: World) -> None:
    """Each station is sent once, each registration once, and once more where the rider left."""
    left = sum(r.left_at is not None for rider in world.riders for r in rider.registrations)
    total = sum(len(rider.registrations) for rider in world.riders)
    ids = [row["record_id"] for feed in world.feeds for row in (*feed.stations, *feed.registrations)]
    assert left > 0
    assert sum(len(feed.stations) for feed in world.feeds) == 100
    assert sum(len(feed.registrations) for feed in world.feeds) == total + left
    assert len(set(ids)) == len(ids)


def test_each_platform_has_a_frame_of_its_own(world: World) -> None:
    """Station coordinates are in the platform's frame: read so, they are the true places within a metre."""
    assert {feed.platform: feed.frame for feed in world.feeds} == {
        "jia": "gcj02",
        "yi": "bd09",
        "bing": "wgs84",
    }
    true = {station.ref: (station.lng, station.lat) for station in world.stations}
    for feed in world.feeds:
        sent = np.array([(row["lng"], row["lat"]) for row in feed.stations])
        back = np.stack(datum.convert(sent[:, 0], sent[:, 1], feed.frame, "wgs84"), axis=1)
        assert back == pytest.approx(np.array([true[row["station_ref"]] for row in feed.stations]), abs=1e-5)
        assert {row["frame"] for row in feed.stations} == {feed.frame}


def test_members_never_enter_a_feed(world: World) -> None:
    """No field of any row speaks of membership."""
    rows = [row for feed in world.feeds for row in (*feed.stations, *feed.registrations)]
    fields = {name for row in rows for name in row} | {"lng", "lat"}
    assert fields <= {
        "record_id", "op", "platform_rider_ref", "employment", "station_ref", "work_area", "effective_at",
        "updated_at", "name", "phone", "id_hash", "platform", "partner", "address", "community_code",
        "street", "lng", "lat", "frame", "active_from", "headcount",
    }  # fmt: skip
    assert not any("党" in str(row) for row in rows)


def test_a_leave_comes_after_what_it_ends(world: World) -> None:
    """A leave record is newer than the rider's upsert and follows it in the feed."""
    for feed in world.feeds:
        seen = {}
        for row in feed.registrations:
            if row["op"] == "leave":
                assert seen[row["platform_rider_ref"]] < row["updated_at"]
            seen[row["platform_rider_ref"]] = row["updated_at"]
