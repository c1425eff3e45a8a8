"""Reads the options of `simulate` into riders that are made up, their points in a frame, and faults."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from connectors.records import FeedType, Frame
from connectors.simulator import Community, Faults, World, communities_of
from connectors.sources import Manifest
from geo import datum
from rider_hub.clock import SystemClock, local_date

__all__ = ["FEED_TYPES", "Made", "faults_of", "made_up"]

#: Stations first, so that no rider has to wait for one of the same delivery.
FEED_TYPES: tuple[FeedType, ...] = ("station", "registration")

_DEFAULT_FRAME: Frame = "wgs84"


@dataclass(frozen=True)
class Made:
    """A made-up world and the frame its points are truly in."""

    world: World
    actual: Frame

    def records(self, feed_type: FeedType) -> list[dict[str, Any]]:
        """Return the standard rows of a feed."""
        rows = self.world.station_rows() if feed_type == "station" else self.world.registration_rows()
        return [self._moved(row, 6 if feed_type == "station" else 3) for row in rows]

    def _moved(self, row: Mapping[str, Any], decimals: int) -> dict[str, Any]:
        moved: dict[str, Any] = {
            k: self._moved(v, decimals) if isinstance(v, Mapping) else v for k, v in row.items()
        }
        if "lng" in moved and self.actual != _DEFAULT_FRAME:
            lng, lat = datum.convert([moved["lng"]], [moved["lat"]], _DEFAULT_FRAME, self.actual)
            moved |= {"lng": round(float(lng[0]), decimals), "lat": round(float(lat[0]), decimals)}
        return moved


def made_up(manifest: Manifest | None, given: Mapping[str, Any]) -> Made:
    """Return the world the options describe; a source states its own frame."""
    frame = given["frame"]
    if manifest and frame not in {None, manifest.frame}:
        raise click.UsageError(f"{manifest.platform} always states {manifest.frame}; use --actual-frame.")
    told: Frame = frame or (manifest.frame if manifest else _DEFAULT_FRAME)
    named = given["communities"]
    world = World(
        communities=_read_communities(named) if named else communities_of(given["county"]),
        stations=given["stations"],
        riders=given["riders"],
        day=_day(given["day"]),
        seed=given["seed"],
        tier=given["tier"],
        frame=told,
        prefix=f"SIM{given['seed']}",
    )
    return Made(world, given["actual_frame"] or told)


def faults_of(given: Mapping[str, Any]) -> Faults:
    """Return the faults the options order."""
    known = {name: given[name] for name in Faults.__struct_fields__ if name in given}
    return msgspec.convert(known, Faults)


def _read_communities(path: Path) -> list[Community]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        found = [
            Community(row["code"], row["street"] or None, float(row["lng"]), float(row["lat"]))
            for row in rows
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise click.UsageError(f"{path.name} must have the columns code,street,lng,lat.") from error
    if not found:
        raise click.UsageError(f"{path.name} names no community.")
    return found


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text) if text else local_date(SystemClock().now())
    except ValueError as error:
        raise click.UsageError("--day must be a date such as 2026-10-01.") from error
