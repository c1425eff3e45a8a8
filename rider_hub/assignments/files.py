"""Files of riders are matched with files of areas and love stations here; no database is known."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec
import numpy as np

from connectors.batch import Failure
from geo.areas import AreaIndex
from geo.frames import read_areas, read_points
from geo.nearest import NearestIndex
from geo.points import Floats
from rider_hub.assignments.file_rows import Point, PointFile, read_point_file
from rider_hub.errors import Invalid

__all__ = ["LOVE_STATIONS", "MatchFilesReport", "match_files", "rejects_path"]

LOVE_STATIONS: Final = 3
_REJECT_COLUMNS: Final = ("row", "path", "code", "zh", "en")

Cells = Iterable[Sequence[object]]


class MatchFilesReport(msgspec.Struct, frozen=True, kw_only=True):
    """Say how a match of files ended: total = matched + rejected, matched = inside + border + outside.

    `failures` lists the faults of riders first, then of stations (`stations.…`) and of love stations
    (`love_stations.…`), whose bad rows are left out of the match.
    """

    total: int
    matched: int
    rejected: int
    inside: int
    border: int
    outside: int
    near_love_station: int
    failures: tuple[Failure, ...]
    out: Path
    rejects: Path


def match_files(
    riders: str | Path,
    areas: str | Path,
    *,
    areas_frame: str = "wgs84",
    stations: str | Path | None = None,
    love_stations: str | Path | None = None,
    radius_m: float = 1500.0,
    border_m: float = 15.0,
    out: str | Path,
) -> MatchFilesReport:
    """Match the riders of a CSV file with areas and their three nearest love stations, into `out`.

    The rows of `out` keep the order of the riders that could be read; faults go to `rejects_path(out)`,
    which is written also when there are none. Both are written whole or not at all, and the same input
    gives the same bytes. docs/match-files.md describes the files.

    Raises Invalid where a CSV file as a whole can't be read or `out` can't be written, GeoError where
    areas or figures can't be used; nothing is written then.
    """
    target = _checked_target(Path(out), [riders, areas, stations, love_stations])
    index = AreaIndex.build(read_areas(areas, areas_frame))
    bases = _read_optional(stations, "station_ref", "stations.")
    shelters = _read_optional(love_stations, "code", "love_stations.") or PointFile()
    known = None if bases is None else dict(zip(bases.refs, bases.points, strict=True))
    people = read_point_file(Path(riders), "rider_ref", stations=known)
    lng, lat = _wgs84(people.points)
    rows = index.locate(lng, lat)
    near_border = np.isfinite(index.border_distance_m(lng, lat, border_m))
    # A point in no area has no code to be near the border of: it stays outside, and is asked about.
    statuses = np.where(rows < 0, "outside", np.where(near_border, "border", "inside"))
    codes = np.append(index.codes, "")[rows]
    nearest, metres = NearestIndex.build(*_wgs84(shelters.points)).query(lng, lat, LOVE_STATIONS, radius_m)
    failures = (*people.failures, *(bases.failures if bases else ()), *shelters.failures)
    places = zip(people.refs, codes.tolist(), statuses.tolist(), strict=True)
    love = zip(nearest.tolist(), metres.tolist(), strict=True)
    _write(target, _lines(places, love, shelters.refs), failures)
    return MatchFilesReport(
        total=people.total,
        matched=len(people.refs),
        rejected=people.rejected,
        **{status: int(np.count_nonzero(statuses == status)) for status in ("inside", "border", "outside")},
        near_love_station=int(np.count_nonzero(nearest[:, 0] >= 0)),
        failures=failures,
        out=target,
        rejects=rejects_path(target),
    )


def rejects_path(out: Path) -> Path:
    """Name the file of refused rows beside an output file: `O.csv` has `O.rejects.csv`."""
    stem = out.stem if out.suffix.lower() == ".csv" else out.name
    return out.with_name(f"{stem}.rejects.csv")


def _checked_target(out: Path, inputs: list[str | Path | None]) -> Path:
    # Replacing a device such as /dev/null would take it from the whole machine.
    if not out.parent.is_dir() or (out.exists() and not out.is_file()):
        raise Invalid(
            "输出位置不是已有文件夹中的文件；请先建文件夹，或改用别的文件名。",
            "The output is no file in an existing folder; make the folder, or give another name.",
            code="out_folder",
        )
    written = {out.resolve(), rejects_path(out).resolve()}
    if any(Path(path).resolve() in written for path in inputs if path is not None):
        raise Invalid(
            "输出文件会覆盖输入文件；请改用别的输出文件名。",
            "The output would overwrite an input; give the output another name.",
            code="out_is_input",
        )
    return out


def _read_optional(path: str | Path | None, key: str, prefix: str) -> PointFile | None:
    return None if path is None else read_point_file(Path(path), key, prefix=prefix)


def _wgs84(points: list[Point]) -> tuple[Floats, Floats]:
    """Convert points to WGS84 arrays, each from its own frame."""
    lng, lat, frames = zip(*points, strict=True) if points else ((), (), ())
    return read_points(lng, lat, list(frames))


def _lines(
    places: Iterable[tuple[str, str, str]],
    love: Iterable[tuple[list[int], list[float]]],
    love_codes: list[str],
) -> Iterator[list[str]]:
    """Give the header and one line a rider: ref, area and status, then love stations and their metres."""
    names = [name for nth in range(1, LOVE_STATIONS + 1) for name in (f"love_station_{nth}", f"metres_{nth}")]
    yield ["rider_ref", "area_code", "area_status", *names]
    for place, (rows, metres) in zip(places, love, strict=True):
        cells = list(place)
        for row, distance in zip(rows, metres, strict=True):
            cells += [love_codes[row], f"{distance:.1f}"] if row >= 0 else ["", ""]
        yield cells


def _write(out: Path, lines: Cells, failures: Sequence[Failure]) -> None:
    """Write both files beside their places first, so that a fault on the way changes neither."""
    faults = ([getattr(failure, name) for name in _REJECT_COLUMNS] for failure in failures)
    try:
        with _replacing(rejects_path(out)) as rejects, _replacing(out) as matched:
            csv.writer(matched, lineterminator="\n").writerows(lines)
            csv.writer(rejects, lineterminator="\n").writerows([_REJECT_COLUMNS, *faults])
    except OSError as fault:
        raise Invalid(
            f"写不出 {out.name} 或其退回文件；请检查文件夹权限与磁盘空间。",
            f"{out.name} or its file of refused rows can't be written; see the folder's rights and disk.",
            code="out_unwritable",
        ) from fault


@contextmanager
def _replacing(path: Path) -> Iterator[IO[str]]:
    """Open a file that takes the place of `path` when all went well, and vanishes otherwise."""
    path = path.resolve()  # a link stays a link
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
