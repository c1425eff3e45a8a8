"""A Dask scheduler and two workers, each a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["Workers", "dask_workers"]

Workers = tuple[str, list[subprocess.Popen[bytes]]]


@contextmanager
def dask_workers(tmp_path: Path) -> Iterator[Workers]:
    """Run a scheduler and two workers, each a process of its own without a guard that would restart it."""
    announced = tmp_path / "scheduler.json"
    root = Path(__file__).parents[1]
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
        yield json.loads(announced.read_text())["address"], both
