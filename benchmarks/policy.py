"""Times what the policy costs a request: who may, as whom, and the condition every query takes.

Run as `python -m benchmarks.policy --runs 7`. Prints microseconds of processor time, the median of the runs.
A request asks the guard of its route and the policy again in its use case (third line); each query then takes
the scope's condition. A region of 30 divisions is an office that spans streets.
"""

import statistics
import time
from collections.abc import Callable

import click
from sqlalchemy import Column, MetaData, String, Table

from rider_hub.access import Actor, Role, Scope
from rider_hub.access.policy import acting, allows, require

_TABLE = Table("t", MetaData(), Column("division", String(12)), Column("platform", String(32)))
_ROUNDS = 20_000


@click.command()
@click.option("--runs", default=7, show_default=True)
def main(runs: int) -> None:
    """Time each step and print a Markdown table."""
    print(f"\nPolicy, median of {runs} runs of {_ROUNDS}, µs of processor time\n")
    print("| step | one division | 30 divisions |\n|---|---|---|")
    small, wide = _actor(1), _actor(30)
    for name, step in _STEPS.items():
        figures = [_median(lambda actor=actor, step=step: step(actor), runs) for actor in (small, wide)]
        print(f"| {name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")


def _actor(divisions: int) -> Actor:
    codes = tuple(f"110101{number:03d}" for number in range(1, divisions + 1))
    return Actor("user:x", "x", frozenset({Role.STREET_STAFF, Role.BRANCH_SECRETARY}), Scope(codes))


def _condition(actor: Actor) -> object:
    return actor.scope.where(_TABLE.c.division, _TABLE.c.platform)


def _whole(actor: Actor) -> object:
    allows(actor, "riders.view")
    who = acting(actor, "riders.view")
    require(who, "riders.view")
    return who


_STEPS: dict[str, Callable[[Actor], object]] = {
    "may the role do it": lambda actor: allows(actor, "riders.view"),
    "as whom (emergency access)": lambda actor: acting(actor, "riders.view"),
    "the policy check of a request": _whole,
    "the condition of its query": _condition,
}


def _median(step: Callable[[], object], runs: int) -> float:
    took = []
    for _ in range(runs):
        started = time.process_time()
        for _ in range(_ROUNDS):
            step()
        took.append((time.process_time() - started) / _ROUNDS * 1e6)
    return statistics.median(took)


if __name__ == "__main__":
    main()
