"""The rounds of each database: pushed over HTTP, pushed again, and written raw; and a filling, for memory."""

import asyncio
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.intake import raw
from benchmarks.intake.people import bodies
from benchmarks.intake.service import serving
from rider_hub.storage.migrate import upgrade
from tests.databases import Databases

__all__ = ["Figures", "Plan", "fill", "in_turn", "rounds_postgres", "rounds_sqlite"]

Figures = dict[str, float]
_RAW_PART = 10_000
_RAW_SQLITE_PART = 1_000
_MEMORY_PUSH = 100_000


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rows: int
    push: int
    runs: int
    suite: str
    folder: Path


def rounds_postgres(plan: Plan, databases: Databases, template: str) -> Iterator[Figures]:
    """Yield the figures of each round on PostgreSQL: rows a second, and what the service took."""
    sent = list(bodies(plan.rows, plan.push))
    for number in in_turn("postgresql", plan.runs):
        ours, theirs = databases.create(template), databases.create(template)
        figures = asyncio.run(_pushed(ours, plan.folder / f"pg{number}", sent, plan))
        tables = asyncio.run(raw.read_postgres(ours))
        for name in ("raw", "raw again"):
            figures[name] = plan.rows / asyncio.run(raw.raw_postgres(theirs, tables, _RAW_PART))
        databases.drop(ours)
        databases.drop(theirs)
        yield _said(figures)


def rounds_sqlite(plan: Plan) -> Iterator[Figures]:
    """Yield the figures of each round on SQLite."""
    sent = list(bodies(plan.rows, plan.push))
    template = plan.folder / "template.db"
    upgrade(f"sqlite+aiosqlite:///{template}")
    for number in in_turn("sqlite", plan.runs):
        ours, theirs = plan.folder / f"ours{number}.db", plan.folder / f"theirs{number}.db"
        for path in (ours, theirs):
            shutil.copyfile(template, path)
        url = f"sqlite+aiosqlite:///{ours}"
        figures = asyncio.run(_pushed(url, plan.folder / f"sqlite{number}", sent, plan))
        tables = raw.read_sqlite(ours)
        for name in ("raw", "raw again"):
            figures[name] = plan.rows / raw.raw_sqlite(theirs, tables, _RAW_SQLITE_PART)
        yield _said(figures)


async def _pushed(url: str, folder: Path, sent: list[bytes], plan: Plan) -> Figures:
    figures: Figures = {}
    async with serving(url, folder, plan.suite) as service:
        for name in ("new", "unchanged", "unchanged, a day later"):
            if name == "unchanged, a day later":
                await raw.age(url)
            before = service.cpu_s()
            took = await service.push(sent)
            figures[name] = plan.rows / took
            figures[f"{name}: processors busy in the service"] = (service.cpu_s() - before) / took
        figures["longest wait of a small request, ms"] = service.longest_wait_s * 1000
        figures["most memory of the service, MB"] = service.memory_mb("VmHWM")
    return figures


async def fill(url: str, plan: Plan) -> None:
    """Push new riders until there are as many as planned, and print the service's memory on the way."""
    print(f"Memory of the service over {plan.rows:,} new riders in pushes of {_MEMORY_PUSH:,}\n")
    print("| riders | now, MB | at most, MB |\n|---|---|---|")
    async with serving(url, plan.folder / "memory", plan.suite) as service:
        done = 0
        while True:
            print(f"| {done:,} | {service.memory_mb():.0f} | {service.memory_mb('VmHWM'):.0f} |", flush=True)
            if done >= plan.rows:
                break
            part = min(_MEMORY_PUSH, plan.rows - done)
            await service.push(bodies(part, _MEMORY_PUSH, first=done))
            done += part
    print()


def in_turn(what: str, runs: int) -> Iterable[int]:
    """Count runs from 1 and show where they are."""
    for number in range(1, runs + 1):
        print(f"{what} {number}/{runs}", file=sys.stderr)
        yield number


def _said(figures: Figures) -> Figures:
    print("    " + ", ".join(f"{name} {figure:,.2f}" for name, figure in figures.items()), file=sys.stderr)
    return figures
