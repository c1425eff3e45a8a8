"""The hub fetches by itself: pages of a platform and files of a folder, each counted once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors import sources
from connectors.errors import FeedError
from connectors.simulator import Faults, PlatformServer, csv_document, source_rows
from connectors.transport.push_client import Retry
from rider_hub.access import Actor
from rider_hub.intake import store
from rider_hub.intake.files import take_file, take_files
from rider_hub.intake.freshness import feed_states, feeds_late
from rider_hub.intake.pull import pull_sender
from rider_hub.intake.taking import take_offered
from rider_hub.organizations.tables import station as station_table
from rider_hub.riders.tables import registration
from tests.factories import make_hub
from tests.rider_hub.intake.build import bring_in_county, count, push, rider, sender_of, station
from tests.rider_hub.intake.test_batches import crash_at

JOB = Actor.job("take_feeds")
ONCE = Retry(attempts=1)


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        yield opened


def platform_of(transport: str) -> str:
    """Return the fictional platform that delivers this way."""
    return next(name for name in sources.names() if sources.load(name).transport == transport)


def speak(name: str, feed_type: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return standard rows as a platform writes them, in its own frame, without what it has no column for."""
    manifest = sources.load(name)
    framed = [row | {"frame": manifest.frame} if "frame" in row else row for row in rows]
    return source_rows(manifest, feed_type, framed, Faults())


def plain(number: int, **values: Any) -> dict[str, Any]:
    """Make a registration that every platform can say: without fields of tier B."""
    return rider(number, op="upsert", name=None, phone=None, **values)


def framed(number: int, name: str) -> dict[str, Any]:
    """Make a station in a platform's own frame; the fixtures' few rows leave the frame unverified."""
    return station(number, op="upsert", frame=sources.load(name).frame)


async def test_a_pull_takes_every_page_once(hub: Any) -> None:
    """Stations and riders come in, the next round brings only what is new, and repeats count as unchanged."""
    name = platform_of("pull")
    records = {"station": [framed(1, name)], "registration": [plain(n) for n in range(7)]}
    async with PlatformServer(sources.load(name), records) as server:
        await sender_of(hub, name, manifest=name, settings={"url": server.url})
        first = await pull_sender(hub, JOB, name, retry=ONCE)
        server.records["registration"].append(plain(8, updated_at="2026-10-05T09:00:00+08:00"))
        hub.clock.advance(minutes=5)
        second = await pull_sender(hub, JOB, name, retry=ONCE)
    assert sum(one.accepted for one in first) == 8
    assert sum(one.accepted for one in second) == 1
    assert await count(hub, registration) == 8


async def test_the_position_moves_with_the_rows(hub: Any) -> None:
    """A break while a page is stored leaves the position where it was, and the next pull loses nothing."""
    name = platform_of("pull")
    async with PlatformServer(sources.load(name), {"registration": [plain(n) for n in range(3)]}) as server:
        await sender_of(hub, name, manifest=name, settings={"url": server.url})
        assert await crash_at(hub, 1, lambda: pull_sender(hub, JOB, name, retry=ONCE), only="UPDATE SENDER")
        async with hub.database.read() as connection:
            before = await store.position(connection, name, "registration")
        hub.clock.advance(seconds=31)
        await pull_sender(hub, JOB, name, retry=ONCE)
    assert await count(hub, registration) == 3
    async with hub.database.read() as connection:
        assert await store.position(connection, name, "registration") != before


async def test_one_failing_sender_keeps_no_other_from_its_turn(hub: Any, tmp_path: Path) -> None:
    """The folder is taken although the pull fails, and the failure is told."""
    name, files = platform_of("pull"), platform_of("files")
    folder = tmp_path / "inbox"
    folder.mkdir()
    rows = speak(files, "registration", [plain(1)])
    (folder / "registration.csv").write_bytes(csv_document(sources.load(files), "registration", rows))
    await sender_of(hub, files, manifest=files, settings={"folder": str(folder)})
    async with PlatformServer(sources.load(name), {}, faults=Faults(outage=(400,) * 9)) as server:
        await sender_of(hub, name, manifest=name, settings={"url": server.url})
        with pytest.raises(FeedError):
            await take_offered(hub, JOB)
    assert await count(hub, registration) == 1


async def test_a_folder_is_emptied_and_refused_rows_come_back(hub: Any, tmp_path: Path) -> None:
    """Stations go before riders; refused rows return with a reason, their forbidden cells blank."""
    name = platform_of("files")
    folder = tmp_path / "inbox"
    folder.mkdir()
    manifest = sources.load(name)
    await sender_of(hub, name, manifest=name, settings={"folder": str(folder)})
    riders = [plain(1, employment="dedicated", station_ref="S-1", work_area=None), plain(2)]
    rows = speak(name, "registration", riders)
    rows += [row | {"政治面貌": "群众示例"} for row in speak(name, "registration", [plain(3)])]
    (folder / "a-registration.csv").write_bytes(csv_document(manifest, "registration", rows))
    stations = speak(name, "station", [framed(1, name)])
    (folder / "z-station.csv").write_bytes(csv_document(manifest, "station", stations))
    got = await take_files(hub, JOB, name, folder, settle_s=0)
    # The whole column is of a forbidden name: an empty cell of it counts as well.
    assert [(one.feed_type, one.accepted, one.rejected) for one in got] == [
        ("station", 1, 0),
        ("registration", 0, 3),
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["out"]
    returned = (folder / "out" / "a-registration.csv.rejected.csv").read_text("utf-8-sig")
    assert "群众示例" not in returned
    assert "D00003" in returned
    assert "拒收原因" in returned.splitlines()[0]
    assert await count(hub, station_table) == 1


async def test_the_same_file_under_two_names_counts_once(hub: Any, tmp_path: Path) -> None:
    """The second gets the first one's receipt."""
    name = platform_of("files")
    await sender_of(hub, name, manifest=name)
    rows = speak(name, "registration", [plain(1)])
    content = csv_document(sources.load(name), "registration", rows)
    receipts = []
    for path in (tmp_path / "a.csv", tmp_path / "b.csv"):
        path.write_bytes(content)
        receipts.append(await take_file(hub, JOB, name, "registration", path))
        assert path.exists()
    assert receipts[0].id == receipts[1].id
    assert receipts[0].accepted == 1


async def test_a_file_that_cannot_be_read_stays_with_its_reason(hub: Any, tmp_path: Path) -> None:
    """An empty file and one with a name that says nothing stay, are noted, and are not tried again."""
    name = platform_of("files")
    folder = tmp_path / "inbox"
    folder.mkdir()
    await sender_of(hub, name, manifest=name)
    (folder / "registration.csv").write_bytes(b"")
    (folder / "riders.txt").write_bytes(b"a,b\n1,2\n")
    assert await take_files(hub, JOB, name, folder, settle_s=0) == []
    notes = {path.name: path.read_text("utf-8") for path in (folder / "out").iterdir()}
    assert "file_empty" in notes["registration.csv.error.json"]
    assert "file_name_unknown" in notes["riders.txt.error.json"]
    assert (folder / "registration.csv").exists()


async def test_freshness_says_who_is_late(hub: Any) -> None:
    """Right after receipt a sender is fresh, 26 hours later late; its totals are those of its receipts."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1), rider(2, phone="bad")])
    scope = JOB.scope
    async with hub.database.read() as connection:
        late = feeds_late(await feed_states(connection, scope, hub.clock.now()))
        [now] = await store.freshness(connection, scope, late)
        hub.clock.advance(hours=26, seconds=1)
        late = feeds_late(await feed_states(connection, scope, hub.clock.now()))
        [later] = await store.freshness(connection, scope, late)
        assert await store.sending_counties(connection, scope) == [sender.county]
    assert (now.late, later.late) == (False, True)
    assert (now.totals["accepted"], now.totals["rejected"], now.waiting_rows) == (1, 1, 1)
