"""Times the demo's main job (feeds to assignments, invitations and requests) as whole processes.

Run as `python benchmarks/main_job.py --runs 5 --scale 1` (4,000 riders). Prints median, least and greatest
wall time of the whole process, and the process's own figures of time and peak memory.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time

import click


@click.command()
@click.option("--runs", default=5, show_default=True)
@click.option("--scale", default="1", show_default=True, help="1 is 4,000 riders.")
def main(runs: int, scale: str) -> None:
    """Run the job and print a Markdown table."""
    wall, inner, peak = [], [], []
    riders = 0
    for number in range(1, runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable,
                "-m",
                "rider_hub",
                "demo",
                "--no-serve",
                "--json",
                "--scale",
                scale,
                "--dir",
                folder,
            ]
            started = time.perf_counter()
            done = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603 - our own program
            wall.append(time.perf_counter() - started)
        figures = json.loads(done.stdout)
        riders = figures["riders"]
        inner.append(figures["seconds"])
        peak.append(figures["peak_mb"])
        print(f"run {number}/{runs}: {wall[-1]:.1f} s", file=sys.stderr)
    print(f"\nMain job, {riders} active riders, {runs} runs\n")
    print("| figure | median | least | greatest |\n|---|---|---|---|")
    for name, values in (("whole process, s", wall), ("main job, s", inner), ("peak memory, MB", peak)):
        print(f"| {name} | {statistics.median(values):.1f} | {min(values):.1f} | {max(values):.1f} |")


if __name__ == "__main__":
    main()
