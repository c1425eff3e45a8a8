"""Promise 34: an envelope opens in the one cell it was made for, whatever columns the tables have."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import func, select, update

from rider_hub.access import Hub, Keyring, Role, second_factor
from rider_hub.access import account_tables as tables
from rider_hub.access.keyfile import Key, KeyFault, Keyset
from rider_hub.access.keys import Cell, Purpose
from rider_hub.access.ready import ENVELOPE_HEAD
from rider_hub.cli.all_tables import load_all_tables
from rider_hub.clock import FixedClock
from rider_hub.intake.sealing import new_certificate
from rider_hub.membership.shuffling import rewrite_private
from rider_hub.membership.verification import ask_verification, gather_homes
from rider_hub.storage import metadata, private_metadata
from rider_hub.storage.binary import sealed_columns
from tests.factories import make_hub, staff
from tests.rider_hub.access.site import add
from tests.rider_hub.access.test_approvals import PEOPLE, ask
from tests.rider_hub.consent.whole_rider import whole_rider
from tests.rider_hub.membership.factories import BRANCH
from tests.rider_hub.outreach.factories import JOB, OFF_PEAK

Place = tuple[Purpose, Cell]


def _columns() -> Iterator[tuple[Purpose, str, str]]:
    load_all_tables()
    for table, column, said in sealed_columns(metadata, private_metadata):
        yield said.purpose, str(table.name), str(column.name)


@pytest.mark.parametrize("suite", ["intl", "sm"])
def test_no_envelope_opens_in_another_cell_of_any_table(suite: str) -> None:
    """Of all sealed columns with two rows each; not even where one key were used for all purposes."""
    ring = _one_secret(suite)
    places: list[Place] = [
        (purpose, (table, column, row)) for purpose, table, column in _columns() for row in ("1", "2")
    ]
    assert len(places) > 30
    sealed = [ring.seal(purpose, cell, cell) for purpose, cell in places]
    opened = [
        (made, tried)
        for (made, envelope), tried in product(zip(places, sealed, strict=True), places)
        if _opens(ring, tried, _as_if_for(ring, tried, envelope))
    ]
    assert opened == [(place, place) for place in places]


def _one_secret(suite: str) -> Keyring:
    """Return keys that differ in nothing but their purpose: so that the cell alone keeps envelopes apart."""
    keys = Keyring.new(suite).keyset.keys
    return Keyring(Keyset(tuple(Key(key.id, key.suite, keys[0].secret, key.state) for key in keys)))


def _as_if_for(ring: Keyring, place: Place, envelope: bytes) -> bytes:
    """Write into the head of an envelope that it is under the key of another place."""
    return envelope[:1] + ring.keyset.active(place[0]).tag + envelope[ENVELOPE_HEAD:]


def _opens(ring: Keyring, place: Place, envelope: bytes) -> bool:
    try:
        ring.unseal(*place, envelope)
    except KeyFault:
        return False
    return True


async def test_every_envelope_of_a_whole_hub_opens_in_its_own_cell_alone(
    database_url: str, tmp_path: Path
) -> None:
    """What the hub itself wrote in every sealed column opens where it lies, and in no other cell."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        await ask_verification(hub, whole.rider, body=BRANCH, notice_version=1)
        await gather_homes(hub, JOB)
        await _accounts(hub)
        await new_certificate(hub, staff(Role.SECURITY_ADMIN), kind="ec", days=30)
        await rewrite_private(hub, JOB)
        lying = [each async for each in _envelopes(hub)]
        assert {(cell[0], cell[1]) for (_, cell), _ in lying} == {each[1:] for each in _columns()}
        for place, envelope in lying:
            others = [other for other, _ in lying if other != place and other[0] == place[0]]
            assert _opens(hub.keys, place, envelope), place
            assert not [other for other in others if _opens(hub.keys, other, envelope)]


async def _accounts(hub: Hub) -> None:
    """Add what whole_rider does not: an account with a phone and both secrets, an approval that waits."""
    user_id = await add(hub, "keeper", Role.COUNTY_STAFF, phone="19900000007")
    now = hub.clock.now()
    async with hub.database.write() as connection:
        secret = await second_factor.offer_secret(connection, hub.keys, user_id)
        code = pyotp.TOTP(secret).at(int(now.timestamp()))
        assert await second_factor.confirm(connection, hub.keys, user_id, code, now)
        await second_factor.offer_secret(connection, hub.keys, user_id)
    await ask(hub, PEOPLE["first"])


async def _envelopes(hub: Hub) -> AsyncIterator[tuple[Place, bytes]]:
    async with hub.database.read() as connection:
        for table, column, said in sealed_columns(metadata, private_metadata):
            query = select(table.c[said.row], column).where(func.length(column) > 0)
            for row, envelope in (await connection.execute(query)).all():
                yield (said.purpose, (str(table.name), str(column.name), row)), bytes(envelope)


async def test_the_two_secrets_of_an_account_do_not_change_places(database_url: str, tmp_path: Path) -> None:
    """A secret that was offered and not confirmed opens nothing when it is copied over the one in force."""
    async with make_hub(database_url, tmp_path, FixedClock()) as hub:
        await _accounts(hub)
        mine = tables.second_factor.c
        async with hub.database.write() as connection:
            await connection.execute(update(tables.second_factor).values(sealed=mine.pending))
            user_id = (await connection.execute(select(mine.user_id))).scalar_one()
            with pytest.raises(KeyFault):
                await second_factor.use_code(connection, hub.keys, user_id, "000000", hub.clock.now())


def test_an_envelope_from_before_the_columns_were_bound_is_named() -> None:
    """A database of that time is refused with words of its own."""
    ring = Keyring(Keyset.new("intl", datetime(2026, 11, 24, tzinfo=UTC)))
    envelope = ring.seal("personal", ("t", "sealed", "1"), 1)
    with pytest.raises(KeyFault, match="before the first release"):
        ring.unseal("personal", ("t", "sealed", "1"), b"\x02" + envelope[1:])
