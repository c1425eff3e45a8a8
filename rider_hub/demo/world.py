"""Builds the demo's world from a county, a scale, a day and a seed; reads no clock and writes nothing."""

from datetime import date

import numpy as np

from rider_hub.demo import world_data
from rider_hub.demo.people import build_riders
from rider_hub.demo.places import build_ground
from rider_hub.demo.world_faults import build_faults, build_frame_faults
from rider_hub.demo.world_feeds import build_feeds
from rider_hub.demo.world_members import build_members
from rider_hub.demo.world_model import World
from rider_hub.demo.world_organizations import build_activities, build_instructors, build_organizations
from rider_hub.demo.world_requests import build_requests
from rider_hub.demo.world_stations import PARTNERS, PLATFORMS, build_love_stations, build_stations

RIDERS = 4000
STATIONS = 100
LOVE_STATIONS = 60
REQUESTS = 120
ACTIVITIES = 16
NOTICE_ZH = (
    "演示数据：街道边界、区划名称与代码取自公开数据；社区边界为示意；"
    "骑手、电话、站点、驿站、党组织覆盖、诉求和活动均为生成的虚构示例。"
)
NOTICE_EN = (
    "Demo data: street borders, division names and codes are public data; community borders are "
    "illustrative; riders, phones, stations, love stations, what organizations cover, requests and "
    "activities are generated and fictional."
)


def build_world(*, county: str = "110101", scale: float = 1.0, today: date, seed: int = 20260101) -> World:
    """Return the same world for the same arguments; raise UnknownCountyError for a county without data."""
    divisions = world_data.read_divisions(county)
    ground = build_ground(county, divisions, seed=seed)
    # One stream a part: a change in one part leaves the others as they were.
    streams = np.random.default_rng([seed, int(county), round(scale * 1000)]).spawn(8)
    stations = build_stations(ground, _scaled(STATIONS, scale), today=today, rng=streams[0])
    love_stations = build_love_stations(ground, _scaled(LOVE_STATIONS, scale), today=today, rng=streams[1])
    organizations = build_organizations(ground, stations, rng=streams[2])
    riders = build_riders(ground, stations, _scaled(RIDERS, scale), today=today, rng=streams[3])
    feeds = build_feeds(stations, riders, ground.street_names)
    return World(
        county=county,
        today=today,
        seed=seed,
        notice_zh=NOTICE_ZH,
        notice_en=NOTICE_EN,
        divisions=divisions,
        street_polygons=ground.streets,
        community_polygons=ground.communities,
        platforms=PLATFORMS,
        partners=PARTNERS,
        organizations=organizations,
        instructors=build_instructors(ground),
        stations=stations,
        love_stations=love_stations,
        riders=riders,
        members=build_members(riders, organizations, rng=streams[4]),
        requests=build_requests(ground, riders, _scaled(REQUESTS, scale), rng=streams[5]),
        activities=build_activities(
            ground, organizations, _scaled(ACTIVITIES, scale), today=today, rng=streams[6]
        ),
        feeds=feeds,
        faults=build_faults(feeds, ground),
        frame_faults=build_frame_faults(ground, today=today, rng=streams[7]),
    )


def _scaled(base: int, scale: float) -> int:
    return max(1, round(base * scale))
