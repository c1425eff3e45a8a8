"""Totals: exact for the body everyone counted named; for others under rules an attacker can't undo."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Role
from rider_hub.access.small_counts import count_words, shown_count, small_count
from rider_hub.clock import FixedClock
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports
from rider_hub.divisions.service import import_divisions
from rider_hub.membership.model import Kind
from rider_hub.membership.service import declare, withdraw
from rider_hub.membership.tables import declared_total
from rider_hub.membership.totals import next_figure, own_totals, publish_totals, street_totals
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.divisions.world import AS_OF, CODE_ROWS, COUNTY, STREETS
from tests.rider_hub.membership.factories import BRANCH, INDUSTRY, add_riders, settle

K = 5
_weeks = st.lists(st.lists(st.integers(0, 14), min_size=3, max_size=3), min_size=1, max_size=8)


def _published(weeks: Sequence[Sequence[int]]) -> list[list[int | None]]:
    """Return what is published of the true numbers of some streets, week after week."""
    figures: list[list[int | None]] = []
    last: list[int | None] = [None] * len(weeks[0])
    for numbers in weeks:
        last = [next_figure(number, before, K) for number, before in zip(numbers, last, strict=True)]
        figures.append(list(last))
    return figures


@given(_weeks)
def test_a_figure_is_never_small_and_never_moves_by_less_than_k(weeks: list[list[int]]) -> None:
    """No figure lies below k, each is less than k off the truth, and two reports differ by nought or k."""
    figures = _published(weeks)
    for numbers, shown in zip(weeks, figures, strict=True):
        for number, figure in zip(numbers, shown, strict=True):
            assert figure is None or (figure >= K and abs(figure - number) < K)
            assert figure is not None or number < K
    for earlier, later in pairwise(figures):
        for a, b in zip(earlier, later, strict=True):
            assert a is None or b is None or a == b or abs(a - b) >= K


@given(_weeks, st.data())
def test_one_rider_shows_in_no_report_but_where_a_group_of_k_does(
    weeks: list[list[int]], data: st.DataObject
) -> None:
    """Who knows everyone else learns of one rider only when the figure makes a step, which takes k."""
    week = data.draw(st.integers(0, len(weeks) - 1))
    street = data.draw(st.integers(0, 2))
    with_one_more = [list(numbers) for numbers in weeks]
    with_one_more[week][street] += 1
    before, after = _published(weeks[: week + 1]), _published(with_one_more[: week + 1])
    assert before[:week] == after[:week]
    changed = [n for n in range(3) if before[week][n] != after[week][n]]
    assert set(changed) <= {street}
    if changed:
        last = before[week - 1][street] if week else None
        step = after[week][street]
        # A first figure of k or more, or a step of k from the last one: never one rider by itself.
        assert step is None or last is None or abs(step - last) >= K or abs(weeks[week][street] - last) >= K


@given(_weeks)
def test_the_sum_leaves_no_suppressed_street_to_be_solved_for(weeks: list[list[int]]) -> None:
    """An attacker who solves all published cells and sums of all weeks finds no hidden number."""
    figures = _published(weeks)
    streets = len(weeks[0])
    equations: list[np.ndarray] = []
    for at, shown in enumerate(figures):
        total = np.zeros(len(figures) * streets)
        for street, figure in enumerate(shown):
            if figure is not None:
                cell = np.zeros(len(figures) * streets)
                cell[at * streets + street] = 1
                equations.append(cell)
                total += cell
        equations.append(total)  # 已公布街道合计: of the figures shown and of nothing else
    matrix = np.array(equations)
    rank = np.linalg.matrix_rank(matrix)
    for at, shown in enumerate(figures):
        for street, figure in enumerate(shown):
            unit = np.zeros((1, matrix.shape[1]))
            unit[0, at * streets + street] = 1
            determined = np.linalg.matrix_rank(np.vstack([matrix, unit])) == rank
            assert determined == (figure is not None)


def test_small_counts_are_told_as_below_k() -> None:
    """Nought and one read alike to whoever may not see the rows, and as they are to whoever may."""
    assert small_count() == K
    assert [count_words(shown_count(n, sees_rows=False)) for n in (0, 1, 4, 5)] == [*["不足5"] * 3, "5"]
    assert [shown_count(n, sees_rows=True) for n in (0, 4)] == [0, 4]


async def _declare(hub: Hub, riders: Sequence[Actor], body: str = BRANCH) -> None:
    for rider in riders:
        await declare(
            hub,
            rider,
            kind=Kind.FULL,
            home_organization="某党支部",
            body=body,
            notice_version=1,
            invitations_version=1,
        )


async def test_a_body_counts_those_who_named_it_exactly(database_url: str, tmp_path: Path) -> None:
    """Two are two for their body, and for no other; who withdraws is gone from the number at once."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        riders = await add_riders(hub, 3)
        await _declare(hub, riders[:2])
        await _declare(hub, riders[2:], INDUSTRY)
        secretary = staff(Role.BRANCH_SECRETARY, organizations=frozenset({BRANCH}))
        assert [(each.body, each.members) for each in await own_totals(hub, secretary)] == [(BRANCH, 2)]
        await withdraw(hub, riders[0], Ports(), purpose=Purpose.PARTY_ACTIVITIES)
        assert [each.members for each in await own_totals(hub, secretary)] == [1]
        assert await own_totals(hub, staff(Role.BRANCH_SECRETARY)) == []


@pytest.mark.parametrize(("members", "told"), [(4, None), (6, 6)])
async def test_streets_are_published_once_a_week_and_in_scope(
    database_url: str, tmp_path: Path, members: int, told: int | None
) -> None:
    """Every street has its line each Monday; who declares in between changes nothing until the next."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        await settle(hub)
        await import_divisions(hub, county_staff(COUNTY), CODE_ROWS, title="代码表", as_of=AS_OF)
        riders = await add_riders(hub, 12)
        await _declare(hub, riders[:members])
        job = Actor.job("publish_totals")
        await publish_totals(hub, job)
        await _declare(hub, riders[members:])
        await publish_totals(hub, job)
        async with hub.look(county_staff(COUNTY), "membership.totals") as look:
            first = {each.division: each.members for each in await street_totals(look)}
        assert first == {STREETS[0]: told, STREETS[1]: None, STREETS[2]: None}
        clock.advance(days=7)
        await publish_totals(hub, job)
        street = staff(Role.STREET_STAFF, divisions=(STREETS[0],))
        async with hub.look(street, "membership.totals") as look:
            found = await street_totals(look)
        assert [(each.division, each.members) for each in found] == [(STREETS[0], 12)]
        async with hub.database.read() as connection:
            days = set((await connection.execute(select(declared_total.c.published_on))).scalars())
    assert {day.weekday() for day in days} == {0}
    assert max(days) - min(days) == timedelta(days=7)
