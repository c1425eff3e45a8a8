"""A scope follows new codes, and never past the ground it had."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from rider_hub.access import Hub, Role, Scope
from rider_hub.access.first_start import console
from rider_hub.access.successions import steps
from rider_hub.access.tables import division_change, park_member
from rider_hub.access.users import add_user, operator
from rider_hub.access.verify import verify
from rider_hub.clock import FixedClock
from rider_hub.divisions.changes import import_code_changes
from rider_hub.divisions.overlays import import_parks
from rider_hub.divisions.rows import ImportReport
from rider_hub.divisions.service import import_divisions
from rider_hub.lovestations.service import import_love_stations
from tests.factories import county_staff, make_hub
from tests.rider_hub.access.site import add, visitor
from tests.rider_hub.divisions.world import AS_OF, CODE_ROWS, COUNTY, STREETS, import_county

NEW_YEAR = date(2027, 1, 1)
FIRST, SECOND, THIRD = STREETS
#: The first is split in two; the second and the third become one.
WEST, EAST, MERGED = (f"{COUNTY}{number}" for number in ("011", "012", "023"))
PAIRS = [(FIRST, WEST), (FIRST, EAST), (SECOND, MERGED), (THIRD, MERGED)]

GROUNDS = st.lists(st.integers(0, 4), min_size=8, max_size=8)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[str, str]], dict[str, set[int]]]:
    """Draw eight pieces of ground under three sets of codes, and what became of each code."""
    sets = [[f"11010{age}{one:03d}" for one in draw(GROUNDS)] for age in range(3)]
    ground: dict[str, set[int]] = {}
    for codes in sets:
        for piece, code in enumerate(codes):
            ground.setdefault(code, set()).add(piece)
    return sorted({pair for i in (0, 1) for pair in zip(sets[i], sets[i + 1], strict=True)}), ground


def _changes(pairs: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {
            "from_code": old,
            "to_code": new,
            "made_of": [one for one, other in pairs if other == new],
            "became": [other for one, other in pairs if one == old],
        }
        for old, new in pairs
    ]


@given(histories(), st.data())
def test_a_scope_never_grows_past_its_ground(
    history: tuple[list[tuple[str, str]], dict[str, set[int]]], data: st.DataObject
) -> None:
    """Over any two changes, all codes reached lie in the ground held, and those wholly inside are reached."""
    pairs, ground = history
    changes = _changes(pairs)
    held = set(data.draw(st.sets(st.sampled_from(sorted(ground)), max_size=4)))
    mine = {piece for code in held for piece in ground[code]}
    inside = held
    while (more := inside | steps(inside, changes)) != inside:
        inside = more
    assert all(ground[code] <= mine for code in inside)
    for change in changes:
        if set(change["made_of"]) <= inside:
            assert change["to_code"] in inside
        if set(change["became"]) <= inside:
            assert change["from_code"] in inside


def test_what_lies_below_a_code_is_in_its_ground() -> None:
    """A county's scope follows its street into another county's code only with a row of the county's own."""
    moved = _changes([("110101001", "110105020")])
    assert steps(["110101"], moved) == set()
    merged = _changes([("110101", "110109"), ("110102", "110109")])
    assert steps(["1101", "110101"], merged) == {"110109"}
    assert steps(["110101"], merged) == set()


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub of the day the codes change, with the code tables of before and after."""
    clock = FixedClock(datetime(2027, 1, 1, 2, tzinfo=UTC))
    async with make_hub(database_url, tmp_path, clock) as opened:
        staff = county_staff(COUNTY)
        await import_county(opened, staff)
        rows = [
            *CODE_ROWS[:3],
            *({"code": code, "name": f"新{code[-2:]}街道"} for code in (WEST, EAST, MERGED)),
        ]
        assert (await import_divisions(opened, staff, rows, title="新代码", as_of=NEW_YEAR)).ok
        yield opened


async def _import(hub: Hub, pairs: list[tuple[str, str]]) -> ImportReport:
    rows = [{"原代码": old, "新代码": new} for old, new in pairs]
    return await import_code_changes(hub, county_staff(COUNTY), rows, as_of=NEW_YEAR)


async def _account(hub: Hub, name: str, divisions: Sequence[str] = (), parks: Sequence[str] = ()) -> None:
    await add_user(
        hub,
        console(),
        username=name,
        display_name="测试员",
        password="a password for tests",
        roles=[Role.STREET_STAFF],
        divisions=divisions,
        parks=parks,
    )


async def _scope(hub: Hub, name: str) -> Scope:
    return (await operator(hub, name)).scope


async def test_accounts_and_parks_follow_a_split_and_wait_at_a_merger(hub: Hub) -> None:
    """The split street's account holds both parts; of merged streets neither account gains the other."""
    for name, divisions in (("yi", [FIRST]), ("er", [SECOND]), ("ersan", [SECOND, THIRD]), ("xin", [MERGED])):
        await _account(hub, name, divisions=divisions)
    await _account(hub, "yuan", parks=["YQ-1"])
    before = [{"code": "YQ-1", "name": "某园区(示例)", "division": WEST}]
    assert (await import_parks(hub, county_staff(COUNTY), before)).ok
    assert (await _scope(hub, "yi")).divisions == (FIRST,)
    assert (await _import(hub, PAIRS)).ok
    assert (await _scope(hub, "yi")).divisions == (FIRST, WEST, EAST)
    assert (await _scope(hub, "er")).divisions == (SECOND,)
    assert (await _scope(hub, "ersan")).divisions == (SECOND, THIRD, MERGED)
    # Rows of the old codes are the new street's own: all they became is in its scope.
    assert (await _scope(hub, "xin")).divisions == (SECOND, THIRD, MERGED)
    assert (await _scope(hub, "yuan")).divisions == (WEST,)


async def test_a_change_of_a_later_day_waits_for_it(hub: Hub) -> None:
    """What begins tomorrow opens nothing today."""
    await _account(hub, "yi", divisions=[FIRST])
    assert isinstance(hub.clock, FixedClock)
    hub.clock.at = datetime(2026, 12, 31, 15, 59, tzinfo=UTC)
    assert (await _import(hub, PAIRS)).ok
    assert (await _scope(hub, "yi")).divisions == (FIRST,)
    hub.clock.advance(minutes=1)  # midnight in Shanghai
    assert (await _scope(hub, "yi")).divisions == (FIRST, WEST, EAST)


async def test_an_old_code_named_again_gets_what_is_named_now(hub: Hub) -> None:
    """A corrected table replaces the pairs of the codes it names and keeps the rest."""
    await _account(hub, "er", divisions=[SECOND, THIRD])
    await _account(hub, "yi", divisions=[FIRST])
    assert (await _import(hub, PAIRS)).ok
    assert (await _import(hub, [(THIRD, EAST)])).ok
    assert (await _scope(hub, "er")).divisions == (SECOND, THIRD, MERGED)
    # The east is now made of parts of both: nobody holds all of that alone.
    assert (await _scope(hub, "yi")).divisions == (FIRST, WEST)


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([("110101099", WEST)], "change_of_unknown"),
        ([(FIRST, "110101099")], "division_unknown"),
        ([(FIRST, COUNTY)], "change_of_level"),
        ([(FIRST, WEST), (FIRST, WEST)], "duplicate"),
        ([("110101001001", "110105001001")], "outside_scope"),
    ],
)
async def test_a_wrong_table_changes_nothing(hub: Hub, pairs: list[tuple[str, str]], code: str) -> None:
    """Any fault refuses the whole table and names its row."""
    await _account(hub, "yi", divisions=[FIRST])
    report = await _import(hub, [*PAIRS, *pairs])
    assert (code, 5) in {(one.code, one.row) for one in report.failures} or code == "duplicate"
    assert code in {one.code for one in report.failures}
    assert (await _scope(hub, "yi")).divisions == (FIRST,)


async def test_nobody_is_let_into_a_code_that_was_there(hub: Hub) -> None:
    """A street that takes in another stands beside itself: the other's account does not gain it."""
    staff = county_staff(COUNTY)
    rows = [*CODE_ROWS[:3], {"code": SECOND, "name": "第2街道"}]
    later = date(2027, 1, 1)
    assert (await import_divisions(hub, staff, rows, title="更新", as_of=later)).ok
    await _account(hub, "yi", divisions=[FIRST])
    report = await _import(hub, [(FIRST, SECOND)])
    assert [one.code for one in report.failures] == ["change_into_existing"]
    assert (await _import(hub, [(FIRST, SECOND), (SECOND, SECOND)])).ok
    assert (await _scope(hub, "yi")).divisions == (FIRST,)


async def test_what_was_written_past_the_hub_opens_nothing(hub: Hub) -> None:
    """Whoever has the database and no keys widens no scope: by a row added, altered or taken out."""
    await _account(hub, "yi", divisions=[FIRST])
    await _account(hub, "er", divisions=[SECOND])
    await _account(hub, "yuan", parks=["YQ-1"])
    assert (
        await import_parks(
            hub, county_staff(COUNTY), [{"code": "YQ-1", "name": "某园区(示例)", "division": WEST}]
        )
    ).ok
    assert (await _import(hub, PAIRS)).ok
    forged = {"from_code": FIRST, "to_code": "1102", "made_of": [FIRST], "became": ["1102"], "as_of": AS_OF}
    async with hub.database.write() as connection:
        await connection.execute(insert(division_change).values(**forged, row_mac=b"0" * 32))
        column = division_change.c
        await connection.execute(delete(division_change).where(column.from_code == THIRD))
        await connection.execute(
            update(division_change).where(column.to_code == EAST).values(as_of=date(2026, 12, 1))
        )
        await connection.execute(insert(park_member).values(park="YQ-1", division="11"))
    assert (await _scope(hub, "yi")).divisions == (FIRST, WEST)
    assert (await _scope(hub, "er")).divisions == (SECOND,)
    assert (await _scope(hub, "yuan")).divisions == (WEST,)
    async with hub.database.read() as connection:
        report = await verify(connection, hub.keys, [])
    found = {(one.code, one.row) for one in report.findings if one.code.endswith("_altered")}
    assert found == {("division_change_altered", FIRST), ("park_altered", "YQ-1")}
    # The next import gives no forged row a right MAC, and puts back the one that was taken out.
    assert (await _import(hub, [(FIRST, WEST), (FIRST, EAST)])).ok
    assert (await _scope(hub, "er")).divisions == (SECOND,)
    assert (await _scope(hub, "yi")).divisions == (FIRST, WEST, EAST)


async def test_pages_open_the_new_codes_and_the_account_names_them(hub: Hub) -> None:
    """A session that is open sees what its scope became at its next page; the administrator sees why."""
    await _account(hub, "yi", divisions=[FIRST])
    await add(hub, "anquan", Role.SECURITY_ADMIN)
    place = {
        "code": "YZ-1",
        "name": "某驿站(示例)",
        "division": WEST,
        "lng": 116.41,
        "lat": 39.91,
        "frame": "wgs84",
    }
    assert (await import_love_stations(hub, county_staff(COUNTY), [place])).ok
    async with visitor(hub) as street, visitor(hub) as security:
        await street.sign_in("yi")
        await security.sign_in("anquan")
        before = (await street.show("/lovestations/YZ-1"))[0], (await security.show("/accounts/yi"))[1]
        assert (await _import(hub, PAIRS)).ok
        after = (await street.show("/lovestations/YZ-1"))[0], (await security.show("/accounts/yi"))[1]
    assert (before[0], after[0]) == (404, 200)
    assert f"新11街道（{WEST}）、新12街道（{EAST}）" in after[1]
    assert WEST not in before[1]
