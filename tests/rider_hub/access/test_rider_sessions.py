"""Riders' sessions: they work, and their rows tell nobody who used the phone page."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access import Hub
from rider_hub.access.account_tables import rider_session
from rider_hub.access.keys import Keyring
from rider_hub.access.rider_sessions import (
    close_rider_session,
    find_rider_session,
    open_rider_session,
    token_hash,
)
from rider_hub.clock import FixedClock
from tests.factories import make_hub

RIDER, TOKEN = "a" * 32, "r-token"


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub that holds nothing yet."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        yield opened


async def _rows(hub: Hub) -> list[dict[str, object]]:
    async with hub.database.read() as connection:
        return [dict(row) for row in (await connection.execute(select(rider_session))).mappings()]


@pytest.mark.parametrize("suite", ["intl", "sm"])
async def test_the_cookie_opens_what_the_hub_alone_cannot(hub: Hub, suite: str) -> None:
    """With the token the rider is found; the key file and the database without it say nothing."""
    object.__setattr__(hub, "keys", Keyring.new(suite))
    await open_rider_session(hub, TOKEN, RIDER, b"mark")
    found = await find_rider_session(hub, TOKEN)
    assert found is not None
    assert (found.rider_id, found.phone) == (RIDER, b"mark")
    (row,) = await _rows(hub)
    sealed = row["sealed"]
    assert isinstance(sealed, bytes)
    # The outer envelope opened, as whoever holds the key file could: still no rider, phone, mark or time.
    outer = hub.keys.unseal("account", ("rider_session", "sealed", token_hash(TOKEN)), sealed)
    assert list(outer) == ["inner"]
    for told in (RIDER, "mark", found.csrf, "2026"):
        assert told not in repr(row["sealed"]) + repr(outer)


async def test_rows_of_all_riders_of_a_day_look_alike(hub: Hub) -> None:
    """Length and clear columns are the same for whoever came and whenever on the day."""
    for n in range(3):
        await open_rider_session(hub, f"r-{n}", f"{n:032x}", b"x" * 32 if n else None)
        hub.clock.advance(hours=2)  # type: ignore[attr-defined]
    rows = await _rows(hub)
    assert len({row["keep_until"] for row in rows}) == 1
    assert len({len(row["sealed"]) for row in rows}) == 1  # type: ignore[arg-type]
    assert {frozenset(row) for row in rows} == {frozenset({"token_hash", "sealed", "keep_until"})}


async def test_a_riders_session_ends_idle_whole_and_at_log_out(hub: Hub) -> None:
    """Thirty minutes unused, twelve hours in all, and at once when the rider leaves."""
    await open_rider_session(hub, TOKEN, RIDER, None)
    for _ in range(24):
        hub.clock.advance(minutes=29)  # type: ignore[attr-defined]
        assert await find_rider_session(hub, TOKEN) is not None
    hub.clock.advance(minutes=29)  # type: ignore[attr-defined]
    assert await find_rider_session(hub, TOKEN) is None
    await open_rider_session(hub, "r-idle", RIDER, None)
    hub.clock.advance(minutes=30)  # type: ignore[attr-defined]
    assert await find_rider_session(hub, "r-idle") is None
    await open_rider_session(hub, "r-out", RIDER, None)
    async with hub.database.write() as connection:
        await close_rider_session(connection, "r-out")
    assert await find_rider_session(hub, "r-out") is None


async def test_an_envelope_of_another_row_or_key_file_opens_nothing(hub: Hub) -> None:
    """A row whose envelope was moved or whose key is gone is no session, and no error."""
    for token in ("r-a", "r-b"):
        await open_rider_session(hub, token, RIDER, None)
    rows = {row["token_hash"]: row["sealed"] for row in await _rows(hub)}
    async with hub.database.write() as connection:
        moved = rider_session.update().where(rider_session.c.token_hash == token_hash("r-a"))
        await connection.execute(moved.values(sealed=rows[token_hash("r-b")]))
    assert await find_rider_session(hub, "r-a") is None
    object.__setattr__(hub, "keys", Keyring.new())
    assert await find_rider_session(hub, "r-b") is None


async def test_the_day_after_which_a_row_may_go_follows_the_longest_session(hub: Hub) -> None:
    """No row is taken away before its session is over."""
    await open_rider_session(hub, TOKEN, RIDER, None)
    (row,) = await _rows(hub)
    left = row["keep_until"] - hub.clock.now()  # type: ignore[operator]
    assert timedelta(hours=12) < left <= timedelta(hours=36)
