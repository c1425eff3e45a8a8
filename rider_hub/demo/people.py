"""Generates the demo's riders, obviously fictional, from a seed; members and feeds are elsewhere."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from itertools import count as numbers

import numpy as np
import numpy.typing as npt

from geo import datum
from rider_hub.demo.places import Ground, Rows
from rider_hub.demo.world_model import Registration, Rider, Station, WorkArea
from rider_hub.demo.world_stations import PLATFORM_SHARE, PLATFORMS

Flags = npt.NDArray[np.bool_]

BEIJING_TIME = timezone(timedelta(hours=8))
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
DEDICATED_SHARE = 0.75
SECOND_PLATFORM_SHARE = 0.04
SAME_ID_SHARE = 0.5  # of the riders with two platforms; the others share the phone alone
LEFT_SHARE = 0.01
CODE_SHARE = 0.5  # of the work areas; the others are rounded points
WORK_AREA_SPREAD_DEG = 0.002
WORK_AREA_DECIMALS = 3
SEEN_MINUTES = (60, 60 * 24 * 60)  # before today's midnight: all are seen within the active window


@dataclass(frozen=True)
class _Drawn:
    """One column a fact, one row a registration: first those of each rider in order, then the second ones."""

    owner: Rows
    platform: Rows
    station: Rows  # row of the station, -1 where crowdsourced
    work_area: tuple[WorkArea | None, ...]
    minutes: Rows
    days: Rows
    left: Flags


def midnight(day: date) -> datetime:
    """Return the first moment of a day in Beijing."""
    return datetime.combine(day, time(), tzinfo=BEIJING_TIME)


def build_riders(
    ground: Ground, stations: tuple[Station, ...], count: int, *, today: date, rng: np.random.Generator
) -> tuple[Rider, ...]:
    """Generate riders with one or two registrations; names and phones are numbers in disguise."""
    second = np.sort(rng.choice(count, size=round(count * SECOND_PLATFORM_SHARE), replace=False))
    drawn = _draw(ground, stations, second, count, rng)
    same_id = {int(row) for row in second[rng.random(len(second)) < SAME_ID_SHARE]}
    hashes = {row: rng.bytes(32).hex() for row in sorted(same_id)}
    surnames = rng.integers(0, len(SURNAMES), size=count)
    serial = {platform.code: numbers(1) for platform in PLATFORMS}
    found: list[list[Registration]] = [[] for _ in range(count)]
    for i, owner in enumerate(drawn.owner.tolist()):
        code = PLATFORMS[drawn.platform[i]].code
        ref = f"{code.upper()}R{next(serial[code]):06d}"
        found[owner].append(
            _registration(drawn, i, stations, ref=ref, id_hash=hashes.get(owner), today=today)
        )
    homes = {station.ref: station.community for station in stations}
    return tuple(
        Rider(
            index=i,
            name=f"骑手{SURNAMES[surnames[i]]}{i + 1:04d}",
            phone=f"199{i + 1:08d}",
            community=_community(found[i][0], homes),
            registrations=tuple(found[i]),
        )
        for i in range(count)
    )


def _draw(
    ground: Ground, stations: tuple[Station, ...], second: Rows, count: int, rng: np.random.Generator
) -> _Drawn:
    """Draw all registrations at once; a second one is crowdsourced work for another platform."""
    total = count + len(second)
    platform = rng.choice(len(PLATFORMS), size=total, p=PLATFORM_SHARE)
    other = rng.integers(1, len(PLATFORMS), size=len(second))
    platform[count:] = (platform[second] + other) % len(PLATFORMS)
    dedicated = rng.random(total) < DEDICATED_SHARE
    dedicated[count:] = False
    station = _draw_stations(stations, platform, dedicated, rng)
    left = rng.random(total) < LEFT_SHARE
    return _Drawn(
        owner=np.concatenate([np.arange(count), second]),
        platform=platform,
        station=station,
        work_area=_draw_work_areas(ground, platform, station < 0, rng),
        minutes=rng.integers(*SEEN_MINUTES, size=total),
        days=rng.integers(0, 500, size=total),
        left=left,
    )


def _draw_stations(
    stations: tuple[Station, ...], platform: Rows, dedicated: Flags, rng: np.random.Generator
) -> Rows:
    """Give each dedicated registration a station of its platform, the larger ones more often."""
    found = np.full(len(platform), -1, dtype=np.int64)
    for i, company in enumerate(PLATFORMS):
        rows = [row for row, station in enumerate(stations) if station.platform == company.code]
        wanted = np.flatnonzero(dedicated & (platform == i))
        if rows:
            heads = np.array([stations[row].headcount for row in rows], dtype=np.float64)
            found[wanted] = rng.choice(rows, size=len(wanted), p=heads / heads.sum())
    return found


def _draw_work_areas(
    ground: Ground, platform: Rows, wanted: Flags, rng: np.random.Generator
) -> tuple[WorkArea | None, ...]:
    """Give half of them a community code, half a point of 3 decimals in their platform's frame."""
    spot = rng.integers(0, len(ground.spots), size=len(platform))
    shift = rng.normal(scale=WORK_AREA_SPREAD_DEG, size=(len(platform), 2))
    points = ground.spots[spot] + shift
    community = ground.community_index.locate(points[:, 0], points[:, 1])
    outside = community < 0
    points[outside] = ground.spots[spot[outside]]
    community[outside] = ground.spot_community[spot[outside]]
    for i, company in enumerate(PLATFORMS):
        mine = platform == i
        moved = datum.convert(points[mine, 0], points[mine, 1], "wgs84", company.frame)
        points[mine] = np.round(np.stack(moved, axis=1), WORK_AREA_DECIMALS)
    by_code = rng.random(len(platform)) < CODE_SHARE
    codes = ground.communities["code"].to_numpy()[community].tolist()
    return tuple(
        None
        if not wanted[i]
        else WorkArea(codes[i], community_code=codes[i])
        if by_code[i]
        else WorkArea(codes[i], lng=float(points[i, 0]), lat=float(points[i, 1]))
        for i in range(len(platform))
    )


def _registration(
    drawn: _Drawn, i: int, stations: tuple[Station, ...], *, ref: str, id_hash: str | None, today: date
) -> Registration:
    minutes = int(drawn.minutes[i])
    updated_at = midnight(today) - timedelta(minutes=minutes)
    dedicated = drawn.station[i] >= 0
    return Registration(
        platform=PLATFORMS[drawn.platform[i]].code,
        ref=ref,
        employment="dedicated" if dedicated else "crowdsourced",
        station_ref=stations[drawn.station[i]].ref if dedicated else None,
        work_area=drawn.work_area[i],
        effective_at=updated_at - timedelta(days=int(drawn.days[i])),
        updated_at=updated_at,
        id_hash=id_hash,
        left_at=midnight(today) - timedelta(minutes=minutes // 2) if drawn.left[i] else None,
    )


def _community(registration: Registration, homes: dict[str, str]) -> str:
    """Return where a registration works."""
    if registration.work_area is not None:
        return registration.work_area.community
    return homes[registration.station_ref or ""]
