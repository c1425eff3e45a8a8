"""A code proves a rider's phone; its answers never tell which phones are registered."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from rider_hub.access import Hub
from rider_hub.access.tables import sign_in_code
from rider_hub.clock import FixedClock
from rider_hub.errors import Conflict, Invalid, Unauthenticated
from rider_hub.messages.delivery import deliver
from rider_hub.messages.ports import Message
from rider_hub.messages.tables import outbox
from rider_hub.riders.indexes import phone_index
from rider_hub.riders.signin import forget_codes, request_code, verify_code
from rider_hub.riders.tables import registration, rider
from rider_hub.storage import insert_rows
from tests.factories import make_hub

PHONE, OTHER, UNKNOWN = "19900000001", "19900000002", "19900009999"


class Box:
    """A port that keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[Message] = []

    async def send(self, message: Message) -> None:
        """Take the message."""
        self.taken.append(message)


async def _register(hub: Hub, number: int, phone: str, *, state: str = "active", seen_days: int = 0) -> str:
    now = hub.clock.now()
    rider_id, seen = f"{number:032d}", now - timedelta(days=seen_days)
    row: dict[str, Any] = {column.name: None for column in registration.columns}
    row |= {
        "id": f"reg{number}",
        "rider_id": rider_id,
        "platform": "jia",
        "platform_rider_ref": f"R{number}",
        "state": state,
        "county": "110101",
        "effective_at": now,
        "version_at": now,
        "version_id": "1",
        "digest": b"x",
        "seen_at": seen,
        "phone_index": phone_index(hub.keys, phone),
    }
    person = {
        "id": rider_id,
        "division": "110101",
        "first_seen_at": seen,
        "last_seen_at": seen,
        "chosen_community": None,
    }
    async with hub.database.write() as connection:
        await insert_rows(connection, rider, [person])
        await insert_rows(connection, registration, [row])
    return rider_id


async def _code(hub: Hub, phone: str = PHONE) -> str:
    await request_code(hub, phone)
    box = Box()
    await deliver(hub, box)
    return str(box.taken[-1].body["code"])


async def test_a_code_signs_the_rider_in_once(database_url: str, tmp_path: Path) -> None:
    """The right code gives the rider, in any way of writing the number, and works only once."""
    async with make_hub(database_url, tmp_path) as hub:
        rider_id = await _register(hub, 1, PHONE)
        code = await _code(hub, f"+86 {PHONE}")
        assert len(code) == 6
        assert await verify_code(hub, PHONE, f" {code} ") == rider_id
        with pytest.raises(Unauthenticated):
            await verify_code(hub, PHONE, code)


async def test_an_unknown_phone_gets_the_same_answers(database_url: str, tmp_path: Path) -> None:
    """Asking, asking too soon and trying a code go the same for a phone nobody registered."""
    async with make_hub(database_url, tmp_path) as hub:
        await _register(hub, 1, PHONE)
        answers: dict[str, list[object]] = {PHONE: [], UNKNOWN: []}
        for phone, heard in answers.items():
            await request_code(hub, phone)
            with pytest.raises(Conflict) as soon:
                await request_code(hub, phone)
            with pytest.raises(Unauthenticated) as wrong:
                await verify_code(hub, phone, "not it")
            heard += [soon.value.zh, wrong.value.zh, wrong.value.code]
        assert answers[PHONE] == answers[UNKNOWN]
        async with hub.database.read() as connection:
            assert len((await connection.execute(select(outbox))).all()) == 1


async def test_five_attempts_use_a_code_up(database_url: str, tmp_path: Path) -> None:
    """After five wrong tries the right code is refused too; a new code works."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        rider_id = await _register(hub, 1, PHONE)
        code = await _code(hub)
        for _ in range(5):
            with pytest.raises(Unauthenticated):
                await verify_code(hub, PHONE, "wrong")
        with pytest.raises(Unauthenticated):
            await verify_code(hub, PHONE, code)
        clock.advance(seconds=61)
        assert await verify_code(hub, PHONE, await _code(hub)) == rider_id


@pytest.mark.parametrize(("seconds", "accepted"), [(299, True), (300, False)])
async def test_a_code_lives_five_minutes(
    database_url: str, tmp_path: Path, seconds: int, *, accepted: bool
) -> None:
    """Just before five minutes it works, at five minutes it does not."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        rider_id = await _register(hub, 1, PHONE)
        code = await _code(hub)
        clock.advance(seconds=seconds)
        if accepted:
            assert await verify_code(hub, PHONE, code) == rider_id
            return
        with pytest.raises(Unauthenticated):
            await verify_code(hub, PHONE, code)


async def test_codes_an_hour_are_limited(database_url: str, tmp_path: Path) -> None:
    """Five codes an hour may be asked for, a minute apart; then the phone waits for the hour to end."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        for _ in range(5):
            await request_code(hub, UNKNOWN)
            clock.advance(seconds=60)
        with pytest.raises(Conflict) as refusal:
            await request_code(hub, UNKNOWN)
        assert refusal.value.code == "code_too_often"
        clock.advance(minutes=55)
        await request_code(hub, UNKNOWN)


async def test_a_code_is_for_its_own_phone(database_url: str, tmp_path: Path) -> None:
    """Another phone's code does not sign in, and what is stored holds neither code nor phone."""
    async with make_hub(database_url, tmp_path) as hub:
        await _register(hub, 1, PHONE)
        await _register(hub, 2, OTHER)
        code = await _code(hub)
        await request_code(hub, OTHER)
        with pytest.raises(Unauthenticated):
            await verify_code(hub, OTHER, code)
        async with hub.database.read() as connection:
            rows = (await connection.execute(select(sign_in_code))).all()
        cells = [bytes(cell) for row in rows for cell in row if isinstance(cell, bytes)]
        assert not any(secret.encode() in cell for cell in cells for secret in (code, PHONE))


async def test_of_two_riders_with_one_phone_the_one_seen_last_signs_in(
    database_url: str, tmp_path: Path
) -> None:
    """An active registration comes before one that left; a rider who left everywhere can still sign in."""
    async with make_hub(database_url, tmp_path) as hub:
        await _register(hub, 1, PHONE, seen_days=9)
        newer = await _register(hub, 2, PHONE, seen_days=1)
        await _register(hub, 3, PHONE, state="left")
        gone = await _register(hub, 4, OTHER, state="left")
        assert await verify_code(hub, PHONE, await _code(hub)) == newer
        assert await verify_code(hub, OTHER, await _code(hub, OTHER)) == gone


@pytest.mark.parametrize("phone", ["", "abc", "1234", "010-66666666", "19900000001转8"])
async def test_what_is_no_mobile_number_is_named(database_url: str, tmp_path: Path, phone: str) -> None:
    """The fault names the field and does not repeat what was typed."""
    async with make_hub(database_url, tmp_path) as hub:
        with pytest.raises(Invalid) as refusal:
            await request_code(hub, phone)
        assert [fault.path for fault in refusal.value.errors] == ["phone"]


async def test_what_was_kept_of_codes_can_be_forgotten(database_url: str, tmp_path: Path) -> None:
    """Rows whose hour began before a time are deleted, later ones stay."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        await request_code(hub, UNKNOWN)
        clock.advance(hours=2)
        await request_code(hub, PHONE)
        async with hub.database.write() as connection:
            assert await forget_codes(connection, clock.now() - timedelta(hours=1)) == 1
            assert len((await connection.execute(select(sign_in_code))).all()) == 1


async def test_one_address_asks_codes_for_so_many_phones(database_url: str, tmp_path: Path) -> None:
    """A hundred an hour, registered or not; another address and the next hour are not concerned."""
    async with make_hub(database_url, tmp_path, clock := FixedClock()) as hub:
        await _register(hub, 1, PHONE)
        for number in range(100):
            await request_code(hub, f"1990001{number:04d}", "192.0.2.1")
        for phone in (PHONE, UNKNOWN):
            with pytest.raises(Conflict) as caught:
                await request_code(hub, phone, "192.0.2.1")
            assert caught.value.code == "code_too_often"
        await request_code(hub, PHONE, "192.0.2.2")
        clock.advance(hours=1)
        await request_code(hub, OTHER, "192.0.2.1")


async def test_one_address_guesses_at_so_many_codes(database_url: str, tmp_path: Path) -> None:
    """A hundred wrong codes an hour over all phones; right ones are not counted against a shared address."""
    async with make_hub(database_url, tmp_path, clock := FixedClock()) as hub:
        await _register(hub, 1, PHONE)
        for _ in range(3):
            await verify_code(hub, PHONE, await _code(hub), "192.0.2.1")
            clock.advance(minutes=2)
        for number in range(100):
            with pytest.raises(Unauthenticated):
                await verify_code(hub, f"1990001{number:04d}", "000000", "192.0.2.1")
        code = await _code(hub)
        with pytest.raises(Conflict):
            await verify_code(hub, PHONE, code, "192.0.2.1")
        assert await verify_code(hub, PHONE, code, "192.0.2.2")
