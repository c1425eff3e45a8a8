"""Stations and love stations stand where they say they do."""

import re
from collections import Counter

import numpy as np
import shapely

from rider_hub.demo.world_model import LoveStation, Station, World

HOURS = re.compile(r"24/7|(Mo|Tu|We|Th|Fr|Sa|Su)-(Mo|Tu|We|Th|Fr|Sa|Su) \d{2}:\d{2}-\d{2}:\d{2}")


def stands_in(world: World, places: tuple[Station, ...] | tuple[LoveStation, ...]) -> bool:
    """Tell whether each place lies in the polygon of its community and of that community's street."""
    points = shapely.points([(place.lng, place.lat) for place in places])
    communities = world.community_polygons.set_index("code").geometry
    streets = world.street_polygons.set_index("code").geometry
    codes = [place.community for place in places]
    in_community = shapely.intersects(communities.loc[codes].to_numpy(), points)
    in_street = shapely.intersects(streets.loc[[code[:9] for code in codes]].to_numpy(), points)
    return bool(np.all(in_community & in_street))


def test_every_station_lies_in_its_stated_street(world: World, small_chaoyang: World) -> None:
    """Each station's true place lies in the street and community it names."""
    for one in (world, small_chaoyang):
        assert stands_in(one, one.stations)
        assert all(station.street == station.community[:9] for station in one.stations)


def test_stations_are_as_many_as_asked_for_and_unlike(world: World, small_chaoyang: World) -> None:
    """100 stations at scale 1, 10 at 0.1; refs and names are unique; every platform has some."""
    assert (len(world.stations), len(small_chaoyang.stations)) == (100, 10)
    assert len({station.ref for station in world.stations}) == 100
    assert len({station.name for station in world.stations}) == 100
    assert {station.platform for station in world.stations} == {"jia", "yi", "bing"}


def test_stations_are_named_after_platform_and_street(world: World) -> None:
    """A name is made of the fictional platform's and the street's names, an address of real place names."""
    names = {company.code: company.name for company in world.platforms}
    streets = dict(zip(world.street_polygons["code"], world.street_polygons["name"], strict=True))
    for station in world.stations:
        street = streets[station.street].removesuffix("街道")
        assert re.fullmatch(rf"{names[station.platform]}{street}(第\d+)?站", station.name)
        assert station.address.startswith(f"北京市东城区{streets[station.street]}")
        assert station.address.endswith("（示例地址）")


def test_some_stations_do_not_state_their_community(world: World) -> None:
    """About nine of ten stations state their true community, the others none."""
    stated = [station for station in world.stations if station.stated_community is not None]
    assert all(station.stated_community == station.community for station in stated)
    assert 80 <= len(stated) < 100


def test_love_stations_stand_in_the_community_they_are_named_after(world: World) -> None:
    """60 love stations, none a community's second while others with spots have none."""
    assert len(world.love_stations) == 60
    assert stands_in(world, world.love_stations)
    assert max(Counter(place.community for place in world.love_stations).values()) == 1
    assert all(place.name.endswith("骑手爱心驿站") for place in world.love_stations)


def test_love_stations_differ_in_hours_and_freshness(world: World) -> None:
    """Hours are in the simple form; some are open all day, some on weekdays alone, some are stale."""
    hours = {place.opening_hours for place in world.love_stations}
    ages = [(world.today - place.last_verified).days for place in world.love_stations]
    assert all(HOURS.fullmatch(value) for value in hours)
    assert {"24/7", "Mo-Fr 09:00-18:00"} <= hours
    assert 0 < sum(age > 180 for age in ages) < 30
    assert all(age > 0 for age in ages)
    assert all(
        {"饮水", "休息"} <= set(place.services) and place.capacity > 0 for place in world.love_stations
    )
