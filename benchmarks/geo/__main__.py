"""Runs the geo engine and its peers on one scene and writes the table and the chart of docs/performance.md.

Run as `python -m benchmarks.geo --size CITY`. Every engine works in a process of its own, one after the
other; the answers are compared with each other.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np

from benchmarks.geo.engines import ENGINES, KEPT
from benchmarks.geo.extras import cold_start_s, incremental_ms
from benchmarks.geo.folder import write_scene
from benchmarks.geo.report import Line, quickest, write_report
from benchmarks.geo.scene import SIZES

REFERENCE = "geo, from WKB"


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="CITY", show_default=True)
@click.option("--repeat", default=3, show_default=True, help="Matches a process; the quickest counts.")
@click.option("--rounds", default=2, show_default=True, help="Rounds over all engines; the quickest counts.")
@click.option("--only", multiple=True, type=click.Choice(list(ENGINES)), help="These engines alone.")
@click.option("--write/--no-write", default=True, show_default=True, help="Write docs/performance.md.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Keep the scene here.")
def main(
    size: str, repeat: int, rounds: int, only: tuple[str, ...], *, write: bool, folder: Path | None
) -> None:
    """Run the benchmark and print the table."""
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        if not (place / "stations.npy").exists():
            write_scene(size, place)
        if not (place / KEPT).exists():
            _engine(KEPT, place, 0)
        load_before = os.getloadavg()[0]
        # In rounds, so that a machine that grows quieter or busier favours none.
        tried = [[_run(name, place, repeat) for name in only or ENGINES] for _ in range(rounds)]
        lines = [quickest(each) for each in zip(*tried, strict=True)]
        extras = {"cold start, s": cold_start_s(place)} | incremental_ms(place)
        write_report(size, lines, extras, load=load_before, write=write)


def _run(name: str, place: Path, repeat: int) -> Line:
    sys.stderr.write(f"{name} … ")
    sys.stderr.flush()
    done = _engine(name, place, repeat)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["no message"]
        sys.stderr.write(f"could not run: {reason[0]}\n")
        return Line(name, reason=reason[0])
    figures = json.loads(done.stdout)
    sys.stderr.write(f"load {figures['load_s']:.2f} s, match {figures['match_s']:.3f} s\n")
    return Line(name, **figures, **_differences(name, place))


def _engine(name: str, place: Path, repeat: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.geo.engines", name, str(place), str(repeat)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program


def _differences(name: str, place: Path) -> dict[str, int]:
    """Count the riders for whom this engine and ours say different areas or stations."""
    ours, theirs = place / f"{REFERENCE}.npz", place / f"{name}.npz"
    if not ours.exists():
        return {}
    with np.load(ours) as one, np.load(theirs) as other:
        return {
            "areas_differ": int(np.count_nonzero(one["areas"] != other["areas"])),
            "stations_differ": int(np.count_nonzero(one["stations"] != other["stations"])),
        }


if __name__ == "__main__":
    main()
