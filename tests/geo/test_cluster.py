"""A match spread over real worker processes gives the bytes of one process, also when a worker is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from geo.areas import AreaIndex
from geo.cluster import Cluster
from geo.matching import Found, Question, match_all
from geo.nearest import NearestIndex
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
def workers(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a scheduler and two workers, each a process of its own without a guard that would restart it."""
    announced = tmp_path / "scheduler.json"
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    dask = [sys.executable, "-m", "distributed.cli"]
    with ExitStack() as stack:

        def run(*arguments: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [*arguments],
                cwd=tmp_path,
                env=environment,
                stderr=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        file = ("--scheduler-file", str(announced))
        host = ("--host", "127.0.0.1")
        run(
            f"{dask[0]}",
            "-m",
            "distributed.cli.dask_scheduler",
            *file,
            *host,
            "--port",
            "0",
            "--no-dashboard",
            "--no-show",
        )
        worker = (
            f"{dask[0]}",
            "-m",
            "distributed.cli.dask_worker",
            *file,
            *host,
            "--no-nanny",
            "--no-dashboard",
        )
        both = [run(*worker, "--nthreads", "1", "--local-directory", str(tmp_path / name)) for name in "ab"]
        deadline = time.monotonic() + 60
        while not (announced.exists() and announced.read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.1)
        import json  # noqa: PLC0415

        yield json.loads(announced.read_text())["address"], both


def test_a_worker_killed_in_the_middle_changes_no_byte(
    workers: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
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
