"""A person's data opens a bounded number of times, with a purpose, and each refusal is on record."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Role
from rider_hub.access.purposes import MAX_WORDS, UNMASK_REASONS, Purpose
from rider_hub.access.tables import audit_row, unmask_turn
from rider_hub.access.unmasking import take_turn
from rider_hub.clock import FixedClock
from rider_hub.errors import Invalid, LimitReached
from rider_hub.parameters import parameter
from tests.factories import make_hub, staff

AN_HOUR = int(parameter("access.unmask_per_hour").value)
A_DAY = int(parameter("access.unmask_per_day").value)


@pytest.fixture
def clock() -> FixedClock:
    """Give a clock the test moves."""
    return FixedClock()


@pytest.fixture
async def hub(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Hub]:
    """Open an empty hub."""
    async with make_hub(database_url, tmp_path, clock) as opened:
        yield opened


async def _open(hub: Hub, actor: Actor) -> None:
    async with hub.change(actor, "riders.unmask") as work:
        await take_turn(work)


@pytest.mark.parametrize(
    ("reason", "words", "fields"),
    [
        ("visit", "电话 回", ["purpose"]),
        ("", "电话回访", ["reason"]),
        ("nothing", " ", ["reason", "purpose"]),
        ("visit", "字" * (MAX_WORDS + 1), ["purpose"]),
    ],
)
def test_a_purpose_has_a_reason_of_the_list_and_words(reason: str, words: str, fields: list[str]) -> None:
    """Each fault is told beside its field; blanks are no words."""
    with pytest.raises(Invalid) as caught:
        Purpose.stated(UNMASK_REASONS, reason, words)
    assert [fault.path for fault in caught.value.errors] == fields
    assert Purpose.stated(UNMASK_REASONS, "visit", " 电话\n回访 ").text == "走访关怀：电话 回访"


async def test_an_account_opens_so_many_an_hour_and_is_told_when_again(hub: Hub, clock: FixedClock) -> None:
    """The next one is refused with the hour, audited as refused; when the first is an hour old one opens."""
    clerk = staff(Role.STREET_STAFF)
    await _open(hub, clerk)
    clock.advance(minutes=10)
    for _ in range(AN_HOUR - 1):
        await _open(hub, clerk)
    with pytest.raises(LimitReached) as caught:
        await _open(hub, clerk)
    assert (caught.value.status, caught.value.retry_after) == (429, 50 * 60)
    assert "11月02日 10:00" in caught.value.zh
    async with hub.database.read() as connection:
        query = select(audit_row.c.outcome).where(audit_row.c.operation == "riders.unmask")
        outcomes = list((await connection.execute(query)).scalars())
    assert (outcomes.count("done"), outcomes.count("refused")) == (AN_HOUR, 1)
    clock.advance(minutes=50)
    await _open(hub, clerk)
    with pytest.raises(LimitReached):
        await _open(hub, clerk)


async def test_a_day_has_its_own_limit_and_old_turns_are_forgotten(hub: Hub, clock: FixedClock) -> None:
    """Hours within their limit add up to the day's; after a day nothing of it is kept."""
    clerk = staff(Role.STREET_STAFF)
    for _ in range(A_DAY // AN_HOUR):
        for _ in range(AN_HOUR):
            await _open(hub, clerk)
        clock.advance(hours=2)
    with pytest.raises(LimitReached, match="a day"):
        await _open(hub, clerk)
    clock.advance(hours=24)
    await _open(hub, clerk)
    async with hub.database.read() as connection:
        assert len((await connection.execute(select(unmask_turn.c.id))).all()) == 1


async def test_two_at_once_are_not_both_the_last(hub: Hub) -> None:
    """However many ask at the same moment, no more open than the limit; other accounts are not held up."""
    clerk = staff(Role.STREET_STAFF)
    for _ in range(AN_HOUR - 1):
        await _open(hub, clerk)
    answers = await asyncio.gather(*(_open(hub, clerk) for _ in range(6)), return_exceptions=True)
    assert [type(answer) for answer in answers].count(LimitReached) == 5
    other = Actor(**{**vars(clerk), "id": "user:other"})
    await _open(hub, other)
