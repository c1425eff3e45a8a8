"""Every change and every look passes policy and trail."""

from pathlib import Path

import pytest
from sqlalchemy import insert, select

from rider_hub.access import Actor, Hub, Role
from rider_hub.access.lockout import Client
from rider_hub.access.signing_in import check_password
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.access.users import actor_of, add_user
from rider_hub.clock import FixedClock
from rider_hub.consent.tables import notice
from rider_hub.errors import Conflict, Invalid, Refused, Unauthenticated
from tests.factories import county_staff, make_hub, staff


async def _trail(hub: Hub) -> list[tuple[str, str, str]]:
    async with hub.database.read() as connection:
        rows = await connection.execute(select(audit_row.c.operation, audit_row.c.actor, audit_row.c.outcome))
        return [tuple(row) for row in rows]


async def test_a_change_commits_with_its_row_of_the_trail(database_url: str, tmp_path: Path) -> None:
    """What was done and that it was done are one transaction."""
    async with make_hub(database_url, tmp_path) as hub:
        async with hub.change(county_staff(), "imports.change", target="x") as work:
            work.count(rows=3)
        assert await _trail(hub) == [("imports.change", "user:tester", "done")]


async def test_a_refusal_is_audited_and_looks_like_absence(database_url: str, tmp_path: Path) -> None:
    """Who may not do it gets the answer of a thing that isn't there, and the try is on record."""
    async with make_hub(database_url, tmp_path) as hub:
        with pytest.raises(Refused) as caught:
            async with hub.change(staff(Role.STREET_STAFF), "match.approve"):
                pytest.fail("the block must not run")
        assert caught.value.status == 404
        assert await _trail(hub) == [("match.approve", "user:tester", "refused")]


async def test_a_failure_is_audited_though_its_work_is_undone(database_url: str, tmp_path: Path) -> None:
    """The change rolls back, the row that says it failed stays."""
    async with make_hub(database_url, tmp_path) as hub:

        async def fail() -> None:
            async with hub.change(county_staff(), "imports.change") as work:
                row = {"key": "k", "version": 1, "title": "", "body": "", "published_at": work.now}
                await work.connection.execute(insert(notice), [row])
                raise Conflict("冲突", "conflict")

        with pytest.raises(Conflict):
            await fail()
        assert await _trail(hub) == [("imports.change", "user:tester", "failed")]
        async with hub.database.read() as connection:
            assert (await connection.execute(select(notice))).all() == []


async def test_a_look_that_opens_people_names_them_in_the_trail(database_url: str, tmp_path: Path) -> None:
    """Reading personal data leaves a row with each person; reading none leaves nothing."""
    async with make_hub(database_url, tmp_path) as hub:
        async with hub.look(county_staff(), "riders.view"):
            pass
        assert await _trail(hub) == []
        async with hub.look(county_staff(), "riders.view") as look:
            look.opened(["r2", "r1", "r2"])
        async with hub.database.read() as connection:
            opened = (await connection.execute(select(audit_subject.c.rider_id))).scalars().all()
        assert sorted(opened) == ["r1", "r2"]


async def test_accounts_sign_in_and_one_answer_covers_both_faults(database_url: str, tmp_path: Path) -> None:
    """A wrong password and an unknown user can't be told apart by what is said."""
    async with make_hub(database_url, tmp_path, FixedClock()) as hub:
        boss = staff(Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN)
        here = Client("192.0.2.1")
        await add_user(
            hub,
            boss,
            username="dong",
            display_name="区测试员",
            password="long enough 1",
            roles=[Role.COUNTY_STAFF],
        )
        account = await check_password(hub, "dong", "long enough 1", here)
        assert actor_of(account.row).roles == {Role.COUNTY_STAFF}
        said = []
        for username in ("dong", "nobody"):
            with pytest.raises(Unauthenticated) as caught:
                await check_password(hub, username, "wrong password", here)
            said.append((caught.value.code, caught.value.zh))
        assert said[0] == said[1]


@pytest.mark.parametrize(
    ("password", "roles", "code"),
    [
        ("short", [Role.COUNTY_STAFF], "password_short"),
        ("contains dong inside", [Role.COUNTY_STAFF], "password_has_name"),
        ("long enough 1", [Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN], "duties_not_separated"),
        ("long enough 1", [Role.JOB], "role_not_of_staff"),
    ],
)
async def test_accounts_that_may_not_be_are_refused(
    database_url: str, tmp_path: Path, password: str, roles: list[Role], code: str
) -> None:
    """Weak passwords and one person with two of the three duties are refused by field."""
    async with make_hub(database_url, tmp_path) as hub:
        with pytest.raises(Invalid) as caught:
            await add_user(
                hub,
                staff(Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN),
                username="dong",
                display_name="",
                password=password,
                roles=roles,
            )
        assert [fault.code for fault in caught.value.errors] == [code]


def test_a_rider_acts_only_for_himself() -> None:
    """A rider's scope holds no division and no platform."""
    actor = Actor.rider("r1")
    assert not actor.scope.covers("110101001001", "jia")
