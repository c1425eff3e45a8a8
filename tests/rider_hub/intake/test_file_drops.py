"""A file dropped into a watched folder is taken whole and once, however it arrives there."""

import csv
import hashlib
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import xlsxwriter

from connectors.errors import FeedError
from connectors.transport.push_client import ndjson
from rider_hub.access import Actor, Hub
from rider_hub.intake import files
from rider_hub.intake.files import take_files
from rider_hub.intake.tables import receipt
from rider_hub.riders.tables import registration
from tests.connectors.transport.parquet_files import parquet_of
from tests.factories import make_hub
from tests.rider_hub.intake.build import body_of, bring_in_county, count, rider, sender_of
from tests.rider_hub.riders.build import state_of

JOB = Actor.job("take_feeds")
ROWS = [rider(n) | {"work_area": {"community_code": "110101001001"}} for n in range(8)]


def workbook(rows: list[dict[str, Any]]) -> bytes:
    """Return rows as a workbook."""
    data = io.BytesIO()
    flat = [{k: v for k, v in row.items() if k != "work_area"} for row in rows]
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [*flat[0], "work_area.community_code"])
        for number, row in enumerate(flat, 1):
            sheet.write_row(number, 0, [*row.values(), "110101001001"])
    return data.getvalue()


def csv_of(rows: list[dict[str, Any]]) -> bytes:
    """Return rows as CSV."""
    text = io.StringIO(newline="")
    flat = [{k: v for k, v in row.items() if k != "work_area"} for row in rows]
    names = [*flat[0], "work_area.community_code"]
    csv.writer(text).writerows([names, *([*row.values(), "110101001001"] for row in flat)])
    return text.getvalue().encode()


FORMATS = {"parquet": parquet_of, "csv": csv_of, "ndjson": ndjson, "json": body_of, "xlsx": workbook}


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county and a sender on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        await sender_of(opened)
        yield opened


async def take(hub: Hub, folder: Path) -> list[Any]:
    """Look at the folder as the job does."""
    return await take_files(hub, JOB, "ding", folder, settle_s=0)


@pytest.mark.parametrize("kind", sorted(FORMATS))
async def test_cut_at_any_byte_of_its_last_kilobyte_nothing_is_taken(
    hub: Any, tmp_path: Path, kind: str
) -> None:
    """A workbook, Parquet and an array tell by themselves, a text by the checksum beside it."""
    folder, whole = tmp_path / "in", FORMATS[kind](ROWS)
    folder.mkdir()
    checksum = hashlib.sha256(whole).hexdigest() if kind in {"csv", "ndjson"} else ""
    # Every cut under a name of its own, so that one look at the folder sees them all.
    cut = [
        folder / f"registration-{length}.{kind}" for length in range(max(1, len(whole) - 1024), len(whole))
    ]
    for path in cut:
        path.write_bytes(whole[: int(path.stem.rpartition("-")[2])])
        if checksum:
            path.with_name(f"{path.name}.sha256").write_text(checksum)
    assert await take(hub, folder) == []
    for path in cut:
        assert path.exists()
        (folder / "out" / f"{path.name}.error.json").unlink()
    assert (await count(hub, receipt), await count(hub, registration)) == (0, 0)
    for path in folder.glob("registration-*"):
        path.unlink()
    whole_one = folder / f"registration.{kind}"
    whole_one.write_bytes(whole)
    if checksum:
        whole_one.with_name(f"{whole_one.name}.sha256").write_text(checksum)
    [got] = await take(hub, folder)
    assert (got.accepted, got.rejected, await count(hub, registration)) == (8, 0, 8)
    assert [one.name for one in folder.iterdir()] == ["out"]


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
async def test_cut_behind_a_line_a_text_is_whole_rows_and_the_rest_comes_once(
    hub: Any, tmp_path: Path, kind: str
) -> None:
    """Without a checksum: what was taken of the shorter file is in it again, and counts once."""
    folder, whole = tmp_path / "in", FORMATS[kind](ROWS)
    folder.mkdir()
    lines = whole.splitlines(keepends=True)
    path = folder / f"registration.{kind}"
    path.write_bytes(b"".join(lines[:-2]) + lines[-2][:5])
    assert await take(hub, folder) == []
    path.write_bytes(b"".join(lines[:-2]))
    [part] = await take(hub, folder)
    assert part.rejected == 0
    path.write_bytes(whole)
    [rest] = await take(hub, folder)
    assert (rest.accepted, rest.unchanged, rest.rejected) == (2, 6, 0)
    assert await count(hub, registration) == 8


async def test_temporary_names_late_renames_and_second_drops_count_once(hub: Any, tmp_path: Path) -> None:
    """A temporary name is not looked at; renamed it is taken; again or under another name it is known."""
    folder, body = tmp_path / "in", ndjson(ROWS)
    folder.mkdir()
    for name in (
        "registration.ndjson.part",
        ".registration.ndjson",
        "~$registration.ndjson",
        "registration.tmp",
    ):
        (folder / name).write_bytes(body)
    assert await take(hub, folder) == []
    (folder / "registration.ndjson.part").rename(folder / "registration.ndjson")
    [first] = await take(hub, folder)
    state = await state_of(hub)
    (folder / "registration.ndjson").write_bytes(body)
    (folder / "骑手.ndjson").write_bytes(body)
    again = await take(hub, folder)
    assert {(one.id, one.replayed) for one in again} == {(first.id, True)}
    assert (await state_of(hub), await count(hub, registration)) == (state, 8)


async def test_refused_rows_lie_in_the_folder_for_a_day(hub: Any, tmp_path: Path) -> None:
    """A day after they were left they go; what tells of an unreadable file stays with the file."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "registration.ndjson").write_bytes(ndjson([rider(1, phone="bad")]))
    await take(hub, folder)
    [left] = (folder / "out").iterdir()
    now = hub.clock.now().timestamp()
    os.utime(left, (now, now))
    hub.clock.advance(hours=23)
    await take(hub, folder)
    assert left.exists()
    hub.clock.advance(hours=2)
    await take(hub, folder)
    assert not left.exists()


REFUSED = ndjson([rider(1, phone="bad")])


@pytest.mark.parametrize("name", ["registration.ndjson.rejected.ndjson", "registration.ndjson.error.json"])
async def test_a_link_in_the_place_of_an_answer_is_replaced_and_not_followed(
    hub: Any, tmp_path: Path, name: str
) -> None:
    """Whoever may make links in the folder can't have another file of the host overwritten."""
    folder, key_file = tmp_path / "in", tmp_path / "keys.json"
    (folder / "out").mkdir(parents=True)
    key_file.write_bytes(b"secret")
    (folder / "out" / name).symlink_to(key_file)
    (folder / "registration.ndjson").write_bytes(REFUSED if "rejected" in name else b"")
    await take(hub, folder)
    assert key_file.read_bytes() == b"secret"
    left = folder / "out" / name
    assert left.is_file()
    assert not left.is_symlink()
    assert [one.name for one in (folder / "out").iterdir()] == [name]


async def test_a_folder_whose_out_is_a_link_is_refused_whole(hub: Any, tmp_path: Path) -> None:
    """Nothing is written to or deleted from the folder it leads to, and no file is taken."""
    folder, other = tmp_path / "in", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    old = other / "x.rejected.csv"
    old.write_bytes(b"theirs")
    os.utime(old, (0, 0))
    (folder / "out").symlink_to(other)
    (folder / "registration.ndjson").write_bytes(REFUSED)
    with pytest.raises(FeedError) as refused:
        await take(hub, folder)
    assert refused.value.code == "folder_unusable"
    assert [one.name for one in other.iterdir()] == ["x.rejected.csv"]
    assert await count(hub, receipt) == 0


async def test_a_file_that_becomes_a_link_before_it_is_read_is_not_followed(
    hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed as a file and then made a link or a pipe: what it leads to is neither read nor deleted."""
    folder, secret = tmp_path / "in", tmp_path / "secret.ndjson"
    folder.mkdir()
    secret.write_bytes(ndjson(ROWS))
    (folder / "registration.ndjson").symlink_to(secret)
    os.mkfifo(folder / "station.ndjson")
    listed = [folder / "registration.ndjson", folder / "station.ndjson"]
    monkeypatch.setattr(files, "ready_files", lambda *_: listed)
    assert await take(hub, folder) == []
    assert (await count(hub, registration), secret.exists()) == (0, True)
    for path in listed:
        note = msgspec.json.decode((folder / "out" / f"{path.name}.error.json").read_bytes())
        assert note["code"] == "file_unreadable"


async def test_a_name_too_long_for_its_answer_is_cut(hub: Any, tmp_path: Path) -> None:
    """A name of 255 bytes leaves no room for an ending; its note is written all the same."""
    folder = tmp_path / "in"
    folder.mkdir()
    name = "registration" + "骑" * 79 + ".ndjson"[:6]
    assert len(name.encode()) == 255
    (folder / name).write_bytes(b"{")
    assert await take(hub, folder) == []
    [note] = (folder / "out").iterdir()
    assert note.name.endswith(".error.json")
    assert (await take(hub, folder), len(list((folder / "out").iterdir()))) == ([], 1)
