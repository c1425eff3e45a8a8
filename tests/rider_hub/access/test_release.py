"""The system administrator alone takes no account over: a reset one waits for another person's release."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access import Hub, Role
from rider_hub.access.accounts import disable, enable, release, reset_password, reset_second_factor
from rider_hub.access.lockout import Client
from rider_hub.access.own_account import change_password
from rider_hub.access.second_factor import confirm, is_required, offer_secret
from rider_hub.access.signing_in import Stage, check_password, signed_on, stage_of
from rider_hub.access.tables import audit_row
from rider_hub.access.users import find_user, operator
from rider_hub.clock import FixedClock
from rider_hub.errors import Absent, HubError, Invalid, Refused
from rider_hub.settings import Settings
from tests.factories import make_hub
from tests.rider_hub.access.site import add, code_of, visitor

PLACE = Client("192.0.2.1")


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub with the two administrators and a secretary without a second factor."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        await add(opened, "xitong", Role.SYSTEM_ADMIN)
        await add(opened, "anquan", Role.SECURITY_ADMIN)
        await add(opened, "shuji", Role.BRANCH_SECRETARY)
        yield opened


async def _factor(hub: Hub, username: str) -> None:
    row = await find_user(hub, username)
    assert row is not None
    async with hub.database.write() as connection:
        await offer_secret(connection, hub.keys, row["id"])
    code = await code_of(hub, username, pending=True)
    async with hub.database.write() as connection:
        assert await confirm(connection, hub.keys, row["id"], code, hub.clock.now())


async def _refused(hub: Hub, password: str) -> str:
    with pytest.raises(HubError) as caught:
        await check_password(hub, "shuji", password, PLACE)
    return caught.value.code


@pytest.mark.parametrize("role", [Role.BRANCH_SECRETARY, Role.COUNSELLING_OFFICER, Role.STREET_STAFF])
def test_who_opens_people_needs_a_second_factor(role: Role) -> None:
    """By default the roles that see members, confidential requests and phones must have one; the demo not."""
    assert is_required(Settings(), [role])
    assert not is_required(Settings(demo=True), [role])


async def test_a_reset_account_waits_for_the_security_administrator(hub: Hub) -> None:
    """The new password opens nothing, the log-in says who must release it, and one button does."""
    async with visitor(hub) as system, visitor(hub) as security, visitor(hub) as thief:
        await system.sign_in("xitong")
        await security.sign_in("anquan")
        page = await (await system.send("/accounts/shuji/password", page="/account")).text()
        found = re.search(r'<p class="one-time"><code>(\S+)</code>', page)
        assert found is not None
        refused = await thief.sign_in("shuji", found[1])
        assert (refused.status, "须由安全管理员放行" in await refused.text()) == (403, True)
        assert "待放行" in (await security.show("/accounts?state=held"))[1]
        assert ">放行</button>" in (await security.show("/accounts/shuji"))[1]
        assert ">放行</button>" not in (await system.show("/accounts/shuji"))[1]
        assert (await system.send("/accounts/shuji/release", page="/account")).status == 404
        assert (await security.send("/accounts/shuji/release", page="/account")).status == 303
        assert (await thief.sign_in("shuji", found[1])).headers["Location"] == "/login/password"
    async with hub.database.read() as connection:
        query = select(audit_row.c.actor).where(
            audit_row.c.operation == "users.grant", audit_row.c.target == "user:shuji"
        )
        assert list((await connection.execute(query)).scalars()) == ["user:anquan"]


async def test_so_does_one_that_was_enabled_again(hub: Hub) -> None:
    """By password as by single sign-on, whatever the provider says of a second factor."""
    system = await operator(hub, "xitong")
    await disable(hub, system, "shuji")
    password = await enable(hub, system, "shuji")
    assert await _refused(hub, password) == "not_released"
    row = await find_user(hub, "shuji")
    assert row is not None
    with pytest.raises(HubError) as caught:
        await signed_on(hub, row, second_factor_shown=True)
    assert caught.value.code == "not_released"
    await release(hub, await operator(hub, "anquan"), "shuji")
    assert (await check_password(hub, "shuji", password, PLACE)).username == "shuji"


async def test_an_account_with_a_factor_needs_no_release(hub: Hub) -> None:
    """It is asked for its code; a password changed after that is the holder's own, and nothing waits."""
    await _factor(hub, "shuji")
    password = await reset_password(hub, await operator(hub, "xitong"), "shuji")
    account = await check_password(hub, "shuji", password, PLACE)
    assert stage_of(hub.settings, account, hub.clock.now()) is Stage.CODE
    await change_password(hub, account.row, password, "another phrase for the tests", PLACE)
    await reset_second_factor(hub, await operator(hub, "anquan"), "shuji")
    assert (await check_password(hub, "shuji", "another phrase for the tests", PLACE)).username == "shuji"


async def test_the_factor_taken_away_after_a_reset_is_no_release(hub: Hub) -> None:
    """Two resets of one account are two questions to the security administrator, the second one a release."""
    await _factor(hub, "shuji")
    password = await reset_password(hub, await operator(hub, "xitong"), "shuji")
    await reset_second_factor(hub, await operator(hub, "anquan"), "shuji")
    assert await _refused(hub, password) == "not_released"


async def test_nobody_releases_what_they_reset(hub: Hub) -> None:
    """Not by a second account of the same person, not the own one, and not where nothing waits."""
    await add(hub, "xitong2", Role.SYSTEM_ADMIN, phone="13800000001")
    await add(hub, "anquan2", Role.SECURITY_ADMIN, phone="13800000001")
    twin, security = await operator(hub, "anquan2"), await operator(hub, "anquan")
    with pytest.raises(Absent):
        await release(hub, security, "shuji")
    await reset_password(hub, await operator(hub, "xitong2"), "shuji")
    with pytest.raises(Refused):
        await release(hub, twin, "shuji")
    with pytest.raises(Refused):
        await release(hub, await operator(hub, "xitong"), "shuji")
    await reset_password(hub, await operator(hub, "xitong"), "anquan")
    with pytest.raises(Invalid):
        await release(hub, security, "anquan")
    await release(hub, security, "shuji")
