"""The hub keeps its indexes of boundaries in files named by content, and lives with their loss and damage."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from geo.areas import AreaIndex
from rider_hub.access import Role
from rider_hub.assignments import service
from rider_hub.divisions import areas
from rider_hub.divisions.areas import AreaSet
from rider_hub.divisions.index_files import index_of
from rider_hub.storage.derived import keep_derived
from tests.factories import make_hub, staff
from tests.rider_hub.assignments.county import COUNTY as MATCHED
from tests.rider_hub.assignments.county import bring_in_county
from tests.rider_hub.divisions.world import COUNTY, community_frame, import_county, middle

STAFF = staff(Role.COUNTY_STAFF)
FRAME = community_frame()
CODES, SHAPES = FRAME["code"].tolist(), FRAME.geometry.to_wkb().tolist()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    """Keep files in a folder, and none of the sets that other tests made."""
    areas._sets.clear()
    keep_derived(tmp_path)
    yield tmp_path / "areas"
    keep_derived(None)
    areas._sets.clear()


async def asked_anew(connection: AsyncConnection) -> AreaSet:
    """Ask as a process that has just started."""
    areas._sets.clear()
    return await areas.current(connection, COUNTY, "community")


def suffixes(folder: Path) -> list[str]:
    """Say of what kinds the files are."""
    return [path.suffix for path in folder.iterdir()]


def is_mapped(index: AreaIndex) -> bool:
    """Say whether an index lies in a file."""
    return not index._state.grid.xy.flags.owndata


async def test_the_index_is_kept_by_content(database_url: str, tmp_path: Path, folder: Path) -> None:
    """The first process builds and writes, the next maps the file; the answers are those of a built index."""
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        async with hub.database.read() as connection:
            built, again = await asked_anew(connection), await asked_anew(connection)
        assert suffixes(folder) == [".index"]
        assert (is_mapped(built.index), is_mapped(again.index)) == (False, True)
        assert again.index.content_hash == AreaIndex.build(again.frame).content_hash
        lng, lat = middle("110101002002")
        assert again.index.codes[again.index.locate([lng], [lat])[0]] == "110101002002"


async def test_a_match_run_uses_the_kept_index(database_url: str, tmp_path: Path, folder: Path) -> None:
    """A run of a new process on mapped files finds what the first run found."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        runs = []
        for _ in range(2):
            areas._sets.clear()
            run_id = await service.preview_run(hub, county.staff, MATCHED)
            runs.append(await service.show_run(hub, county.staff, run_id))
        assert runs[0]["digest"] == runs[1]["digest"]
        assert all(is_mapped(each.index) for each in areas._sets.values())
        assert len(suffixes(folder)) == len(areas._sets) == 2


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another", "gone"])
def test_a_damaged_file_is_made_again(damage: str, folder: Path) -> None:
    """Cut, changed, empty, another's or missing: the index is built, and the file is sound afterwards."""
    index_of(CODES, SHAPES)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "another":
        AreaIndex.from_wkb(SHAPES[:2], CODES[:2]).save(path)
    else:
        at = whole.index(SHAPES[2][13:29])
        flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        path.write_bytes({"cut": whole[:at], "flipped": flipped, "empty": b""}[damage])
    lng, lat = middle(CODES[3])
    assert index_of(CODES, SHAPES).codes[index_of(CODES, SHAPES).locate([lng], [lat])[0]] == CODES[3]
    assert path.read_bytes() == whole
    assert is_mapped(index_of(CODES, SHAPES))


def test_other_content_is_another_file(folder: Path) -> None:
    """Another code, border or order is another name; old files go once they are long unused."""
    for codes, shapes in (
        (CODES, SHAPES),
        ([*CODES[:-1], "110101009001"], SHAPES),
        (CODES[::-1], SHAPES[::-1]),
    ):
        index_of(codes, shapes)
    assert len(list(folder.iterdir())) == 3
    old, left = time.time() - 40 * 86_400, folder / ".x.index.1.2.part"
    left.write_bytes(b"half")
    for path in folder.iterdir():
        os.utime(path, (old, old))
    # Used again, so it is not old.
    index_of(CODES, SHAPES)
    index_of(CODES[:2], SHAPES[:2])
    assert len(list(folder.iterdir())) == 2


def test_a_folder_that_can_t_be_written_is_no_fault(folder: Path) -> None:
    """Where the file can't be written, the index is built each time."""
    folder.write_bytes(b"a file where the folder should be")
    assert not is_mapped(index_of(CODES, SHAPES))


def test_several_processes_at_once(folder: Path, tmp_path: Path) -> None:
    """Four processes that find no file all answer, and one sound file is left."""
    code = (
        "import sys; from pathlib import Path\n"
        "from rider_hub.storage.derived import keep_derived\n"
        "from tests.rider_hub.divisions.test_index_files import CODES, SHAPES, index_of\n"
        "keep_derived(Path(sys.argv[1]))\n"
        "for _ in range(20):\n"
        "    assert index_of(CODES, SHAPES).locate([116.42], [39.905])[0] >= 0\n"
        "    for path in Path(sys.argv[1], 'areas').glob('*.index'): path.unlink(missing_ok=True)\n"
        "index_of(CODES, SHAPES)\n"
    )
    root = Path(__file__).parents[3]
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=root) for _ in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    assert suffixes(folder) == [".index"]
    assert is_mapped(index_of(CODES, SHAPES))
