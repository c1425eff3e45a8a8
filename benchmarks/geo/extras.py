"""What no peer has: an edit and its riders in milliseconds, and the start of a process with an index kept."""

import gc
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
from geo.kernels.__main__ import compile_all
from geo.matching import Question, match_all
from geo.nearest import NearestIndex
from geo.points import Rows

__all__ = ["cold_start_s", "incremental_ms"]

_RUNS = 500
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
    """Measure edits of areas, and stations that open and close, each with the match of its riders.

    The index is one just loaded, and at CITY the edits outgrow its arrays. Kernels are loaded before, and
    Python's collector looks at nothing made before the first edit, as a server would have it.
    """
    compile_all()
    random = np.random.default_rng(5)
    rows = random.integers(0, len(AreaIndex.load(place / "areas.index", verify=False)), _RUNS)
    bitten = _bitten(place, rows)
    index, riders = AreaIndex.load(place / "areas.index"), points(place, "riders")
    stations = NearestIndex.build(*points(place, "stations"))
    question, kept = Question(index, stations), KeptPoints.build(*riders)
    found = match_all(*riders, question)
    edits, opens, concerned = _Times(), _Times(), []
    gc.collect()
    gc.freeze()
    for row, shape in zip(rows.tolist(), bitten, strict=True):
        with edits:
            named = by_edit(kept, index.edit(row, shape))
            rematch(kept, named, question, found)
        concerned.append(len(named))
        at = float(riders[0][row]), float(riders[1][row])
        with opens:
            station = stations.add(*at)
            rematch(kept, by_place(kept, *at, question.radius_m), question, found)
        with opens:
            stations.remove(station)
            rematch(kept, by_place(kept, *at, question.radius_m), question, found)
    gc.unfreeze()
    return (
        edits.told("an area edited and its riders matched")
        | opens.told("a station opened or closed and its riders matched")
        | {"riders concerned by an edit (median)": statistics.median(concerned)}
    )


class _Times:
    """Milliseconds of a step that is made many times, by the clock and of the processor."""

    def __init__(self) -> None:
        self._wall: list[float] = []
        self._processor: list[float] = []

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self._wall.append(1000 * (time.perf_counter() - self._began[0]))
        self._processor.append(1000 * (time.process_time() - self._began[1]))

    def told(self, what: str) -> dict[str, float]:
        """Say how the times lie: waiting for a processor is in those by the clock alone."""
        return {
            f"{what}, ms: first of {len(self._wall)}": self._wall[0],
            f"{what}, ms: median": statistics.median(self._wall),
            f"{what}, ms: 95th percentile": float(np.percentile(self._wall, 95)),
            f"{what}, ms: longest": max(self._wall),
            f"{what}, ms of processor: longest": max(self._processor),
        }


def _bitten(place: Path, rows: Rows) -> list[shapely.Geometry]:
    """Give the areas of some rows, each with a bite out of its border."""
    outlines = AreaIndex.load(place / "areas.index", verify=False)._state.outlines  # noqa: SLF001 - a benchmark
    shapes = shapes_of(outlines, rows)
    corners = [shapely.get_coordinates(shape)[7] for shape in shapes]
    bites = shapely.buffer(shapely.points(corners), 0.001)
    return list(shapely.difference(shapes, bites))
