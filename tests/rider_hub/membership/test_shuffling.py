"""The nightly rewriting of private rows: nothing of them is lost, and nothing of their order is left."""

from pathlib import Path

from sqlalchemy import select, text

from rider_hub.access import Actor, Hub
from rider_hub.clock import FixedClock
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports
from rider_hub.membership.ledger import history
from rider_hub.membership.model import Kind
from rider_hub.membership.service import declare, opt_in, own_membership, withdraw
from rider_hub.membership.shuffling import rewrite_private
from rider_hub.membership.tables import declaration
from tests.factories import make_hub
from tests.rider_hub.membership.factories import BRANCH, add_riders, settle

JOB = Actor.job("rewrite_private")


async def _envelopes(hub: Hub) -> dict[str, bytes]:
    async with hub.database.read() as connection:
        rows = await connection.execute(select(declaration.c.id, declaration.c.sealed))
        return {row.id: row.sealed for row in rows}


async def _places(hub: Hub) -> list[str]:
    """Return the ids in the order of the rows on disk."""
    on_disk = "SELECT id FROM membership.declaration ORDER BY ctid"
    query = (
        on_disk
        if hub.database.dialect == "postgresql"
        else "SELECT id FROM declaration WHERE length(sealed) > 0"
    )
    async with hub.database.read() as connection:
        return list((await connection.execute(text(query))).scalars())


async def test_every_rider_has_a_record_and_none_is_lost(database_url: str, tmp_path: Path) -> None:
    """After the night each rider has one row, every envelope is new, and what they hold is the same."""
    async with make_hub(database_url, tmp_path, FixedClock()) as hub:
        await settle(hub)
        riders = await add_riders(hub, 7)
        await declare(
            hub, riders[3], kind=Kind.FULL, home_organization="某支部", body=BRANCH, notice_version=1
        )
        await opt_in(hub, riders[5], purpose=Purpose.OPEN_ACTIVITIES, body=BRANCH, notice_version=1)
        before, own = await _envelopes(hub), await own_membership(hub, riders[3])
        assert await rewrite_private(hub, JOB) == {"made": 5, "rewritten": 7}
        after = await _envelopes(hub)
        assert len(after) == len(riders)
        assert before.keys() < after.keys()
        assert not set(before.values()) & set(after.values())
        assert {len(sealed) for sealed in after.values()} == {len(next(iter(before.values())))}
        assert await own_membership(hub, riders[3]) == own
        assert await rewrite_private(hub, JOB) == {"made": 0, "rewritten": 7}


async def test_rows_lie_in_the_order_of_their_random_ids(database_url: str, tmp_path: Path) -> None:
    """Neither the heap nor a rowid keeps the order in which the rows came, and all have one transaction."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        for rider in await add_riders(hub, 40):
            await opt_in(hub, rider, purpose=Purpose.OPEN_ACTIVITIES, body=BRANCH, notice_version=1)
        await rewrite_private(hub, JOB)
        places = await _places(hub)
        assert places == sorted(places)
        if hub.database.dialect == "postgresql":
            async with hub.database.read() as connection:
                query = text("SELECT count(DISTINCT xmin::text), max(xmax::text) FROM membership.declaration")
                assert tuple((await connection.execute(query)).one()) == (1, "0")
        else:
            async with hub.database.read() as connection:
                query = text("SELECT sql FROM sqlite_master WHERE name IN ('declaration', 'invitation')")
                made = list((await connection.execute(query)).scalars())
            assert len(made) == 2
            assert all("WITHOUT ROWID" in sql for sql in made)
            assert (tmp_path / "rider_hub.db-wal").stat().st_size == 0


async def test_the_record_never_grows_and_gives_up_ended_consents_first(
    database_url: str, tmp_path: Path
) -> None:
    """A rider who changes their mind often keeps a record of the same length; what is live stays."""
    async with make_hub(database_url, tmp_path, FixedClock()) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        assert rider.rider_id is not None
        lengths = set()
        for _ in range(30):
            await opt_in(hub, rider, purpose=Purpose.OPEN_ACTIVITIES, body=BRANCH, notice_version=1)
            lengths |= {len(sealed) for sealed in (await _envelopes(hub)).values()}
            await withdraw(hub, rider, Ports(), purpose=Purpose.OPEN_ACTIVITIES)
        await opt_in(hub, rider, purpose=Purpose.OPEN_ACTIVITIES, body=BRANCH, notice_version=1)
        assert len(lengths) == 1
        assert [each.purpose for each in (await own_membership(hub, rider)).consents] == ["open_activities"]
        async with hub.database.read() as connection:
            kept = await history(connection, hub.keys, rider.rider_id)
        assert len(kept) >= 9
