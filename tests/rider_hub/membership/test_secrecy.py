"""A copied database does not tell a rider who declared from one who opted in to open activities."""

from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Keyring
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports
from rider_hub.membership.envelopes import SIZE, seal_row, subject_of
from rider_hub.membership.model import Declaration, Kind
from rider_hub.membership.service import declare, opt_in, withdraw
from rider_hub.membership.tables import declaration
from tests.factories import make_hub
from tests.rider_hub.membership.factories import BRANCH, add_riders, settle

HOME = "外省某县某镇某村党支部(示例)"


async def _rows(hub: Hub, actor: Actor) -> list[bytes]:
    assert actor.rider_id is not None
    query = select(declaration.c.sealed).where(declaration.c.subject == subject_of(hub.keys, actor.rider_id))
    async with hub.database.read() as connection:
        return list((await connection.execute(query)).scalars())


async def test_rows_and_lengths_are_the_same_for_declared_and_undeclared(
    database_url: str, tmp_path: Path
) -> None:
    """Declaring and opting in leave as many rows, of the same length, also after the declaration is wiped."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        declared, undeclared = await add_riders(hub, 2)
        await declare(hub, declared, kind=Kind.FULL, home_organization=HOME, body=BRANCH, notice_version=1)
        await opt_in(hub, undeclared, purpose=Purpose.OPEN_ACTIVITIES, body=BRANCH, notice_version=1)
        for _ in range(2):
            mine, theirs = await _rows(hub, declared), await _rows(hub, undeclared)
            assert len(mine) == len(theirs) == 1
            assert len(mine[0]) == len(theirs[0])
            await withdraw(hub, declared, Ports(), purpose=Purpose.DECLARATION)
            await withdraw(hub, undeclared, Ports(), purpose=Purpose.OPEN_ACTIVITIES)


async def test_private_rows_hold_nothing_readable(database_url: str, tmp_path: Path) -> None:
    """Neither the rider, nor the kind, the body, the purpose or the home organization stands in a row."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        (actor,) = await add_riders(hub)
        await declare(hub, actor, kind=Kind.FULL, home_organization=HOME, body=BRANCH, notice_version=1)
        assert actor.rider_id is not None
        async with hub.database.read() as connection:
            rows = [
                bytes(cell) if isinstance(cell, bytes) else str(cell).encode()
                for row in await connection.execute(select(declaration))
                for cell in row
            ]
        for secret in (actor.rider_id, HOME, BRANCH, "full", "declaration", "given"):
            assert not any(secret.encode() in cell for cell in rows)


def test_an_envelope_longer_than_the_others_is_refused() -> None:
    """A value that would not fit the common length is a fault, not a longer row."""
    keys = Keyring.new()
    short = seal_row(keys, "declaration", "1", Declaration("r"))
    assert len(short) == len(
        seal_row(keys, "declaration", "2", Declaration("r" * 32, home_organization=HOME))
    )
    with pytest.raises(ValueError, match="longer"):
        seal_row(keys, "declaration", "3", Declaration("r", home_organization="x" * SIZE))
