"""Every table says of whom it holds anything and what becomes of it; the copy and the job agree."""

import importlib
from pathlib import Path

import rider_hub
from jobs.registry import registry
from rider_hub.clock import FixedClock
from rider_hub.consent.copying import copy_own
from rider_hub.consent.holdings import erasable_tables, holdings
from rider_hub.parameters import parameter
from rider_hub.storage.metadata import metadata, private_metadata
from rider_hub.views.ports import wired
from rider_hub.views.retention import LIMITS
from tests.factories import make_hub
from tests.rider_hub.consent.whole_rider import whole_rider
from tests.rider_hub.outreach.factories import OFF_PEAK


def _tables() -> dict[str, str]:
    root = Path(rider_hub.__path__[0])
    for path in sorted(root.glob("**/*tables.py")):
        importlib.import_module(".".join(("rider_hub", *path.relative_to(root).with_suffix("").parts)))
    return {table.name: table.fullname for m in (metadata, private_metadata) for table in m.sorted_tables}


def test_every_table_stands_in_the_register() -> None:
    """A new table fails here until somebody says whether it holds anything of a rider."""
    assert holdings().keys() == _tables().keys()


def test_a_table_about_riders_says_all_there_is_to_say() -> None:
    """How the rider's rows are found, what erasure does, and where the copy tells of them, or why not."""
    for name, holding in holdings().items():
        if holding.about != "rider":
            assert (holding.found_by, holding.copy, holding.erased) == ("", "", ""), name
            continue
        assert holding.found_by, name
        assert holding.erased.split(":")[0].split(";")[0] in {"deleted", "emptied", "kept"}, name
        assert holding.copy or holding.erased.startswith("kept: "), name


def test_every_limit_has_a_figure_and_is_carried_out() -> None:
    """Each kind of the register is a figure with its source, a part of the job, and a word on its page."""
    kinds = {holding.limit for holding in holdings().values()} - {""}
    assert kinds == LIMITS.keys() | {"audit.kept"}
    for kind in kinds:
        figure = parameter(kind if "." in kind else f"retention.{kind}")
        assert figure.value > 0
        assert figure.source
    assert registry()["expire_kept"].counted.keys() == LIMITS.keys() | {"cleared"}
    assert parameter("retention.quarantine").value == parameter("intake.quarantine").value


def test_tables_that_are_cleared_are_named_in_full() -> None:
    """Clearing names tables that exist, the private ones with their schema."""
    assert set(erasable_tables()) <= set(_tables().values())
    assert {"membership.declaration", "registration"} <= set(erasable_tables())


async def test_the_copy_tells_of_every_table(database_url: str, tmp_path: Path) -> None:
    """Of a rider with something everywhere, each table has its section, and each section its records."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        copy, _ = await copy_own(hub, whole.rider, wired())
    told = {section.key: set(section.tables) for section in copy.sections if section.records}
    wanted = {name: holding.copy for name, holding in holdings().items() if holding.copy}
    assert {name for name, key in wanted.items() if name not in told.get(key, set())} == set()
