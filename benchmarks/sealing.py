"""Times what sealing costs a row, in both suites: envelope, opening, index, and a whole registration.

Run as `python -m benchmarks.sealing --rows 20000 --runs 5`. Prints microseconds of processor time a row, the
median of the runs: other work on the machine is not in it. A whole registration is its envelope (name, phone)
with its indexes (phone, last four digits, name, identity) and its keyed digest: all that keys do when a row
is taken in.
"""

import statistics
import time
from collections.abc import Callable, Sequence

import click

from rider_hub.access import Keyring
from rider_hub.riders import indexes
from rider_hub.storage import new_id

Person = tuple[str, str, str]


@click.command()
@click.option("--rows", default=20_000, show_default=True)
@click.option("--runs", default=5, show_default=True)
def main(rows: int, runs: int) -> None:
    """Time both suites and print a Markdown table."""
    people = [(new_id(), f"骑手{n:05d}", f"199{n:08d}") for n in range(rows)]
    print(f"\nSealing, {rows} rows, median of {runs} runs, µs of processor time a row\n")
    print("| suite | seal | unseal | blind | whole registration |\n|---|---|---|---|---|")
    for suite in ("intl", "sm"):
        keys = Keyring.new(suite)
        figures = [_median(work, people, runs) for work in _works(keys, people)]
        print(f"| {suite} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |")


def _works(keys: Keyring, people: Sequence[Person]) -> list[Callable[[Person], object]]:
    sealed = {row: _seal(keys, (row, name, phone)) for row, name, phone in people}
    return [
        lambda person: _seal(keys, person),
        lambda person: keys.unseal("personal", ("registration", person[0]), sealed[person[0]]),
        lambda person: indexes.phone_index(keys, person[2]),
        lambda person: _registration(keys, person),
    ]


def _seal(keys: Keyring, person: Person) -> bytes:
    row, name, phone = person
    return keys.seal("personal", ("registration", row), {"name": name, "phone": phone})


def _registration(keys: Keyring, person: Person) -> tuple[bytes, ...]:
    row, name, phone = person
    return (
        _seal(keys, person),
        indexes.phone_index(keys, phone),
        indexes.phone4_index(keys, phone),
        indexes.name_index(keys, name),
        indexes.identity_index(keys, row * 2),
        keys.blind("lasting", "digest", row * 2),
    )


def _median(work: Callable[[Person], object], people: Sequence[Person], runs: int) -> float:
    took = []
    for _ in range(runs):
        started = time.process_time()
        for person in people:
            work(person)
        took.append((time.process_time() - started) / len(people) * 1e6)
    return statistics.median(took)


if __name__ == "__main__":
    main()
