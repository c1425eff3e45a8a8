"""Measures taking in registrations: over HTTP into each database, against what that database does at most.

Run as `python -m benchmarks.intake` (`make bench-intake`). Each round makes fresh databases, pushes new
riders to a real `serve` process, pushes the same again, at once and as if on the next day (when each rider is
noted as seen), and then writes the very rows the service made, raw: new rows, and the same over them.
So a machine that grows quieter or busier favours neither, and ratios within a round are what counts.
"""

import asyncio
import os
import statistics
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import click

from benchmarks.intake.rounds import Figures, Plan, fill, in_turn, rounds_postgres, rounds_sqlite
from benchmarks.intake.validating import validate
from rider_hub.storage.migrate import upgrade
from tests.databases import Databases
from tests.postgres_server import shared_server

_KINDS = ("validate", "sqlite", "postgresql", "memory")
_RATES = ("raw", "raw again", "new", "unchanged", "unchanged, a day later")
_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")


@click.command()
@click.option("--rows", default=60_000, show_default=True, help="Riders a round; a third on SQLite.")
@click.option("--push", default=20_000, show_default=True, help="Riders a push.")
@click.option("--runs", default=5, show_default=True)
@click.option("--memory-rows", default=1_000_000, show_default=True)
@click.option("--suite", type=click.Choice(["intl", "sm"]), default="intl", show_default=True)
@click.option("--only", multiple=True, type=click.Choice(_KINDS), help="These figures alone.")
@click.option("--url", envvar="RIDER_HUB_TEST_POSTGRES_URL", help="A server where databases may be made.")
def main(only: tuple[str, ...], memory_rows: int, url: str | None, **given: Any) -> None:
    """Measure and print Markdown tables."""
    wanted = only or _KINDS
    with tempfile.TemporaryDirectory() as temporary:
        plan = Plan(**given, folder=Path(temporary))
        print(f"\nTaking in registrations, suite {plan.suite}, median of {plan.runs} rounds; ", end="")
        print(f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f} at the start\n")
        if "validate" in wanted:
            rate = statistics.median(validate(plan.rows) for _ in in_turn("validate", plan.runs))
            print(f"The contract alone checks {rate:,.0f} records a second of one processor.\n", flush=True)
        if "sqlite" in wanted:
            _table("SQLite", list(rounds_sqlite(replace(plan, rows=plan.rows // 3))))
        if "postgresql" in wanted or "memory" in wanted:
            with closing(Databases(url or shared_server(plan.folder, os.getpid()))) as databases:
                _on_server(plan, databases, wanted, memory_rows)


def _on_server(plan: Plan, databases: Databases, wanted: tuple[str, ...], memory_rows: int) -> None:
    template = databases.create()
    upgrade(template)
    if "postgresql" in wanted:
        asyncio.run(_say_settings(template))
        _table("PostgreSQL", list(rounds_postgres(plan, databases, template)))
    if "memory" in wanted:
        url = databases.create(template)
        asyncio.run(fill(url, replace(plan, rows=memory_rows)))
        databases.drop(url)
    databases.drop(template)


async def _say_settings(url: str) -> None:
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    said = [f"{name} {await connection.fetchval(f'SHOW {name}')}" for name in _SETTINGS]
    await connection.close()
    print(f"PostgreSQL: {', '.join(said)}\n")


def _table(title: str, rounds: list[Figures]) -> None:
    print(f"{title}, riders a second; ratios to the raw limit of the same round\n")
    print("| what | median | ratio, median | least | greatest |\n|---|---|---|---|---|")
    for name in _RATES:
        rate = statistics.median(figures[name] for figures in rounds)
        ratios = [figures[name] / figures["raw"] for figures in rounds]
        median = statistics.median(ratios)
        print(f"| {name} | {rate:,.0f} | {median:.2f} | {min(ratios):.2f} | {max(ratios):.2f} |")
    print("\n| what | median |\n|---|---|")
    for name in rounds[0]:
        if name not in _RATES:
            print(f"| {name} | {statistics.median(figures[name] for figures in rounds):,.2f} |")
    print(flush=True)


if __name__ == "__main__":
    main()
