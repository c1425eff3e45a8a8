"""Declaring rests on separate consent, withdrawal works at once, and nobody else's data is reached."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from rider_hub.access import Actor, Change, Hub, Keyring
from rider_hub.access.audit import actor_named
from rider_hub.access.tables import audit_row
from rider_hub.clock import FixedClock
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports, Withdrawal
from rider_hub.errors import Conflict, HubError, Invalid, Refused
from rider_hub.membership import ports as membership_ports
from rider_hub.membership.ledger import live_consents
from rider_hub.membership.model import Kind
from rider_hub.membership.service import bodies_for, declare, opt_in, own_membership, withdraw
from rider_hub.membership.tables import declaration
from rider_hub.riders.tables import identity_link, registration
from rider_hub.storage import insert_rows
from tests.factories import county_staff, make_hub
from tests.rider_hub.membership.factories import BRANCH, INDUSTRY, OTHER_COUNTY, add_riders, settle

JOB = Actor.job("test")


async def _declare(hub: Hub, actor: Actor, **changed: Any) -> None:
    given: dict[str, Any] = {
        "kind": Kind.FULL,
        "home_organization": "外省某县某镇某村党支部(示例)",
        "body": BRANCH,
        "notice_version": 1,
        "invitations_version": 1,
    }
    await declare(hub, actor, **(given | changed))


async def _live(hub: Hub, purpose: str, body: str | None = None) -> set[tuple[str, str]]:
    async with hub.look(JOB, "membership.surface") as look:
        return {(c.rider_id, c.body) async for c in live_consents(look, hub.keys, purpose, body)}


async def test_a_declaration_is_kept_with_its_two_consents(database_url: str, tmp_path: Path) -> None:
    """The rider sees what was declared, to whom, and both consents; a second declaration is refused."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        (actor,) = await add_riders(hub)
        await _declare(hub, actor)
        own = await own_membership(hub, actor)
        assert own.declaration is not None
        assert (own.declaration.kind, own.declaration.body) == (Kind.FULL, BRANCH)
        assert {(c.purpose, c.body, c.notice_version) for c in own.consents} == {
            (Purpose.DECLARATION, BRANCH, 1),
            (Purpose.PARTY_ACTIVITIES, BRANCH, 1),
        }
        with pytest.raises(Conflict):
            await _declare(hub, actor, body=INDUSTRY)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"notice_version": None}, "consent_missing"),
        ({"body": "NOWHERE"}, "body_unknown"),
        ({"body": OTHER_COUNTY}, "body_unknown"),
        ({"home_organization": " "}, "home_organization_length"),
        ({"home_organization": "长" * 61}, "home_organization_length"),
        ({"home_organization": "某\u0000支部"}, "home_organization_length"),
    ],
)
async def test_without_consent_or_with_bad_fields_nothing_is_kept(
    database_url: str, tmp_path: Path, changed: dict[str, Any], code: str
) -> None:
    """The refusal names the field, and neither a record nor a consent is written."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        (actor,) = await add_riders(hub)
        with pytest.raises(Invalid) as refusal:
            await _declare(hub, actor, **changed)
        assert [fault.code for fault in refusal.value.errors] == [code]
        async with hub.database.read() as connection:
            assert (await connection.execute(select(declaration))).first() is None


async def test_withdrawal_works_at_once_and_wipes_the_declaration(database_url: str, tmp_path: Path) -> None:
    """After withdrawing, nothing is live, the content is gone, the ledger still says what happened."""
    told: list[tuple[str, str]] = []

    async def tell(work: Change, keys: Keyring, withdrawal: Withdrawal) -> None:
        told.append((withdrawal.purpose, withdrawal.body))

    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        (actor,) = await add_riders(hub)
        await _declare(hub, actor)
        assert await _live(hub, Purpose.PARTY_ACTIVITIES) == {(actor.rider_id, BRANCH)}
        assert await withdraw(hub, actor, Ports(on_withdrawn=(tell,)), purpose=Purpose.DECLARATION) == 2
        assert await _live(hub, Purpose.DECLARATION) == await _live(hub, Purpose.PARTY_ACTIVITIES) == set()
        own = await own_membership(hub, actor)
        assert (own.declaration, own.consents) == (None, ())
        assert [entry.act for entry in own.ledger] == ["given", "given", "withdrawn", "withdrawn"]
        assert set(told) == {(Purpose.DECLARATION, BRANCH), (Purpose.PARTY_ACTIVITIES, BRANCH)}
        await _declare(hub, actor, kind=Kind.PROBATIONARY, body=INDUSTRY)
        assert await _live(hub, Purpose.PARTY_ACTIVITIES) == {(actor.rider_id, INDUSTRY)}


async def test_a_withdrawal_whose_consequences_fail_is_taken_back(database_url: str, tmp_path: Path) -> None:
    """What other capabilities end belongs to the same transaction."""

    async def fail(work: Change, keys: Keyring, withdrawal: Withdrawal) -> None:
        raise RuntimeError

    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        (actor,) = await add_riders(hub)
        await _declare(hub, actor)
        with pytest.raises(RuntimeError):
            await withdraw(hub, actor, Ports(on_withdrawn=(fail,)), purpose=Purpose.DECLARATION)
        assert (await own_membership(hub, actor)).declaration is not None


async def test_invitations_can_be_stopped_and_the_declaration_kept(database_url: str, tmp_path: Path) -> None:
    """The consent to be invited ends by itself and can be given again; each consent has its own purpose."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        (actor,) = await add_riders(hub)
        await _declare(hub, actor)
        assert await withdraw(hub, actor, Ports(), purpose=Purpose.PARTY_ACTIVITIES) == 1
        assert await _live(hub, Purpose.DECLARATION) == {(actor.rider_id, BRANCH)}
        await opt_in(hub, actor, purpose=Purpose.PARTY_ACTIVITIES, body=BRANCH, notice_version=1)
        await opt_in(hub, actor, purpose=Purpose.PARTY_ACTIVITIES, body=BRANCH, notice_version=1)
        assert len((await own_membership(hub, actor)).consents) == 2
        with pytest.raises(Conflict):
            await opt_in(hub, actor, purpose=Purpose.PARTY_ACTIVITIES, body=INDUSTRY, notice_version=1)


async def test_open_activities_need_no_declaration(database_url: str, tmp_path: Path) -> None:
    """A rider who declared nothing may opt in to open activities, not to a party organization's own."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        (actor,) = await add_riders(hub)
        with pytest.raises(Invalid):
            await opt_in(hub, actor, purpose=Purpose.OPEN_ACTIVITIES, body=BRANCH, notice_version=None)
        await opt_in(hub, actor, purpose=Purpose.OPEN_ACTIVITIES, body=BRANCH, notice_version=1)
        assert await _live(hub, Purpose.OPEN_ACTIVITIES, BRANCH) == {(actor.rider_id, BRANCH)}
        assert await _live(hub, Purpose.OPEN_ACTIVITIES, INDUSTRY) == set()
        for purpose in (Purpose.PARTY_ACTIVITIES, Purpose.DECLARATION, "everything"):
            with pytest.raises(HubError):
                await opt_in(hub, actor, purpose=purpose, body=BRANCH, notice_version=1)


async def test_only_riders_reach_their_own(database_url: str, tmp_path: Path) -> None:
    """Staff can neither declare for a rider nor look; one rider's view never holds another's."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        first, second = await add_riders(hub, 2)
        await _declare(hub, first)
        assert (await own_membership(hub, second)).declaration is None
        for actor in (county_staff(), JOB):
            with pytest.raises(Refused):
                await own_membership(hub, actor)
            with pytest.raises(Refused):
                await _declare(hub, actor)


async def test_nearest_organizations_are_offered_first(database_url: str, tmp_path: Path) -> None:
    """The choice holds the rider's community and county, the community's first, none of another county."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        (actor,) = await add_riders(hub)
        assert [body.code for body in await bodies_for(hub, actor)] == [BRANCH, INDUSTRY]


async def test_every_live_consent_is_given_page_by_page(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Riders over several pages are each given once, and a withdrawn one not at all."""
    monkeypatch.setattr("rider_hub.membership.store._PAGE", 2)
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        actors = await add_riders(hub, 5)
        for actor in actors:
            await _declare(hub, actor)
        await withdraw(hub, actors[2], Ports(), purpose=Purpose.DECLARATION)
        expected = {(actor.rider_id, BRANCH) for actor in actors if actor is not actors[2]}
        assert await _live(hub, Purpose.PARTY_ACTIVITIES) == expected


async def test_copy_and_erasure_reach_everything_private(database_url: str, tmp_path: Path) -> None:
    """The copy names what was declared and consented to; after erasure no row of the rider is left."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        first, second = await add_riders(hub, 2)
        for actor in (first, second):
            await _declare(hub, actor)
        assert first.rider_id is not None
        async with hub.look(JOB, "membership.surface") as look:
            sections = await membership_ports.export(look, hub.keys, first.rider_id)
        assert [section.title for section in sections] == ["党员身份申报", "同意记录"]
        assert ("申报类别", "正式党员") in sections[0].entries
        async with hub.change(JOB, "membership.surface") as work:
            assert await membership_ports.erase(work, hub.keys, first.rider_id) == 1
            assert await membership_ports.export(work, hub.keys, first.rider_id) == []
        assert (await own_membership(hub, second)).declaration is not None


async def test_the_trail_does_not_tell_who_declared(database_url: str, tmp_path: Path) -> None:
    """Declaring and opting in to open activities leave audit rows that differ in nothing but who and when."""
    async with make_hub(database_url, tmp_path, FixedClock()) as hub:
        await settle(hub)
        first, second = await add_riders(hub, 2)
        await _declare(hub, first)
        await opt_in(hub, second, purpose=Purpose.OPEN_ACTIVITIES, body=BRANCH, notice_version=1)
        columns = [audit_row.c[name] for name in ("operation", "target", "purpose", "outcome", "counts")]
        async with hub.database.read() as connection:
            query = select(audit_row.c.actor, *columns).where(audit_row.c.actor.like("rider:%"))
            rows = (await connection.execute(query)).all()
        assert len({row.actor for row in rows}) == len(rows) == 2
        assert len({str(tuple(row)[1:]) for row in rows}) == 1


async def test_what_was_consented_to_stays_in_reach_after_a_link(database_url: str, tmp_path: Path) -> None:
    """When two registrations turn out to be one person's, the declaration stays in reach."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        first, second, stranger = await add_riders(hub, 3)
        await _declare(hub, second)
        await _declare(hub, stranger)
        async with hub.database.write() as connection:
            ids = {row.rider_id: row.id for row in await connection.execute(select(registration))}
            link = {
                "id": "link",
                "registration_a": ids[first.rider_id],
                "registration_b": ids[second.rider_id],
                "rider_before_b": second.rider_id,
                "state": "confirmed",
                "evidence": {"rider_before_a": first.rider_id},
                "created_at": hub.clock.now(),
                "decided_at": None,
                "decided_by": None,
            }
            await insert_rows(connection, identity_link, [link])
        assert (await own_membership(hub, first)).declaration is None
        async with hub.database.write() as connection:
            moved = update(registration).where(registration.c.id == ids[second.rider_id])
            await connection.execute(moved.values(rider_id=first.rider_id))
        assert (await own_membership(hub, first)).declaration is not None
        with pytest.raises(Conflict):
            await _declare(hub, first)
        assert await withdraw(hub, first, Ports(), purpose=Purpose.DECLARATION) == 2
        assert await _live(hub, Purpose.DECLARATION) == {(stranger.rider_id, BRANCH)}


async def test_no_act_on_own_data_is_tied_to_a_rider(database_url: str, tmp_path: Path) -> None:
    """Without the keys the trail does not say which rider declared; with them the acts are found."""
    async with make_hub(database_url, tmp_path, FixedClock()) as hub:
        await settle(hub)
        first, _ = await add_riders(hub, 2)
        await _declare(hub, first)
        await withdraw(hub, first, Ports(), purpose=Purpose.DECLARATION)
        async with hub.database.read() as connection:
            query = select(audit_row).where(audit_row.c.operation == "rider.own")
            rows = (await connection.execute(query)).mappings().all()
        assert len(rows) == 2
        assert first.rider_id is not None
        assert not any(first.rider_id in str(dict(row)) for row in rows)
        for row in rows:
            assert row["actor"] == actor_named(hub.keys, first, "rider.own", row["id"])
        assert len({row["actor"] for row in rows}) == len(rows)
