"""A match spread over real worker processes gives the bytes of one process, also when a worker is killed."""

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from geo.areas import AreaIndex
from geo.cluster import Cluster
from geo.matching import Found, Question, match_all
from geo.nearest import NearestIndex
from tests.dask_workers import Workers, dask_workers
from tests.geo.shapes import awkward_points, tessellation


def question(path: Path) -> Question:
    """Give a question whose index lies in a file, as workers need it."""
    random = np.random.default_rng(1)
    AreaIndex.build(tessellation(1, 6, 6)).save(path)
    stations = NearestIndex.build(random.uniform(116.3, 116.37, 50), random.uniform(39.8, 39.87, 50))
    return Question(AreaIndex.load(path), stations, k=3, radius_m=900.0, border_m=15.0)


def points() -> tuple[np.ndarray, np.ndarray]:
    """Give 40,000 points, many on and about borders."""
    lng, lat = awkward_points(tessellation(1, 6, 6), 1, 10_000)
    return lng[:40_000], lat[:40_000]


def same_bytes(one: Found, other: Found) -> bool:
    """Compare answers bit for bit."""
    return [array.tobytes() for array in one.arrays()] == [array.tobytes() for array in other.arrays()]


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    """Run a scheduler and two workers, each a process of its own without a guard that would restart it."""
    with dask_workers(tmp_path) as running:
        yield running


def test_a_worker_killed_in_the_middle_changes_no_byte(workers: Workers, tmp_path: Path) -> None:
    """One of two workers is killed after the first answers; the answers are those of one process."""
    address, processes = workers
    asked, (lng, lat) = question(tmp_path / "areas.index"), points()
    alone = match_all(lng, lat, asked)
    with Cluster(address) as cluster:
        cluster._client.wait_for_workers(2, timeout=60)
        assert same_bytes(match_all(lng, lat, asked, executor=cluster, part=5_000), alone)
        killed = []

        class Killing:
            def map(self, fn: object, /, *iterables: object) -> Iterator[object]:
                for answer in cluster.map(fn, *iterables):  # type: ignore[arg-type]
                    yield answer
                    if not killed:
                        processes[0].send_signal(signal.SIGKILL)
                        killed.append(processes[0].wait())

        assert same_bytes(match_all(lng, lat, asked, executor=Killing(), part=500), alone)
        assert killed == [-signal.SIGKILL]
        assert len(cluster._client.scheduler_info()["workers"]) == 1


def test_threads_and_processes_are_executors_too(tmp_path: Path) -> None:
    """Any executor with an ordered map does, and an index without a file travels whole."""
    asked, (lng, lat) = question(tmp_path / "areas.index"), points()
    alone = match_all(lng, lat, asked)
    with ThreadPoolExecutor(2) as threads:
        assert same_bytes(match_all(lng, lat, asked, executor=threads, part=7_001), alone)
    fileless = Question(AreaIndex.build(tessellation(1, 6, 6)), asked.stations, 3, 900.0, 15.0)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        assert same_bytes(match_all(lng, lat, fileless, executor=processes, part=20_000), alone)


def test_no_points_give_empty_answers(tmp_path: Path) -> None:
    """Nothing in, nothing out, of the right shapes, with and without an executor."""
    asked = question(tmp_path / "areas.index")
    with ThreadPoolExecutor(1) as threads:
        for found in (match_all([], [], asked), match_all([], [], asked, executor=threads)):
            assert [array.shape for array in found.arrays()] == [(0,), (0,), (0, 3), (0, 3)]
