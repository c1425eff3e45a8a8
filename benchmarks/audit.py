"""Times the audit trail: what recording costs a look, rows sealed a second, rows verified a second.

Run as `python -m benchmarks.audit --rows 20000`; an empty PostgreSQL database to fill is named with
`--url postgresql+asyncpg://…`, otherwise SQLite in a temporary folder. One run, wall clock, one process.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from rider_hub.access import Actor, Hub, Keyring, Role, Scope
from rider_hub.access.audit import record
from rider_hub.access.heads import read_heads
from rider_hub.access.sealer import Sealer
from rider_hub.access.verify import verify
from rider_hub.clock import SystemClock
from rider_hub.settings import Settings
from rider_hub.storage import Database, new_id
from rider_hub.storage.migrate import upgrade

_ACTOR = Actor("user:bench", "", frozenset({Role.COUNTY_STAFF}), Scope.all(), "测试范围")
_LOOKS = 300


@click.command()
@click.option("--rows", default=20_000, show_default=True)
@click.option("--url", default="", help="An empty PostgreSQL database; by default a SQLite file.")
@click.option("--suite", type=click.Choice(["intl", "sm"]), default="intl", show_default=True)
def main(rows: int, url: str, suite: str) -> None:
    """Time recording, sealing and verifying and print them."""
    with tempfile.TemporaryDirectory() as folder:
        target = url or f"sqlite+aiosqlite:///{Path(folder) / 'bench.db'}"
        upgrade(target)
        asyncio.run(_measure(rows, target, suite, Path(folder)))


async def _measure(rows: int, url: str, suite: str, folder: Path) -> None:
    database = Database(url)
    settings = Settings(data_dir=folder, database_url=url)
    hub = Hub(settings, SystemClock(), database, Keyring.new(suite))
    unrecorded, recorded = [], []
    for _ in range(_LOOKS):
        unrecorded.append(await _timed(lambda: _look(hub, opens=False)))
        recorded.append(await _timed(lambda: _look(hub, opens=True)))
    for start in range(0, rows, 1_000):
        await _record(hub, min(1_000, rows - start))
    sealer = Sealer(hub)
    sealing = await _timed(sealer.step)
    await sealer.put_head()
    verifying = await _timed(lambda: _verify(hub))
    total = rows + _LOOKS
    without, with_row = (1000 * statistics.median(times) for times in (unrecorded, recorded))
    print(f"\nAudit trail, {database.dialect}, suite {suite}, {total} rows of 2 people each\n")
    print("| what | figure |\n|---|---|")
    print(f"| a look without a row, median | {without:.2f} ms |")
    print(f"| a look with its row committed, median | {with_row:.2f} ms |")
    print(f"| sealed | {total / sealing:,.0f} rows/s |")
    print(f"| verified | {total / verifying:,.0f} rows/s |")
    await database.close()


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start


async def _look(hub: Hub, *, opens: bool) -> None:
    async with hub.look(_ACTOR, "riders.unmask", purpose="核对登记") as look:
        if opens:
            look.opened([new_id(), new_id()])


async def _record(hub: Hub, rows: int) -> None:
    async with hub.database.write() as connection:
        for _ in range(rows):
            await record(
                connection,
                hub.keys,
                _ACTOR,
                "riders.unmask",
                at=hub.clock.now(),
                outcome="done",
                purpose="核对登记",
                counts={"riders": 2},
                subjects=[new_id(), new_id()],
            )


async def _verify(hub: Hub) -> None:
    heads = read_heads(hub.settings.audit_heads)
    async with hub.database.read(snapshot=True) as connection:
        report = await verify(connection, hub.keys, heads)
    if report.faults:
        raise SystemExit(f"the trail of the benchmark is faulty: {report.findings[:3]}")


if __name__ == "__main__":
    main()
