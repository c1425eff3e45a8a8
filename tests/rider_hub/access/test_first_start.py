"""The first start: no default account, a token on the console that makes the first one, and then nothing."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access import Hub, Role
from rider_hub.access.account_tables import setup_token, user
from rider_hub.access.first_start import first_administrator, offer_setup
from rider_hub.access.users import find_user
from rider_hub.clock import FixedClock
from rider_hub.errors import HubError
from tests.factories import make_hub
from tests.rider_hub.access.site import PASSWORD, Visitor, add, visitor


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub that holds nothing yet."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        yield opened


async def _set_up(browser: Visitor, token: str, **fields: str) -> int:
    form = {"username": "xitong", "display_name": "管理员", "new": PASSWORD, "again": PASSWORD, **fields}
    return (await browser.send("/setup", token=token, **form)).status


async def test_a_new_hub_has_no_account_and_prints_a_token_of_which_it_keeps_the_hash(hub: Hub) -> None:
    """Nothing opens a new hub but what its console shows."""
    token = await offer_setup(hub)
    assert token is not None
    async with hub.database.read() as connection:
        assert (await connection.execute(select(user))).all() == []
        kept = (await connection.execute(select(setup_token))).mappings().all()
    assert len(kept) == 1
    assert token not in repr(kept)


async def test_the_token_makes_one_system_administrator_and_the_page_is_gone(hub: Hub) -> None:
    """After the first account the page is absent, for the token too; the next start prints none."""
    token = await offer_setup(hub)
    assert token is not None
    async with visitor(hub) as browser:
        assert "/setup" in (await browser.show("/login"))[1]
        assert await _set_up(browser, token) == 303
        assert (await browser.show("/setup"))[0] == 404
        assert (await browser.send("/setup", page="/login", token=token)).status == 404
        await browser.sign_in("xitong")
        _, page = await browser.show("/accounts")
        assert re.search("还没有审计管理员、安全管理员|还没有安全管理员、审计管理员", page)
    row = await find_user(hub, "xitong")
    assert row is not None
    assert row["roles"] == [Role.SYSTEM_ADMIN]
    assert await offer_setup(hub) is None


async def test_wrong_old_and_replaced_tokens_make_nothing(hub: Hub) -> None:
    """A token ends after an hour, and when the service starts again."""
    first = await offer_setup(hub)
    second = await offer_setup(hub)
    assert first is not None
    assert second is not None
    async with visitor(hub) as browser:
        assert await _set_up(browser, "guess") == 422
        assert await _set_up(browser, first) == 422
        assert await _set_up(browser, second, new="short", again="short") == 422
        assert await _set_up(browser, second, again="another") == 422
        hub.clock.advance(hours=1)  # type: ignore[attr-defined]
        assert await _set_up(browser, second) == 422
    assert await find_user(hub, "xitong") is None


async def test_all_that_is_wrong_is_told_at_once(hub: Hub) -> None:
    """Token, name, password and its repetition have their faults in one answer; then one signs in."""
    token = await offer_setup(hub) or ""
    async with visitor(hub) as browser:
        wrong = await browser.send("/setup", token="guess", username="坏 名", new="short", again="else")
        text = await wrong.text()
        for name in ("token", "username", "display_name", "new", "again"):
            assert f'id="{name}-error"' in text
        fields = {"username": "xitong", "display_name": "管理员", "new": PASSWORD, "again": PASSWORD}
        made = await browser.send("/setup", token=token, **fields)
        assert "账号已建立，请登录" in (await browser.show(made.headers["Location"]))[1]
        await browser.sign_in("xitong")
        assert "还没有人：" in (await browser.show("/"))[1]
        added = await browser.send("/accounts/new", username="second", display_name="二")
        assert "现在可由您指定" in await added.text()


async def test_of_two_at_once_one_is_the_first(hub: Hub) -> None:
    """Two who hold the token make one account."""
    token = await offer_setup(hub) or ""

    async def claim(name: str) -> bool:
        try:
            await first_administrator(hub, token, username=name, display_name="x", password=PASSWORD)
        except HubError:
            return False
        return True

    assert sorted(await asyncio.gather(claim("one"), claim("two"))) == [False, True]


async def test_the_first_administrator_names_the_other_two_and_no_more(hub: Hub) -> None:
    """Until there is a security administrator, the system one names that one and the auditor alone."""
    await add(hub, "xitong", Role.SYSTEM_ADMIN)
    await add(hub, "second")
    await add(hub, "third")
    async with visitor(hub) as browser:
        await browser.sign_in("xitong")
        assert (await browser.send("/accounts/second/grant", roles=["county_staff"])).status == 422
        assert (await browser.send("/accounts/second/grant", roles=["security_admin"])).status == 303
        assert (await browser.send("/accounts/third/grant", roles=["security_admin"])).status == 422
        assert (await browser.send("/accounts/third/grant", roles=["audit_admin"])).status == 303
        assert (await browser.send("/accounts/second/grant", roles=["audit_admin"])).status == 404
        assert "还没有" not in (await browser.show("/accounts"))[1]
