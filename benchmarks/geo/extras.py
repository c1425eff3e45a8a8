"""What no peer has: an edit and its riders in milliseconds, and the start of a process with an index kept."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import shapely

from benchmarks.geo.folder import points
from geo.area_arrays import shapes_of
from geo.areas import AreaIndex
from geo.incremental import by_edit, by_place, rematch
from geo.kept_points import KeptPoints
from geo.matching import Question, match_all
from geo.nearest import NearestIndex

__all__ = ["cold_start_s", "incremental_ms"]

_RUNS = 40
_START = """
from geo.areas import AreaIndex
index = AreaIndex.load({path!r}, verify=False)
assert index.locate([{lng}], [{lat}])[0] >= -1
"""


def cold_start_s(place: Path, runs: int = 5) -> float:
    """Measure a whole new process that loads the kept index and locates one rider; the quickest counts."""
    lng, lat = points(place, "riders")
    code = _START.format(path=str(place / "areas.index"), lng=lng[0], lat=lat[0])
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own program
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def incremental_ms(place: Path) -> dict[str, float]:
    """Measure edits of areas, and stations that open and close, each with the match of its riders."""
    random = np.random.default_rng(5)
    index, riders = AreaIndex.load(place / "areas.index"), points(place, "riders")
    stations = NearestIndex.build(*points(place, "stations"))
    question, kept = Question(index, stations), KeptPoints.build(*riders)
    found = match_all(*riders, question)
    edits, opens, concerned = [], [], []
    for row in random.integers(0, len(index), _RUNS).tolist():
        shape = shapes_of(index._state.outlines, np.array([row]))[0]  # noqa: SLF001 - a benchmark
        bitten = shape.difference(shapely.Point(shapely.get_coordinates(shape)[7]).buffer(0.001))
        started = time.perf_counter()
        rows = by_edit(kept, index.edit(row, bitten))
        rematch(kept, rows, question, found)
        edits.append(1000 * (time.perf_counter() - started))
        concerned.append(len(rows))
        at = float(riders[0][row]), float(riders[1][row])
        started = time.perf_counter()
        station = stations.add(*at)
        rematch(kept, by_place(kept, *at, question.radius_m), question, found)
        stations.remove(station)
        rematch(kept, by_place(kept, *at, question.radius_m), question, found)
        opens.append(1000 * (time.perf_counter() - started) / 2)
    return {
        "an area edited and its riders matched, ms (median)": statistics.median(edits),
        "the same, ms (95th percentile)": float(np.percentile(edits, 95)),
        "a station opened or closed and its riders matched, ms (median)": statistics.median(opens),
        "riders concerned by an edit (median)": statistics.median(concerned),
    }
