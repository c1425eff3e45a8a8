"""Accounts, approvals and linked identities changed past the hub open nothing, and are named."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, delete, insert, select, update

from rider_hub.access import Hub, Role
from rider_hub.access.account_tables import session, user
from rider_hub.access.accounts import disable, grant
from rider_hub.access.answering import answer
from rider_hub.access.emergency import ask_access, with_grants
from rider_hub.access.first_start import console
from rider_hub.access.purposes import EMERGENCY_REASONS, Purpose
from rider_hub.access.row_macs import RowAltered
from rider_hub.access.sso.links import account_of, confirm_identity, link_identity
from rider_hub.access.sso.tables import linked_identity
from rider_hub.access.tables import approval, audit_row
from rider_hub.access.users import actor_of, find_user, operator
from rider_hub.access.verify import verify
from rider_hub.clock import FixedClock
from rider_hub.settings_sso import SignOnSettings
from tests.factories import make_hub, staff
from tests.rider_hub.access.site import add, visitor

PURPOSE = Purpose.stated(EMERGENCY_REASONS, "incident", "大风天联系骑手")
ISSUER = "https://login.example"


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub with one account of a street and the security administrator."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        await add(opened, "anquan", Role.SECURITY_ADMIN)
        await add(opened, "jiedao", Role.STREET_STAFF, phone="13800000001")
        yield opened


async def _write(hub: Hub, table: Table, **values: Any) -> None:
    """Change rows as whoever has the database and no keys; of the accounts, the street's."""
    change = update(table).values(**values)
    async with hub.database.write() as connection:
        await connection.execute(change.where(user.c.username == "jiedao") if table is user else change)


async def _found(hub: Hub) -> list[tuple[str, str | None]]:
    async with hub.database.read() as connection:
        report = await verify(connection, hub.keys, [])
    return [(one.code, one.row) for one in report.findings if one.code.endswith("_altered")]


CHANGES: list[dict[str, Any]] = [
    {"roles": ["branch_secretary"]},
    {"divisions": ["11"]},
    {"platforms": ["jia"]},
    {"partners": ["乙"]},
    {"parks": ["YQ-1"]},
    {"organizations": ["ZB-1"]},
    {"password_hash": "$argon2id$other"},
    {"password_temporary": True},
    {"epoch": 7},
    {"held_by": "user:xitong"},
    {"phone_index": None},
    {"username": "other"},
    {"row_mac": None},
    {"row_mac": b"short"},
]


@pytest.mark.parametrize("change", CHANGES, ids="-".join)
async def test_an_altered_account_is_nobody(hub: Hub, change: dict[str, Any]) -> None:
    """Whatever was changed by hand: no actor at the command line or in a log-in; verification names it."""
    assert await _found(hub) == []
    await _write(hub, user, **change)
    name = change.get("username", "jiedao")
    with pytest.raises(RowAltered):
        await operator(hub, name)
    with pytest.raises(RowAltered):
        await grant(hub, await operator(hub, "anquan"), name, roles=[Role.INSTRUCTOR])
    with pytest.raises(RowAltered):
        await disable(hub, console(), name)
    assert await _found(hub) == [("account_altered", name)]


async def test_a_disabled_account_is_not_enabled_by_hand(hub: Hub) -> None:
    """Taking the mark of disabling away brings nobody back."""
    await disable(hub, console(), "jiedao")
    await _write(hub, user, disabled_at=None)
    with pytest.raises(RowAltered):
        await find_user(hub, "jiedao")


async def test_a_session_of_an_altered_account_is_over(hub: Hub) -> None:
    """The next request has no session, the log-in says why in Chinese, and the trail has both as failed."""
    async with visitor(hub) as browser:
        assert (await browser.sign_in("jiedao")).status == 303
        assert (await browser.show("/riders"))[0] == 200
        await _write(hub, user, roles=["county_staff", "street_staff"])
        assert (await browser.show("/riders"))[0] == 303
        async with hub.database.read() as connection:
            assert (await connection.execute(select(session))).all() == []
        refused = await browser.sign_in("jiedao")
        assert (refused.status, "审计管理员核查" in await refused.text()) == (403, True)
    async with hub.database.read() as connection:
        query = select(audit_row.c.outcome).where(audit_row.c.target == "user:jiedao row_altered")
        assert list((await connection.execute(query)).scalars()) == ["failed", "failed"]


async def test_an_account_written_by_hand_is_nobody(hub: Hub) -> None:
    """A copy of a real row under another id and name does not agree with the copied MAC."""
    async with hub.database.write() as connection:
        row = (await connection.execute(select(user).where(user.c.username == "jiedao"))).mappings().one()
        await connection.execute(insert(user).values(**{**row, "id": "x", "username": "copy"}))
    with pytest.raises(RowAltered):
        await find_user(hub, "copy")
    assert await _found(hub) == [("account_altered", "copy")]


@pytest.mark.parametrize(
    "change",
    [
        {"state": "approved"},
        {"state": "approved", "decided_by": "user:county"},
        {"divisions": ["110101001"]},
        {"asked_by": "user:somebody"},
        {"lapses_at": None},
        {"row_mac": None},
    ],
    ids="-".join,
)
async def test_an_altered_approval_holds_for_nothing(hub: Hub, change: dict[str, Any]) -> None:
    """Neither a yes written by hand nor an ask bent afterwards lends anything or can be answered."""
    if change.get("lapses_at", 0) is None:
        change = {"lapses_at": hub.clock.now() + timedelta(days=900)}
    actor = replace(staff(Role.INSTRUCTOR, divisions=("110101001",)), id="user:asker")
    asked = await ask_access(
        hub, actor, role="street_staff", division="110101002", title="乙", minutes=60, purpose=PURPOSE
    )
    assert await _found(hub) == []
    await _write(hub, approval, **change)
    async with hub.database.read() as connection:
        assert (await with_grants(connection, hub.keys, actor, hub.clock.now())).grants == ()
    with pytest.raises(RowAltered):
        await answer(hub, replace(staff(Role.COUNTY_STAFF), id="user:county"), asked.id, approve=True)
    assert await _found(hub) == [("approval_altered", asked.id)]


async def test_a_linked_identity_is_not_confirmed_by_hand(hub: Hub) -> None:
    """A link bent to another account, or written whole, opens nothing."""
    settings = SignOnSettings(issuer=ISSUER, client_id="rider-hub", client_secret="s", redirect_uri="")
    hub = replace(hub, settings=replace(hub.settings, sign_on=settings))
    await link_identity(hub, console(), username="jiedao", subject="S-1")
    row, other = await find_user(hub, "jiedao"), await find_user(hub, "anquan")
    assert row is not None
    assert other is not None
    await confirm_identity(hub, actor_of(row), row["id"], "S-1")
    assert (await account_of(hub, ISSUER, "S-1") or {})["username"] == "jiedao"
    assert await _found(hub) == []
    await _write(hub, linked_identity, user_id=other["id"])
    with pytest.raises(RowAltered):
        await account_of(hub, ISSUER, "S-1")
    assert await _found(hub) == [("identity_altered", other["id"])]
    async with hub.database.write() as connection:
        await connection.execute(delete(linked_identity))
        now = hub.clock.now()
        await connection.execute(
            insert(linked_identity).values(
                issuer=ISSUER, subject="S-2", user_id=row["id"], linked_at=now, confirmed_at=now
            )
        )
    with pytest.raises(RowAltered):
        await account_of(hub, ISSUER, "S-2")
