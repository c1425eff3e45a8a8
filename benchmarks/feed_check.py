"""Times the contract check: good rows, and bad rows with every fault of each named.

Run as `python -m benchmarks.feed_check --rows 20000 --runs 5`. Prints rows a second of one core's processor
time, the median of the runs; rows are NDJSON lines as a push brings them, checked by the intake's own code.
A bad row is read field by field and put into words in both languages, and what may wait of it is packed.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import click
import msgspec

from connectors.batch import Checked
from connectors.contract import check_rows
from connectors.records import FeedType

GOAL_GOOD, GOAL_BAD = 200_000, 20_000


@click.command()
@click.option("--rows", default=20_000, show_default=True)
@click.option("--runs", default=5, show_default=True)
def main(rows: int, runs: int) -> None:
    """Time each kind of row and print a Markdown table."""
    print(f"\nContract check, {rows} rows, median of {runs} runs, rows a second of processor time\n")
    print("| rows | faults a row | rows/s | goal |\n|---|---|---|---|")
    for name, feed_type, make, goal in KINDS:
        lines = [(n, msgspec.json.encode(make(n))) for n in range(1, rows + 1)]
        good, faults = _counts(lines, feed_type)
        if (goal == GOAL_GOOD) != (good == rows):
            raise click.ClickException(f"{name}: {good} of {rows} rows are good")
        figure = statistics.median(_rate(lines, feed_type) for _ in range(runs))
        print(f"| {name} | {faults / rows:.0f} | {figure:,.0f} | {goal:,} |", flush=True)


def _rate(lines: list[tuple[int, bytes]], feed_type: FeedType) -> float:
    started = time.process_time()
    for _ in check_rows(lines, feed_type=feed_type):
        pass
    return len(lines) / (time.process_time() - started)


def _counts(lines: list[tuple[int, bytes]], feed_type: FeedType) -> tuple[int, int]:
    good = faults = 0
    for outcome in check_rows(lines, feed_type=feed_type):
        if isinstance(outcome, Checked):
            good += 1
        else:
            faults += len(outcome.failures)
    return good, faults


def _dedicated(number: int) -> dict[str, Any]:
    return {
        "record_id": f"R{number:07d}-1",
        "platform_rider_ref": f"R{number:07d}",
        "employment": "dedicated",
        "station_ref": f"S-{number % 500}",
        "effective_at": "2026-10-01T00:00:00+08:00",
        "updated_at": "2026-10-01T09:00:00+08:00",
    }


def _crowdsourced(number: int) -> dict[str, Any]:
    area = {"lng": round(116.3 + number % 200 / 1000, 3), "lat": 39.9, "frame": "gcj02"}
    return _dedicated(number) | {"employment": "crowdsourced", "station_ref": None, "work_area": area}


def _tier_b(number: int) -> dict[str, Any]:
    return _dedicated(number) | {
        "name": f"骑手{number:07d}",
        "phone": f"199{number:08d}",
        "id_hash": "0" * 64,
    }


def _station(number: int) -> dict[str, Any]:
    return {
        "station_ref": f"S-{number}",
        "name": f"第{number}配送站",
        "lng": 116.3 + number % 9999 / 1e5,
        "lat": 39.9,
        "frame": "wgs84",
        "updated_at": "2026-10-01T09:00:00+08:00",
    }


def _one_fault(number: int) -> dict[str, Any]:
    return _tier_b(number) | {"phone": "12345"}


def _misspelt(number: int) -> dict[str, Any]:
    return _tier_b(number) | {"stationref": f"S-{number}"}


def _precise(number: int) -> dict[str, Any]:
    return _crowdsourced(number) | {"work_area": {"lng": 116.312345, "lat": 39.912345, "frame": "gcj02"}}


def _many_faults(number: int) -> dict[str, Any]:
    return _tier_b(number) | {
        "employment": "astronaut",
        "station_ref": 7,
        "effective_at": "yesterday",
        "updated_at": "2026-10-01T09:00:00",
        "phone": "12345",
        "id_hash": "xyz",
        "x": 1,
    }


def _forbidden(number: int) -> dict[str, Any]:
    return _tier_b(number) | {"last_lng": 116.3}


Make = Callable[[int], dict[str, Any]]
KINDS: tuple[tuple[str, FeedType, Make, int], ...] = (
    ("good: dedicated, tier A", "registration", _dedicated, GOAL_GOOD),
    ("good: crowdsourced with a point", "registration", _crowdsourced, GOAL_GOOD),
    ("good: tier B", "registration", _tier_b, GOAL_GOOD),
    ("good: station", "station", _station, GOAL_GOOD),
    ("bad: a phone", "registration", _one_fault, GOAL_BAD),
    ("bad: an unknown field", "registration", _misspelt, GOAL_BAD),
    ("bad: a point too precise", "registration", _precise, GOAL_BAD),
    ("bad: seven fields", "registration", _many_faults, GOAL_BAD),
    ("bad: a forbidden field", "registration", _forbidden, GOAL_BAD),
)


if __name__ == "__main__":
    main()
