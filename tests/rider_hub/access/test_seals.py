"""The chain: one at a time, whoever writes and whoever seals; clean after any kill."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text

from rider_hub.access import Hub, seals
from rider_hub.access.audit import record
from rider_hub.access.heads import append_head, read_heads
from rider_hub.access.sealer import FAULTS, Sealer, sealing
from rider_hub.access.seals import Head, seal_pending
from rider_hub.access.tables import audit_row, audit_seal, audit_subject
from tests.factories import county_staff, make_hub
from tests.rider_hub.access.trail import act, checked, sealed_trail


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub whose clock stands still."""
    async with make_hub(database_url, tmp_path) as opened:
        yield opened


async def test_a_trail_that_nobody_touched_is_clean(hub: Hub) -> None:
    """All rows, seals and heads are walked over and nothing is found; what waits for a seal is told."""
    await sealed_trail(hub)
    report = await checked(hub)
    assert (report.findings, report.rows, report.seals) == ([], 18, 4)
    assert (report.unsealed, report.heads) == (2, 4)


async def test_a_row_that_commits_late_goes_into_a_later_seal(hub: Hub) -> None:
    """A transaction that began before a seal and ends after it loses nothing and holds nobody up."""
    await act(hub, 1)
    if hub.database.dialect == "postgresql":
        async with hub.change(county_staff(), "imports.change"):
            await act(hub, 1)
            assert await seal_pending(hub) is not None
    assert await seal_pending(hub) is not None
    assert await seal_pending(hub) is None
    report = await checked(hub)
    assert (report.findings, report.unsealed) == ([], 0)


async def test_two_sealers_and_eight_writers_make_one_chain(database_url: str, tmp_path: Path) -> None:
    """Rows written by eight at once and sealed by two hubs at once are each in one seal of one chain."""
    async with make_hub(database_url, tmp_path) as first, make_hub(database_url, tmp_path) as second:

        async def write(start: int) -> None:
            for number in range(start, start + 12):
                await act(first if number % 2 else second, number)

        async with sealing(first), sealing(second):
            await asyncio.gather(*(write(start) for start in range(0, 96, 12)))
        report = await checked(first)
    assert (report.findings, report.unsealed, report.rows) == ([], 0, 96)


async def test_without_the_lock_the_chain_is_still_one(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock only saves work: with it out of the way, racing sealers are stopped by the number."""

    async def always(_: object) -> bool:
        return True

    monkeypatch.setattr(seals, "_has_turn", always)
    async with make_hub(database_url, tmp_path) as first, make_hub(database_url, tmp_path) as second:
        made = 0
        for number in range(12):
            await act(first, number)
            heads = await asyncio.gather(*(seal_pending(hub) for hub in (first, second, first, second)))
            made += sum(head is not None for head in heads)
        while await seal_pending(first) is not None:
            made += 1
        report = await checked(first)
    assert (report.findings, report.unsealed, report.rows, report.seals) == ([], 0, 12, made)


async def test_a_seal_that_vanishes_while_the_sealer_runs_reaches_the_head_file(hub: Hub) -> None:
    """Cutting off seals that no head stood for yet is found all the same: the sealer remembers them."""
    sealer = Sealer(hub)
    await act(hub, 1)
    await sealer.step()
    assert read_heads(hub.settings.audit_heads) == []
    before = FAULTS._value.get()
    async with hub.database.write() as connection:
        await connection.execute(delete(audit_subject))
        await connection.execute(delete(audit_row))
        await connection.execute(delete(audit_seal))
    await act(hub, 1)
    await sealer.step()
    assert FAULTS._value.get() == before + 1
    assert [one.code for one in (await checked(hub)).findings] == ["head_mac"]


async def test_a_database_put_back_to_an_older_copy_is_found(hub: Hub) -> None:
    """The head file knows a later end than the one that is there."""
    await sealed_trail(hub, seals=3, loose=0)
    async with hub.database.write() as connection:
        last = select(audit_row.c.id).where(audit_row.c.seal_no == 3)
        await connection.execute(delete(audit_subject).where(audit_subject.c.audit_id.in_(last)))
        await connection.execute(delete(audit_row).where(audit_row.c.seal_no == 3))
        await connection.execute(delete(audit_seal).where(audit_seal.c.number == 3))
    assert [one.code for one in (await checked(hub)).findings] == ["head_ahead"]


def test_heads_only_grow(tmp_path: Path) -> None:
    """A head that is not newer than the last is not added, and a line that is no head is named."""
    path, now = tmp_path / "heads", datetime(2026, 11, 2, tzinfo=UTC)
    assert append_head(path, Head(2, 9, b"\x01"), now)
    assert not append_head(path, Head(2, 9, b"\x01"), now)
    assert not append_head(path, Head(1, 4, b"\x02"), now)
    with path.open("ab") as file:
        file.write(b"nonsense\n")
    assert [line.head for line in read_heads(path)] == [Head(2, 9, b"\x01"), None]
    assert path.stat().st_mode & 0o777 == 0o600


_WORK = """
import asyncio, sys
from pathlib import Path
from rider_hub.access import Actor, Hub, Keyring, Role, Scope
from rider_hub.access.sealer import sealing
from rider_hub.clock import SystemClock
from rider_hub.settings import Settings
from rider_hub.storage import Database

async def main(url, folder):
    folder = Path(folder)
    keys = Keyring.load(folder / "keys.json")
    hub = Hub(Settings(data_dir=folder, database_url=url), SystemClock(), Database(url), keys)
    actor = Actor("user:x", "", frozenset({Role.COUNTY_STAFF}), Scope.all())
    async with sealing(hub):
        while True:
            async with hub.look(actor, "riders.view") as look:
                look.opened(["a", "b"])
            print("row", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_kill_of_a_process_that_seals_leaves_a_clean_chain(hub: Hub, tmp_path: Path) -> None:
    """Kill -9 while rows are written and sealed, three times: no row that was told is lost, nothing found."""
    hub.keys.save(tmp_path / "keys.json")
    told = 0
    for _ in range(3):
        told += await asyncio.to_thread(_until_killed, hub.database.url, tmp_path)
    while await seal_pending(hub) is not None:
        pass
    report = await checked(hub)
    assert report.findings == []
    assert report.rows >= told > 0
    assert report.unsealed == 0


def _until_killed(url: str, folder: Path) -> int:
    """Run a process that writes and seals, kill it after some rows and return how many it told."""
    with subprocess.Popen([sys.executable, "-c", _WORK, url, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = sum(1 for _, _line in zip(range(40), process.stdout, strict=False))
        os.kill(process.pid, signal.SIGKILL)
        return told + len(process.stdout.readlines())


async def test_a_row_of_a_broken_off_action_is_never_sealed(hub: Hub) -> None:
    """What rolled back was never done; the trail has no row that says it was."""

    async def break_off() -> None:
        async with hub.database.write() as connection:
            await record(
                connection, hub.keys, county_staff(), "riders.view", at=hub.clock.now(), outcome="done"
            )
            await connection.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(Exception, match="nowhere"):
        await break_off()
    assert await seal_pending(hub) is None
    async with hub.database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(audit_row))).scalar() == 0
