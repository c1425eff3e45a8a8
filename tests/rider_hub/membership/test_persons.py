"""A phone that a platform put into a registration never opens what a rider declared."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from rider_hub.access import Actor, Hub
from rider_hub.clock import FixedClock
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports
from rider_hub.membership.service import bodies_for, own_membership, withdraw
from rider_hub.messages.tables import outbox
from rider_hub.outreach.answers import own_invitations
from rider_hub.riders.indexes import phone_index
from rider_hub.riders.own_phone import PhoneNotConfirmed, has_own_phone
from rider_hub.riders.service import confirm_new_phone
from rider_hub.riders.signin import phone_mark, request_code, verify_code
from rider_hub.riders.tables import registration, rider
from tests.factories import county_staff, make_hub
from tests.rider_hub.assignments.county import bring_in_county

OLD = "19900000001"
NEW = "19988887777"


async def _sign_in(hub: Hub, clock: FixedClock, phone: str) -> Actor:
    """Sign in with the code from the outbox, as a rider would with the one on the phone."""
    clock.advance(minutes=2)
    await request_code(hub, phone)
    async with hub.database.read() as connection:
        query = select(outbox).where(outbox.c.kind == "sign_in_code").order_by(outbox.c.created_at.desc())
        row = (await connection.execute(query)).mappings().first()
    assert row is not None
    code = hub.keys.unseal("personal", ("outbox", "sealed", row["id"]), row["sealed"])["body"]["code"]
    rider_id = await verify_code(hub, phone, code)
    return Actor.rider(rider_id, phone=phone_mark(hub.keys, phone))


async def _platform_changes_phone(hub: Hub, rider_id: str) -> None:
    """Have the platform send another number for its rider."""
    async with hub.database.write() as connection:
        mine = update(registration).where(registration.c.rider_id == rider_id)
        await connection.execute(mine.values(phone_index=phone_index(hub.keys, NEW)))


async def test_a_number_sent_later_opens_services_only(database_url: str, tmp_path: Path) -> None:
    """The new number signs in to the same rider, yet neither declaration nor invitations open."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        await bring_in_county(hub)
        first = await _sign_in(hub, clock, OLD)
        await own_membership(hub, first)
        await _platform_changes_phone(hub, first.rider_id or "")
        second = await _sign_in(hub, clock, NEW)
        assert second.rider_id == first.rider_id
        for opening in (own_membership, own_invitations, bodies_for):
            with pytest.raises(PhoneNotConfirmed):
                await opening(hub, second)
        with pytest.raises(PhoneNotConfirmed):
            await withdraw(hub, second, Ports(), purpose=Purpose.DECLARATION)
        async with hub.database.read() as connection:
            assert await has_own_phone(connection, hub.keys, first)


async def test_a_number_confirmed_in_person_opens_again(database_url: str, tmp_path: Path) -> None:
    """After the street's confirmation the next sign-in counts as the first."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        await bring_in_county(hub)
        first = await _sign_in(hub, clock, OLD)
        await _platform_changes_phone(hub, first.rider_id or "")
        await confirm_new_phone(hub, county_staff(), first.rider_id or "")
        second = await _sign_in(hub, clock, NEW)
        assert (await own_membership(hub, second)).declaration is None
        async with hub.database.read() as connection:
            kept = await connection.execute(select(rider.c.first_phone).where(rider.c.id == second.rider_id))
            assert kept.scalar_one() == second.phone
