"""The whole world depends on county, scale, day and seed, and on nothing else."""

import dataclasses
import hashlib
from datetime import date, timedelta

import msgspec
import pytest

from rider_hub.demo.world import build_world
from rider_hub.demo.world_data import UnknownCountyError
from rider_hub.demo.world_model import World
from tests.rider_hub.demo.conftest import TODAY

FRAMES = ("street_polygons", "community_polygons")


def digest(world: World) -> str:
    """Return a hash over every byte of the world."""
    sha = hashlib.sha256()
    for field in dataclasses.fields(world):
        value = getattr(world, field.name)
        if field.name in FRAMES:
            sha.update(msgspec.json.encode([list(value["code"]), list(value["name"])]))
            sha.update(b"".join(value.geometry.to_wkb()))
        else:
            sha.update(msgspec.json.encode(value))
    return sha.hexdigest()


def test_the_same_arguments_give_the_same_bytes(world: World) -> None:
    """Two worlds of the same county, scale, day and seed are equal to the last byte."""
    assert digest(build_world(county="110101", scale=1.0, today=TODAY, seed=20260101)) == digest(world)


@pytest.mark.parametrize(
    "changed", [{"seed": 1}, {"scale": 0.2}, {"county": "110102"}, {"today": TODAY - timedelta(days=1)}]
)
def test_each_argument_matters(changed: dict[str, object]) -> None:
    """Another seed, scale, county or day gives another world."""
    usual: dict[str, object] = {"county": "110101", "scale": 0.1, "today": TODAY, "seed": 20260101}
    assert digest(build_world(**(usual | changed))) != digest(build_world(**usual))  # type: ignore[arg-type]


def test_another_day_moves_dates_and_nothing_else(world: World) -> None:
    """The same seed on a later day gives the same persons at the same places."""
    later = build_world(today=date(2027, 3, 1))
    assert [(r.name, r.community) for r in later.riders] == [(r.name, r.community) for r in world.riders]
    assert [(s.ref, s.lng, s.lat) for s in later.stations] == [(s.ref, s.lng, s.lat) for s in world.stations]
    assert later.members == world.members
    assert later.requests == world.requests


def test_scale_grows_what_is_generated_and_not_the_ground(world: World, small_chaoyang: World) -> None:
    """A tenth of the scale has a tenth of riders, stations, love stations and requests."""
    assert len(small_chaoyang.riders) == len(world.riders) // 10 == 400
    assert len(small_chaoyang.love_stations) == 6
    assert len(small_chaoyang.requests) == 12
    assert len(small_chaoyang.street_polygons) == 43
    assert len(small_chaoyang.community_polygons) == 768


def test_the_smallest_world_still_has_one_of_each() -> None:
    """At a scale near nothing there is one station, one rider, one member and one request."""
    tiny = build_world(scale=0.0001, today=TODAY)
    assert (len(tiny.stations), len(tiny.love_stations), len(tiny.riders)) == (1, 1, 1)
    assert (len(tiny.members), len(tiny.requests), len(tiny.activities)) == (1, 1, 1)


@pytest.mark.parametrize("county", ["110116", "110119"])
def test_a_county_without_restaurants_works_too(county: str) -> None:
    """Where no restaurant points exist the stations stand at scattered points of the communities."""
    world = build_world(county=county, scale=0.2, today=TODAY)
    assert len(world.stations) == 20
    assert len({(station.lng, station.lat) for station in world.stations}) == 20


def test_an_unknown_county_is_refused() -> None:
    """A county without data is refused before anything is built."""
    with pytest.raises(UnknownCountyError):
        build_world(county="310101", today=TODAY)
