"""Times what sealing costs a row, in both suites: envelope, opening, index, and a whole registration.

Run as `python -m benchmarks.sealing --rows 20000 --runs 7`. Prints microseconds of processor time a row, the
least and the median of the runs: waiting for other work on the machine is not in it, though what that work
does to caches is. A registration is its envelope (name, phone) and its indexes (phone, last four digits,
name, identity), made for batches of 1,000 as they are taken in. A new rider's is that with its keyed digest,
the mark that asks whether it was erased, and what stands for a first phone: all that keys do when a row comes
in.
"""

import statistics
import time
from collections.abc import Callable, Sequence

import click

from rider_hub.access import Keyring
from rider_hub.riders import indexes
from rider_hub.riders.tombstones import marks_of
from rider_hub.storage import new_id

Person = tuple[str, dict[str, str]]
Work = Callable[[Sequence[Person]], object]

_BATCH = 1000


@click.command()
@click.option("--rows", default=20_000, show_default=True)
@click.option("--runs", default=7, show_default=True)
def main(rows: int, runs: int) -> None:
    """Time both suites and print a Markdown table."""
    people = [(new_id(), {"name": f"骑手{n:05d}", "phone": f"199{n:08d}"}) for n in range(rows)]
    print(f"\nSealing, {rows} rows, {runs} runs, µs of processor time a row: least, median\n")
    print("| suite | seal | seal_many | unseal | blind | blind_many | registration | a new rider's |")
    print("|---|---|---|---|---|---|---|---|")
    for suite in ("intl", "sm"):
        keys = Keyring.new(suite)
        figures = [_times(work, people, runs) for work in _works(keys, people)]
        print(f"| {suite} | " + " | ".join(figures) + " |")


def _works(keys: Keyring, people: Sequence[Person]) -> list[Work]:
    sealed = {row: keys.seal("personal", (*indexes.SEALED, row), said) for row, said in people}
    return [
        lambda some: [keys.seal("personal", (*indexes.SEALED, row), said) for row, said in some],
        lambda some: keys.seal_many("personal", indexes.SEALED, some),
        lambda some: [keys.unseal("personal", (*indexes.SEALED, row), sealed[row]) for row, _ in some],
        lambda some: [indexes.phone_index(keys, said["phone"]) for _, said in some],
        lambda some: keys.blind_many("index", "phone", [said["phone"] for _, said in some]),
        lambda some: _registrations(keys, some),
        lambda some: _new_riders(keys, some),
    ]


def _registrations(keys: Keyring, some: Sequence[Person]) -> None:
    indexes.person_columns(keys, some)
    indexes.identity_indexes(keys, [row * 2 for row, _ in some])


def _new_riders(keys: Keyring, some: Sequence[Person]) -> None:
    _registrations(keys, some)
    rows = [row for row, _ in some]
    keys.blind_many("lasting", "digest", [row * 2 for row in rows])
    indexes.no_phones_yet(keys, rows)
    marks_of(keys, "ding", rows)


def _times(work: Work, people: Sequence[Person], runs: int) -> str:
    took = []
    for _ in range(runs):
        started = time.process_time()
        for at in range(0, len(people), _BATCH):
            work(people[at : at + _BATCH])
        took.append((time.process_time() - started) / len(people) * 1e6)
    return f"{min(took):.1f}, {statistics.median(took):.1f}"


if __name__ == "__main__":
    main()
