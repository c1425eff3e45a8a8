"""Lock-out: counted before it is checked, against a simple model, and never a way to lock others out."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from rider_hub.access import Hub, Keyring, Role
from rider_hub.access.account_tables import sign_in_attempt
from rider_hub.access.first_start import console
from rider_hub.access.lockout import (
    RULES,
    Client,
    Locked,
    device_mark,
    forgive,
    is_known_device,
    reserve,
    unlock,
)
from rider_hub.access.signing_in import check_password
from rider_hub.access.tables import audit_row
from rider_hub.access.users import add_user
from rider_hub.clock import FixedClock
from rider_hub.errors import Unauthenticated
from tests.factories import make_hub

PASSWORD, WRONG = "a password for tests", "wrong"
HERE, THERE = Client("192.0.2.1"), Client("198.51.100.7")
_examples = count()


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub with one account."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        await add_user(
            opened,
            console(),
            username="dong",
            display_name="测试员",
            password=PASSWORD,
            roles=[Role.STREET_STAFF],
        )
        yield opened


async def _try(hub: Hub, client: Client, password: str = WRONG, username: str = "dong") -> str:
    try:
        await check_password(hub, username, password, client)
    except Locked:
        return "locked"
    except Unauthenticated:
        return "wrong"
    return "in"


async def test_five_wrong_passwords_lock_for_half_an_hour(hub: Hub) -> None:
    """The right password opens nothing while the lock holds, and opens again the minute it ends."""
    assert [await _try(hub, HERE) for _ in range(6)] == ["wrong"] * 5 + ["locked"]
    assert await _try(hub, HERE, PASSWORD) == "locked"
    hub.clock.advance(minutes=29, seconds=59)  # type: ignore[attr-defined]
    assert await _try(hub, HERE, PASSWORD) == "locked"
    hub.clock.advance(seconds=1)  # type: ignore[attr-defined]
    assert await _try(hub, HERE, PASSWORD) == "in"


async def test_a_stranger_does_not_lock_the_owner_out(hub: Hub) -> None:
    """Whoever guesses elsewhere locks that place; the owner signs in from the own place and browser."""
    await asyncio.gather(*(_try(hub, THERE) for _ in range(8)))
    assert await _try(hub, THERE, PASSWORD) == "locked"
    assert await _try(hub, HERE, PASSWORD) == "in"
    known = Client("198.51.100.7", device_mark(hub.keys, "dong", ""))
    assert await _try(hub, known, PASSWORD) == "in"


async def test_a_guesser_with_many_addresses_is_slowed_and_the_known_browser_is_not(hub: Hub) -> None:
    """Strangers have twenty tries a day, wherever from; a browser known before still opens."""
    tries = [await _try(hub, Client(f"203.0.113.{n}")) for n in range(25)]
    assert tries == ["wrong"] * 20 + ["locked"] * 5
    assert await _try(hub, Client("203.0.113.200"), PASSWORD) == "locked"
    assert await _try(hub, Client("203.0.113.200", device_mark(hub.keys, "dong", "")), PASSWORD) == "in"
    hub.clock.advance(hours=1)  # type: ignore[attr-defined]
    assert await _try(hub, Client("203.0.113.201"), PASSWORD) == "in"


async def test_one_address_does_not_try_many_accounts(hub: Hub) -> None:
    """Thirty wrong tries over all accounts lock the address, accounts that do not exist among them."""
    tries = [await _try(hub, HERE, username=f"someone{n}") for n in range(32)]
    assert tries == ["wrong"] * 30 + ["locked"] * 2
    assert await _try(hub, HERE, PASSWORD) == "locked"
    assert await _try(hub, THERE, PASSWORD) == "in"


async def test_right_passwords_never_add_up(hub: Hub) -> None:
    """An office behind one address signs in all day without locking itself."""
    assert {await _try(hub, HERE, PASSWORD) for _ in range(40)} == {"in"}


async def test_tries_at_once_are_no_more_than_the_limit(hub: Hub) -> None:
    """Twenty wrong passwords at the same moment: five are checked."""
    tries = await asyncio.gather(*(_try(hub, HERE) for _ in range(20)))
    assert sorted(tries) == ["locked"] * 15 + ["wrong"] * 5


async def test_a_lock_outlives_the_process(hub: Hub, tmp_path: Path) -> None:
    """Another process on the same database, started later, knows the lock."""
    for _ in range(5):
        await _try(hub, HERE)
    async with make_hub(hub.database.url, tmp_path, FixedClock()) as other:
        assert await _try(other, HERE, PASSWORD) == "locked"


async def test_a_known_account_and_an_unknown_one_are_answered_alike(hub: Hub) -> None:
    """Neither what is said nor when the lock comes tells whether an account exists."""
    tries = {name: [await _try(hub, HERE, username=name) for _ in range(6)] for name in ("dong", "nobody")}
    assert tries["dong"] == tries["nobody"]


async def test_wrong_tries_and_the_lock_are_in_the_trail(hub: Hub) -> None:
    """Each wrong try has a row with the account; of one that does not exist the typed name is not kept."""
    for name in ("dong", "my secret typed in the wrong box"):
        for _ in range(6):
            await _try(hub, HERE, username=name)
    async with hub.database.read() as connection:
        query = select(audit_row.c.target, audit_row.c.counts).where(audit_row.c.operation == "session.open")
        rows = [(row.target, row.counts) for row in await connection.execute(query.order_by(audit_row.c.at))]
    assert sorted(target for target, _ in rows) == [""] * 5 + ["user:dong"] * 5
    assert [counts["locked"] for target, counts in rows if target].count(1) == 1


async def test_unlocking_frees_an_account_and_no_address(hub: Hub) -> None:
    """An administrator frees the account; an address that guessed everywhere stays locked."""
    for _ in range(5):
        await _try(hub, HERE)
    async with hub.database.write() as connection:
        assert await unlock(connection, hub.keys, "dong") == 2
    assert await _try(hub, HERE, PASSWORD) == "in"
    for n in range(30):
        await _try(hub, THERE, username=f"someone{n}")
    async with hub.database.write() as connection:
        await unlock(connection, hub.keys, "dong")
    assert await _try(hub, THERE, PASSWORD) == "locked"


async def test_counters_name_nobody(hub: Hub) -> None:
    """A copied table of tries tells neither accounts nor addresses."""
    await _try(hub, HERE)
    async with hub.database.read() as connection:
        rows = [tuple(row) for row in await connection.execute(select(sign_in_attempt))]
    assert len(rows) == 3
    assert not any("dong" in repr(row) or "192.0.2.1" in repr(row) for row in rows)


def test_a_mark_is_of_one_account_and_one_hub() -> None:
    """A browser's mark for one account opens no wider limit for another, nor does one made up."""
    keys = Keyring.new()
    mark = device_mark(keys, "dong", "monday")
    assert is_known_device(keys, "dong", "monday", mark)
    assert not is_known_device(keys, "dong", "tuesday", mark)
    assert not is_known_device(keys, "xi", "monday", mark)
    assert not is_known_device(Keyring.new(), "dong", "monday", mark)
    assert not any(
        is_known_device(keys, "dong", "monday", made)
        for made in ("", ".", "x.", mark[:-1], "\udcff." + mark[-32:])
    )


@dataclass
class _Counter:
    """One counter as anybody would write it down."""

    tries: int = 0
    since: datetime | None = None
    until: datetime | None = None


@dataclass
class _Model:
    """What the rules say, in plain words over plain values."""

    counters: dict[tuple[str, ...], _Counter] = field(default_factory=dict)

    def attempt(self, now: datetime, account: str, client: Client, *, right: bool) -> str:
        keys = (
            [("device", account, client.device)]
            if client.device
            else [("address", client.address), ("account", account), ("pair", account, client.address)]
        )
        found = [self.counters.setdefault(key, _Counter()) for key in keys]  # type: ignore[arg-type]
        if any(each.until is not None and now < each.until for each in found):
            return "locked"
        for key, each in zip(keys, found, strict=True):
            rule = RULES[str(key[0])]
            if each.since is None or each.until is not None or now - each.since >= rule.window:
                each.tries, each.since, each.until = 0, now, None
            if not right:
                each.tries += 1
                each.until = now + rule.lock if each.tries >= rule.limit else None
            elif key[0] in {"pair", "device"}:
                each.tries, each.since, each.until = 0, None, None
        return "in" if right else "wrong"


_STEP = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from(["1", "2", "3", "known"]),
    st.booleans() | st.just(value=False),
    st.sampled_from([0, 0, 0, 60, 900, 1800, 3600, 86400]),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEP, min_size=1, max_size=60))
async def test_any_order_of_tries_follows_the_model(
    hub: Hub, steps: list[tuple[str, str, bool, int]]
) -> None:
    """Right and wrong tries from everywhere, at any times: what is let through is what the rules say."""
    mark = f"e{next(_examples)}"
    model = _Model()
    for account, place, right, wait in steps:
        hub.clock.advance(seconds=wait)  # type: ignore[attr-defined]
        client = Client(f"{mark}-{place}", f"{mark}-device" if place == "known" else None)
        expected = model.attempt(hub.clock.now(), f"{mark}{account}", client, right=right)
        assert await _reserved(hub, f"{mark}{account}", client, right=right) == expected


async def _reserved(hub: Hub, account: str, client: Client, *, right: bool) -> str:
    try:
        reservation = await reserve(hub, "password", account, client)
    except Locked:
        return "locked"
    if right:
        await forgive(hub, reservation)
    return "in" if right else "wrong"
