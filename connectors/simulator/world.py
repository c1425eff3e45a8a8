"""Makes up a platform's stations and riders from a seed: rows of the standard, of nobody, repeatable."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import msgspec

from connectors.records import MAX_WORK_AREA_DECIMALS, Frame, Tier

Row = dict[str, Any]

_STREETS: Final = 3
_COMMUNITIES: Final = 2
_DEDICATED: Final = 0.7
_POINTS: Final = 0.5
_SPREAD_DEG: Final = 0.001
_STATION_DECIMALS: Final = 6
#: Rows are at most so old on the day they are made for.
_DAYS: Final = 30


class Community(msgspec.Struct, frozen=True):
    """A community: its code, its street's name, and a point inside it in WGS 84 degrees."""

    code: str
    street: str | None = None
    lng: float | None = None
    lat: float | None = None


def communities_of(county: str) -> tuple[Community, ...]:
    """Return communities of a county by the first codes it would have, where nobody names real ones."""
    return tuple(
        Community(f"{county}{street:03d}{number:03d}")
        for street in range(1, _STREETS + 1)
        for number in range(1, _COMMUNITIES + 1)
    )


class World(msgspec.Struct, frozen=True, kw_only=True):
    """One platform's stations and riders on a day; the same values give the same rows.

    Points are WGS 84, and `frame` is what the rows say of them. Tier B adds names and phones that are
    numbers in disguise.
    """

    communities: Sequence[Community]
    stations: int = 5
    riders: int = 100
    day: date = date(2026, 10, 1)
    seed: int = 1
    tier: Tier = "A"
    frame: Frame = "wgs84"
    prefix: str = "SIM"

    def station_rows(self) -> list[Row]:
        """Return one row a station."""
        draw = random.Random(f"{self.seed}/stations")  # noqa: S311 - repeatable on purpose, no secret
        return [self._station(number, draw) for number in range(1, self.stations + 1)]

    def registration_rows(self) -> list[Row]:
        """Return one row a rider, most of them bound to one of the stations."""
        draw = random.Random(f"{self.seed}/riders")  # noqa: S311 - repeatable on purpose, no secret
        return [self._registration(number, draw) for number in range(1, self.riders + 1)]

    def _station(self, number: int, draw: random.Random) -> Row:
        place = draw.choice(self.communities)
        row: Row = {
            "record_id": f"{self.prefix}-S{number:04d}-1",
            "op": "upsert",
            "station_ref": f"{self.prefix}-S{number:04d}",
            "name": f"模拟配送{number:04d}站",
            "address": f"模拟大街{number}号",
            "community_code": place.code,
            "updated_at": self._moment(draw),
        }
        return row | self._point(place, draw, _STATION_DECIMALS)

    def _registration(self, number: int, draw: random.Random) -> Row:
        moment = self._moment(draw)
        row: Row = {
            "record_id": f"{self.prefix}-R{number:06d}-1",
            "op": "upsert",
            "platform_rider_ref": f"{self.prefix}-R{number:06d}",
            **self._work(draw),
            "effective_at": moment,
            "updated_at": moment,
        }
        if self.tier == "B":
            row |= {"name": f"骑手{number:06d}号", "phone": f"199{number:08d}"}
        return row

    def _work(self, draw: random.Random) -> Row:
        if self.stations and draw.random() < _DEDICATED:
            number = draw.randint(1, self.stations)
            return {"employment": "dedicated", "station_ref": f"{self.prefix}-S{number:04d}"}
        place = draw.choice(self.communities)
        area: Row = {"community_code": place.code}
        if draw.random() < _POINTS:
            area |= self._point(place, draw, MAX_WORK_AREA_DECIMALS)
        return {"employment": "crowdsourced", "work_area": area}

    def _point(self, place: Community, draw: random.Random, decimals: int) -> Row:
        if place.lng is None or place.lat is None:
            return {}
        degrees = (place.lng, place.lat)
        lng, lat = (round(one + draw.uniform(-_SPREAD_DEG, _SPREAD_DEG), decimals) for one in degrees)
        street = {"street": place.street} if place.street else {}
        return {**street, "lng": lng, "lat": lat, "frame": self.frame}

    def _moment(self, draw: random.Random) -> str:
        midnight = datetime.combine(self.day, time(), tzinfo=UTC)
        return (midnight - timedelta(seconds=draw.randint(1, _DAYS * 86_400))).isoformat()


def parts(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Cut rows into the parts they are sent in."""
    return (rows[start : start + size] for start in range(0, len(rows), size))
