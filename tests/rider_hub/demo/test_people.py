"""Riders are obviously fictional, unique, and as many of each kind as planned."""

import re
from collections import Counter
from datetime import timedelta

import pytest

from rider_hub.demo.people import SURNAMES, midnight
from rider_hub.demo.world_model import World


def test_names_and_phones_are_numbers_in_disguise(world: World) -> None:
    """Each name is 骑手, one surname and the rider's number; each phone is 199 and that number."""
    for rider in world.riders:
        assert re.fullmatch(rf"骑手[{SURNAMES}]\d{{4,}}", rider.name)
        assert int(rider.name[3:]) == rider.index + 1
        assert rider.phone == f"199{rider.index + 1:08d}"


def test_phones_and_refs_are_unique(world: World) -> None:
    """No two riders share a phone or a name, no two registrations a ref."""
    refs = [r.ref for rider in world.riders for r in rider.registrations]
    assert len({rider.phone for rider in world.riders}) == len(world.riders) == 4000
    assert len({rider.name for rider in world.riders}) == 4000
    assert len(set(refs)) == len(refs)


def test_some_riders_work_for_two_platforms(world: World) -> None:
    """4 % have two registrations, of two platforms; some share an id hash, the rest the phone alone."""
    double = [rider for rider in world.riders if len(rider.registrations) == 2]
    hashes = [{r.id_hash for r in rider.registrations} for rider in double]
    assert len(double) == 160
    assert all(len({r.platform for r in rider.registrations}) == 2 for rider in double)
    assert all(len(pair) == 1 for pair in hashes)
    linked = [next(iter(pair)) for pair in hashes if pair != {None}]
    assert 40 < len(linked) < 120
    assert all(re.fullmatch("[0-9a-f]{64}", str(value)) for value in linked)
    assert len(set(linked)) == len(linked)
    single = [r for rider in world.riders if len(rider.registrations) == 1 for r in rider.registrations]
    assert all(r.id_hash is None for r in single)


def test_dedicated_riders_have_a_station_of_their_platform(world: World) -> None:
    """About 75 % of riders are bound to a station of their own platform, the others have a work area."""
    platform_of = {station.ref: station.platform for station in world.stations}
    registrations = [r for rider in world.riders for r in rider.registrations]
    for registration in registrations:
        dedicated = registration.employment == "dedicated"
        assert (registration.station_ref is not None) == dedicated
        assert (registration.work_area is None) == dedicated
        if registration.station_ref is not None:
            assert platform_of[registration.station_ref] == registration.platform
    first = Counter(rider.registrations[0].employment for rider in world.riders)
    assert first["dedicated"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_work_areas_are_a_code_or_a_rounded_point(world: World) -> None:
    """About half of the work areas are a community code, the others a point of 3 decimals at most."""
    areas = [r.work_area for rider in world.riders for r in rider.registrations if r.work_area]
    codes = set(world.community_polygons["code"])
    by_code = [area for area in areas if area.community_code is not None]
    points = [area for area in areas if area.community_code is None]
    assert len(by_code) / len(areas) == pytest.approx(0.5, abs=0.06)
    assert all(area.community_code in codes and area.lng is None and area.lat is None for area in by_code)
    for area in points:
        assert area.lng == round(area.lng or 0, 3)
        assert area.lat == round(area.lat or 0, 3)


def test_nobody_was_seen_in_the_future_or_long_ago(world: World) -> None:
    """Every version lies before today and within the active window; who left did so after being seen."""
    now = midnight(world.today)
    for rider in world.riders:
        for registration in rider.registrations:
            assert now - timedelta(days=61) < registration.updated_at < now
            assert registration.effective_at <= registration.updated_at
            assert registration.left_at is None or registration.updated_at < registration.left_at < now
