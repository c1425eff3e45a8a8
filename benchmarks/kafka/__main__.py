"""Measures streams by Kafka into PostgreSQL, three partitions and two readers.

Run as `python -m benchmarks.kafka` (`make bench-kafka`). Each round makes fresh databases and takes the same
riders in twice: pushed over HTTP to a `serve` process, and from a topic by two `stream` processes, both
from the first byte sent to the last row committed; so a machine that grows quieter or busier favours neither.
Then a reader dies by kill -9 while messages come, and all readers pause while they come.
"""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.intake.people import bodies
from benchmarks.intake.rounds import Figures, in_turn
from benchmarks.intake.service import serving
from benchmarks.kafka.course import pause, take_over
from benchmarks.kafka.site import PARTITIONS, Reader, opened
from rider_hub.storage.migrate import upgrade
from tests.databases import Databases
from tests.kafka_server import Broker
from tests.postgres_server import shared_server

_READERS = 2
_KINDS = ("rate", "take-over", "pause")


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rows: int
    push: int
    runs: int
    suite: str
    session: int
    kills: int
    pause: int
    rate: int
    folder: Path


@click.command()
@click.option("--rows", default=120_000, show_default=True, help="Riders a round.")
@click.option("--push", default=20_000, show_default=True, help="Riders a push.")
@click.option("--runs", default=5, show_default=True)
@click.option("--suite", type=click.Choice(["intl", "sm"]), default="intl", show_default=True)
@click.option("--session", default=10, show_default=True, help="Session time-out of readers, seconds.")
@click.option("--kills", default=3, show_default=True, help="How often a reader is killed.")
@click.option("--pause", default=600, show_default=True, help="Seconds without a reader.")
@click.option("--rate", default=1_000, show_default=True, help="Messages a second that come meanwhile.")
@click.option("--only", multiple=True, type=click.Choice(_KINDS), help="These figures alone.")
@click.option("--url", envvar="RIDER_HUB_TEST_POSTGRES_URL", help="A server where databases may be made.")
def main(only: tuple[str, ...], url: str | None, **given: int | str) -> None:
    """Measure and print Markdown tables."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what runs beside ends, too
    with tempfile.TemporaryDirectory() as temporary:
        plan = Plan(**given, folder=Path(temporary))  # type: ignore[arg-type]
        print(f"\nStreams, suite {plan.suite}, {PARTITIONS} partitions, {_READERS} readers; ", end="")
        print(
            f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f} at the start\n", flush=True
        )
        broker = Broker(heap_mb=1024)
        try:
            broker.start()
            with closing(Databases(url or shared_server(plan.folder, os.getpid()))) as databases:
                _measure(plan, broker.bootstrap, databases, only or _KINDS)
        finally:
            broker.remove()


def _measure(plan: Plan, kafka: str, databases: Databases, wanted: tuple[str, ...]) -> None:
    template = databases.create()
    upgrade(template)
    if "rate" in wanted:
        _print_rates([_round(plan, kafka, databases, template, n) for n in in_turn("rate", plan.runs)])
    if "take-over" in wanted or "pause" in wanted:
        url = databases.create(template)
        asyncio.run(_course(plan, kafka, url, wanted))
        databases.drop(url)
    databases.drop(template)


def _round(plan: Plan, kafka: str, databases: Databases, template: str, number: int) -> Figures:
    figures: Figures = {}
    pushed, streamed = databases.create(template), databases.create(template)
    figures |= asyncio.run(_push(plan, pushed, plan.folder / f"push{number}"))
    figures |= asyncio.run(_stream(plan, kafka, streamed, plan.folder / f"stream{number}"))
    databases.drop(pushed)
    databases.drop(streamed)
    print("    " + ", ".join(f"{name} {figure:,.2f}" for name, figure in figures.items()), flush=True)
    return figures


async def _push(plan: Plan, url: str, folder: Path) -> Figures:
    sent = list(bodies(plan.rows, plan.push))
    async with serving(url, folder, plan.suite) as service:
        before = service.cpu_s()
        took = await service.push(sent)
        return {"pushed": plan.rows / took, "pushed: processors busy": (service.cpu_s() - before) / took}


async def _stream(plan: Plan, kafka: str, url: str, folder: Path) -> Figures:
    async with opened(kafka, url, folder, plan.suite, plan.session) as site:
        batches = site.batches(range(plan.rows))
        await site.start_readers(_READERS)
        before, started = _cpu_s(site.readers), time.perf_counter()
        await site.send(batches)
        await site.until_read()
        took = time.perf_counter() - started
        busy = (_cpu_s(site.readers) - before) / took
        return {"streamed": plan.rows / took, "streamed: processors busy": busy}


def _cpu_s(readers: list[Reader]) -> float:
    return sum(reader.cpu_s() for reader in readers)


def _print_rates(rounds: list[Figures]) -> None:
    ratios = [figures["streamed"] / figures["pushed"] for figures in rounds]
    print("\n| what | median | least | greatest |\n|---|---|---|---|")
    for name in rounds[0]:
        values = [figures[name] for figures in rounds]
        form = ",.0f" if name in {"pushed", "streamed"} else ",.2f"
        cells = (format(one, form) for one in (statistics.median(values), min(values), max(values)))
        print(f"| {name}{', riders a second' if form == ',.0f' else ''} | {' | '.join(cells)} |")
    median = statistics.median(ratios)
    print(
        f"| streamed to pushed, of each round | {median:.2f} | {min(ratios):.2f} | {max(ratios):.2f} |\n",
        flush=True,
    )


async def _course(plan: Plan, kafka: str, url: str, wanted: tuple[str, ...]) -> None:
    print("| what | figure | goal |\n|---|---|---|", flush=True)
    async with opened(kafka, url, plan.folder / "course", plan.suite, plan.session) as site:
        if "take-over" in wanted:
            took = [await take_over(site, _READERS) for _ in in_turn("take-over", plan.kills)]
            told = f"{statistics.median(took):.1f} s ({min(took):.1f} to {max(took):.1f})"
            print(
                f"| take-over after kill -9, {plan.kills} times | {told} | {plan.session + 5} s |", flush=True
            )
        if "pause" in wanted:
            left, behind = await pause(site, _READERS, plan.pause, plan.rate)
            rate = (behind + left * plan.rate) / left
            told = f"{left:.0f} s for {behind:,} behind: {rate / plan.rate:.1f} times the input"
            print(
                f"| to the end after {plan.pause} s at {plan.rate:,} a second | {told} | 5 times |\n",
                flush=True,
            )


if __name__ == "__main__":
    main()
