"""A phone that a platform put in, even by another's identity hash, is nobody's own until it is sure."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from rider_hub.access import Actor, Hub
from rider_hub.clock import FixedClock
from rider_hub.consent.copying import copy_own
from rider_hub.consent.correcting import ask, own_requests
from rider_hub.consent.erasing import erase_own
from rider_hub.errors import Absent, Invalid
from rider_hub.messages.tables import outbox
from rider_hub.riders.indexes import no_phone_yet
from rider_hub.riders.model import LinkState
from rider_hub.riders.own import choose_community, own_registrations, own_rider
from rider_hub.riders.own_phone import PhoneNotConfirmed, has_own_phone
from rider_hub.riders.service import confirm_new_phone, decide_link
from rider_hub.riders.signin import phone_mark, request_code, verify_code
from rider_hub.riders.tables import identity_link, registration, rider
from rider_hub.views.ports import wired
from tests.factories import county_staff, make_hub
from tests.rider_hub.riders.build import OTHER_PHONE, PHONE, id_number, riders_of, row, take

VICTIM = {"id_number": id_number(1), "name": "骑手甲", "phone": PHONE}
STRANGER = {"id_number": id_number(1), "name": "骑手乙", "phone": OTHER_PHONE}


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub on each database."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        yield opened


async def sign_in(hub: Hub, phone: str) -> Actor:
    """Sign in with the code from the outbox."""
    hub.clock.advance(minutes=2)  # type: ignore[attr-defined]
    await request_code(hub, phone)
    async with hub.database.read() as connection:
        query = select(outbox).where(outbox.c.kind == "sign_in_code").order_by(outbox.c.created_at.desc())
        sent = (await connection.execute(query)).mappings().first()
    assert sent is not None
    code = hub.keys.unseal("personal", ("outbox", "sealed", sent["id"]), sent["sealed"])["body"]["code"]
    return Actor.rider(await verify_code(hub, phone, code), phone=phone_mark(hub.keys, phone))


async def is_own(hub: Hub, actor: Actor) -> bool:
    """Say whether the hub takes this phone for the rider's own."""
    async with hub.database.read() as connection:
        return await has_own_phone(connection, hub.keys, actor)


async def _joined_by_hash(hub: Hub) -> Actor:
    """Have yi send the identity of jia's rider with a phone of its own, and sign in with that."""
    await take(hub, [row("R-1", **VICTIM)], "jia")
    await take(hub, [row("R-9", **STRANGER)], "yi")
    return await sign_in(hub, OTHER_PHONE)


async def test_a_phone_joined_by_an_identity_hash_reaches_its_own_registration_alone(hub: Hub) -> None:
    """It sees no other platform's registration, gets no copy, erases and corrects nothing of another's."""
    stranger = await _joined_by_hash(hub)
    assert not await is_own(hub, stranger)
    async with hub.look(stranger, "rider.own") as look:
        shown = await own_rider(look, hub)
        choices = await own_registrations(look, hub)
    assert [each.platform for each in shown.registrations] == ["yi"]
    assert (shown.name, shown.phone, shown.withheld) == ("骑*", "199****0002", True)
    assert len(choices) == 1
    with pytest.raises(PhoneNotConfirmed):
        await copy_own(hub, stranger, wired())
    with pytest.raises(PhoneNotConfirmed):
        await erase_own(hub, stranger, wired())
    assert len(await riders_of(hub)) == 2
    with pytest.raises(PhoneNotConfirmed):
        await choose_community(hub, stranger, "110101001001")
    async with hub.database.read() as connection:
        theirs = select(registration.c.id).where(registration.c.platform == "jia")
        other = (await connection.execute(theirs)).scalar_one()
    with pytest.raises(Invalid):
        await ask(hub, stranger, kind="correct", due_at=hub.clock.now(), what="left", registration_id=other)


async def test_the_rider_with_several_numbers_has_one_confirmed_in_person(hub: Hub) -> None:
    """Neither number is the own one until staff confirmed the person; then the next sign-in counts."""
    stranger = await _joined_by_hash(hub)
    victim = await sign_in(hub, PHONE)
    assert victim.rider_id == stranger.rider_id
    assert not await is_own(hub, victim)
    await confirm_new_phone(hub, county_staff(), victim.rider_id or "")
    assert not await is_own(hub, victim)  # the session from before proves nothing
    again = await sign_in(hub, PHONE)
    assert await is_own(hub, again)
    assert not await is_own(hub, await sign_in(hub, OTHER_PHONE))
    assert len((await copy_own(hub, again, wired()))[0].sections) > 1


async def test_a_rider_who_signed_in_stays_the_owner(hub: Hub) -> None:
    """A number joined later takes nothing away from the phone of the first sign-in."""
    await take(hub, [row("R-1", **VICTIM)], "jia")
    victim = await sign_in(hub, PHONE)
    assert await is_own(hub, victim)
    await take(hub, [row("R-9", **STRANGER)], "yi")
    assert not await is_own(hub, await sign_in(hub, OTHER_PHONE))
    assert await is_own(hub, victim)


async def test_who_signed_in_before_the_link_does_not_own_an_older_rider(hub: Hub) -> None:
    """A first sign-in to a registration alone is not one of the rider it is joined to afterwards."""
    await take(hub, [row("R-1", **VICTIM)], "jia")
    hub.clock.advance(minutes=1)  # type: ignore[attr-defined]
    await take(hub, [row("R-9", **STRANGER | {"id_number": None})], "yi")
    assert await is_own(hub, await sign_in(hub, OTHER_PHONE))
    await take(hub, [row("R-9", 2, **STRANGER)], "yi")
    assert not await is_own(hub, await sign_in(hub, OTHER_PHONE))


async def test_one_number_on_two_platforms_is_the_own_one(hub: Hub) -> None:
    """Registrations that state the same phone, or none, are no doubt."""
    await take(hub, [row("R-1", **VICTIM)], "jia")
    await take(hub, [row("R-9", **VICTIM), row("R-10", id_number=id_number(1))], "yi")
    assert await is_own(hub, await sign_in(hub, PHONE))


async def test_a_confirmation_sets_back_every_pseudonym_of_the_person(hub: Hub) -> None:
    """Of two riders who both signed in and were joined, the confirmed number opens all again."""
    await take(hub, [row("R-1", **VICTIM | {"id_number": None})], "jia")
    await take(hub, [row("R-9", **STRANGER | {"id_number": None})], "yi")
    await sign_in(hub, PHONE)
    await sign_in(hub, OTHER_PHONE)
    await take(hub, [row("R-1", 2, **VICTIM)], "jia")
    await take(hub, [row("R-9", 2, **STRANGER)], "yi")
    both = await sign_in(hub, PHONE)
    assert not await is_own(hub, both)
    await confirm_new_phone(hub, county_staff(), both.rider_id or "")
    assert await is_own(hub, await sign_in(hub, PHONE))


async def test_a_rider_made_by_undoing_has_no_first_phone_of_another(hub: Hub) -> None:
    """Whoever leaves a group of linked registrations for a rider of their own starts without a mark."""
    await take(hub, [row("R-1", **VICTIM)], "jia")
    owner = await sign_in(hub, PHONE)
    await take(hub, [row("R-9", **STRANGER)], "yi")
    async with hub.database.write() as connection:
        link = (await connection.execute(select(identity_link.c.id))).scalar_one()
        # As of a link made before the riders' rows were kept: both sides go home to one rider.
        home = {"rider_before_a": owner.rider_id}
        old = update(identity_link).values(rider_before_b=owner.rider_id, evidence={"by": "identity", **home})
        await connection.execute(old)
    await decide_link(hub, county_staff(), link, LinkState.UNDONE)
    other = (await riders_of(hub))["yi/R-9"]
    assert other != owner.rider_id
    async with hub.database.read() as connection:
        mark = (await connection.execute(select(rider.c.first_phone).where(rider.c.id == other))).scalar_one()
    assert mark == no_phone_yet(hub.keys, other)


async def test_words_of_earlier_rights_requests_are_for_the_own_phone(hub: Hub) -> None:
    """Another number sees that there were requests, not what was typed."""
    await take(hub, [row("R-1", **VICTIM)], "jia")
    owner = await sign_in(hub, PHONE)
    async with hub.look(owner, "rider.own") as look:
        [(mine, _)] = await own_registrations(look, hub)
    given = {"what": "name", "registration_id": mine, "value": "金丝雀"}
    await ask(hub, owner, kind="correct", due_at=hub.clock.now(), **given)
    await take(hub, [row("R-1", 2, **VICTIM | {"phone": OTHER_PHONE})], "jia")
    for actor, value in ((owner, "金丝雀"), (await sign_in(hub, OTHER_PHONE), "")):
        async with hub.look(actor, "rider.own") as look:
            assert [each.value for each in await own_requests(look, hub)] == [value]


async def test_staff_confirm_only_in_their_scope(hub: Hub) -> None:
    """Out of scope a rider is absent, and nothing is set back."""
    await take(hub, [row("R-1", **VICTIM)], "jia")
    owner = await sign_in(hub, PHONE)
    with pytest.raises(Absent):
        await confirm_new_phone(hub, county_staff("110105"), owner.rider_id or "")
    assert await is_own(hub, owner)
