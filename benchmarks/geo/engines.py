"""One engine does the whole work in its own process: `python -m benchmarks.geo.engines NAME FOLDER REPEAT`.

The work: the area that holds each rider, and the nearest love station within 1.5 km. Imports are not timed.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from benchmarks.geo.folder import points
from benchmarks.geo.peers import PEERS

__all__ = ["ENGINES", "KEPT"]

#: The file of the kept index; as the name of an engine it has that file made, in a process of its own.
KEPT = "areas.index"

RADIUS_M = 1500.0
_LEAST_S = 3.0


def ours_kept(folder: Path) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Give loading and matching with the index kept in a file, and the net of stations cast."""
    from geo.areas import AreaIndex  # noqa: PLC0415 - each engine imports its own
    from geo.kernels.__main__ import compile_all  # noqa: PLC0415
    from geo.matching import Question, match_all  # noqa: PLC0415
    from geo.nearest import NearestIndex  # noqa: PLC0415

    compile_all()
    riders = points(folder, "riders")
    kept = folder / KEPT

    def load() -> Question:
        stations = NearestIndex.build(*points(folder, "stations"))
        stations.prepare(RADIUS_M)
        return Question(AreaIndex.load(kept), stations, 1, RADIUS_M)

    return load, lambda question: _found(match_all(*riders, question))


def ours_one_shot(folder: Path) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Give loading from the boundary file, by way of well-known binary, and matching."""
    from geo.kernels.__main__ import compile_all  # noqa: PLC0415
    from geo.matching import Question, match_all  # noqa: PLC0415
    from geo.nearest import NearestIndex  # noqa: PLC0415

    compile_all()
    riders = points(folder, "riders")

    def load() -> Question:
        return Question(_from_parquet(folder), NearestIndex.build(*points(folder, "stations")), 1, RADIUS_M)

    return load, lambda question: _found(match_all(*riders, question))


def ours_frame(folder: Path) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Give loading by way of a GeoDataFrame, and matching."""
    import geopandas as gpd  # noqa: PLC0415

    from geo.areas import AreaIndex  # noqa: PLC0415
    from geo.kernels.__main__ import compile_all  # noqa: PLC0415
    from geo.matching import Question, match_all  # noqa: PLC0415
    from geo.nearest import NearestIndex  # noqa: PLC0415

    compile_all()
    riders = points(folder, "riders")

    def load() -> Question:
        areas = AreaIndex.build(gpd.read_parquet(folder / "areas.parquet"))
        return Question(areas, NearestIndex.build(*points(folder, "stations")), 1, RADIUS_M)

    return load, lambda question: _found(match_all(*riders, question))


def _from_parquet(folder: Path) -> Any:
    import pyarrow.parquet as pq  # noqa: PLC0415

    from geo.areas import AreaIndex  # noqa: PLC0415

    table = pq.read_table(folder / "areas.parquet", columns=["code", "geometry"], memory_map=True)
    return AreaIndex.from_wkb(_Column(table["geometry"]), table["code"].to_pylist())


class _Column(Sequence[bytes]):
    """A column of a table as a sequence that makes Python's own bytes of a slice when it is asked for."""

    def __init__(self, column: Any) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        if isinstance(at, slice):
            return list(self._column[at].to_pylist())
        return bytes(self._column[at].as_py())


def _peak_mb() -> float:
    """Give the most memory this process ever held.

    By Linux's own count: that of `resource` begins with what the process held that started this one.
    """
    words = Path("/proc/self/status").read_text(encoding="ascii").split()
    return int(words[words.index("VmHWM:") + 1]) / 1024


def _found(found: Any) -> tuple[Any, Any]:
    return found.areas, found.stations[:, 0]


ENGINES = {
    "geo, index kept": ours_kept,
    "geo, from WKB": ours_one_shot,
    "geo, from a frame": ours_frame,
} | PEERS


def main() -> None:
    """Run one engine and print its figures."""
    name, folder, repeat = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if name == KEPT:
        _from_parquet(folder).save(folder / KEPT)
        return
    load, match = ENGINES[name](folder)
    started = time.perf_counter()
    loaded = load()
    load_s = time.perf_counter() - started
    match_s: list[float] = []
    # Short matches are made more often, so that one that was disturbed is not the only one.
    while len(match_s) < repeat or sum(match_s) < _LEAST_S:
        started = time.perf_counter()
        areas, stations = match(loaded)
        match_s.append(time.perf_counter() - started)
    figures = {"load_s": load_s, "first_s": match_s[0], "match_s": min(match_s), "peak_mb": _peak_mb()}
    np.savez(folder / f"{name}.npz", areas=areas, stations=stations)
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
