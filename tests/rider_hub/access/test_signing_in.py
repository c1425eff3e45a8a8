"""Signing in through the pages: password, second factor, due changes, and when a session is over."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access import Hub, Keyring, Role
from rider_hub.access.account_tables import session, sign_in_step, user
from rider_hub.access.accounts import disable, grant, reset_password, reset_second_factor
from rider_hub.access.first_start import console
from rider_hub.access.keyfile import ROTATED
from rider_hub.access.lockout import Client
from rider_hub.access.passwords import hash_password, is_outdated, verify_password
from rider_hub.access.second_factor import confirm, offer_secret, use_code
from rider_hub.access.signing_in import (
    Stage,
    check_code,
    check_password,
    open_step,
    signed_on,
    stage_of,
)
from rider_hub.access.staff_sessions import find_session, open_staff_session
from rider_hub.access.users import find_user
from rider_hub.clock import FixedClock
from rider_hub.storage import Database
from tests.factories import make_hub
from tests.rider_hub.access.site import PASSWORD, Visitor, add, code_of, cookie_of, strict, visitor

NEW = "another phrase for the tests"


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub as in a county, with an account that needs a second factor and one that does not."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        await add(opened, "qu", Role.COUNTY_STAFF)
        await add(opened, "jiedao", Role.INSTRUCTOR)
        yield strict(opened)


async def _enrol(hub: Hub, browser: Visitor, username: str = "qu") -> list[str]:
    """Sign in for the first time and set the second factor up; returns the recovery codes."""
    assert (await browser.sign_in(username)).headers["Location"] == "/login/second-factor"
    await browser.show("/login/second-factor")
    code = await code_of(hub, username, pending=True)
    page = await (await browser.send("/login/second-factor", code=code)).text()
    return re.findall(r"<code>((?:[A-Z2-7]{4}-){3}[A-Z2-7]{4})</code>", page)


async def test_the_password_alone_opens_nothing_where_a_second_factor_is_due(hub: Hub) -> None:
    """Between the two questions there is no session: pages stay closed, with the step's cookie as without."""
    async with visitor(hub) as browser:
        answer = await browser.sign_in("qu")
        assert answer.headers["Location"] == "/login/second-factor"
        assert cookie_of(answer, "rider_hub_session") == ""
        assert (await browser.show("/riders"))[0] == 303
        async with hub.database.read() as connection:
            assert (await connection.execute(select(session))).all() == []
        step = cookie_of(answer, "rider_hub_step").partition("=")[2].partition(";")[0]
        forged = await browser.get("/riders", cookies={"rider_hub_session": step}, allow_redirects=False)
        assert forged.status == 303
        assert "Path=/login" in cookie_of(answer, "rider_hub_step")


async def test_enrolling_signs_in_and_shows_ten_recovery_codes_once(hub: Hub) -> None:
    """The first log-in of a role that needs it ends with a confirmed app, codes to keep, and a session."""
    async with visitor(hub) as browser:
        codes = await _enrol(hub, browser)
        assert len(set(codes)) == 10
        assert (await browser.show("/riders"))[0] == 200
        _, page = await browser.show("/account")
        assert "还有 10 个恢复码" in page
        assert not any(code in page for code in codes)


async def test_a_wrong_code_confirms_nothing(hub: Hub) -> None:
    """Whoever can't read the app is not enrolled, and is asked again with the same secret."""
    async with visitor(hub) as browser:
        await browser.sign_in("qu")
        _, before = await browser.show("/login/second-factor")
        answer = await browser.send("/login/second-factor", code="000000")
        assert answer.status == 422
        secret = re.search(r"<code>([A-Z2-7 ]{39})</code>", before)
        assert secret is not None
        assert secret[1] in await answer.text()
        assert (await browser.show("/riders"))[0] == 303


@pytest.mark.parametrize(("steps", "opens"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_code_is_good_one_step_early_or_late(hub: Hub, steps: int, opens: bool) -> None:
    """Thirty seconds either side are forgiven to clocks, no more."""
    async with visitor(hub) as browser:
        await _enrol(hub, browser)
    hub.clock.advance(minutes=5)  # type: ignore[attr-defined]
    async with visitor(hub) as browser:
        assert (await browser.sign_in("qu")).headers["Location"] == "/login/code"
        answer = await browser.send("/login/code", code=await code_of(hub, "qu", steps=steps))
        assert (answer.status == 303) is opens
        assert ((await browser.show("/riders"))[0] == 200) is opens


async def test_a_code_works_once(hub: Hub) -> None:
    """A code read over a shoulder opens nothing once its owner used it, the enrolment's among them."""
    async with visitor(hub) as owner:
        await _enrol(hub, owner)
    async with visitor(hub) as thief:
        await thief.sign_in("qu")
        assert (await thief.send("/login/code", code=await code_of(hub, "qu"))).status == 401
        hub.clock.advance(seconds=30)  # type: ignore[attr-defined]
        code = await code_of(hub, "qu")
        assert (await thief.send("/login/code", code=code)).status == 303
    async with visitor(hub) as second:
        await second.sign_in("qu")
        assert (await second.send("/login/code", code=code)).status == 401
        assert (await second.send("/login/code", code=await code_of(hub, "qu", steps=-1))).status == 401


@pytest.mark.parametrize("kind", ["app", "recovery"])
async def test_of_two_requests_with_one_code_one_comes_in(hub: Hub, kind: str) -> None:
    """At the same moment, in two processes: one code, one use."""
    async with visitor(hub) as browser:
        codes = await _enrol(hub, browser)
    hub.clock.advance(minutes=5)  # type: ignore[attr-defined]
    code = codes[0] if kind == "recovery" else await code_of(hub, "qu")
    other = replace(hub, database=Database(hub.database.url))
    async with hub.database.read() as connection:
        user_id = (await connection.execute(select(user.c.id).where(user.c.username == "qu"))).scalar_one()

    async def use(one: Hub) -> str | None:
        async with one.database.write() as connection:
            return await use_code(connection, one.keys, user_id, code, one.clock.now())

    used = await asyncio.gather(*(use(one) for one in (hub, other) * 4))
    await other.database.close()
    assert sorted(filter(None, used)) == [kind]


async def test_a_recovery_code_opens_once_and_is_counted(hub: Hub) -> None:
    """Typed small and without dashes it works, a second time it does not; nine are left."""
    async with visitor(hub) as browser:
        codes = await _enrol(hub, browser)
    async with visitor(hub) as browser:
        await browser.sign_in("qu")
        typed = codes[3].lower().replace("-", " ")
        assert (await browser.send("/login/code", code=typed)).status == 303
        assert "还有 9 个恢复码" in (await browser.show("/account"))[1]
    async with visitor(hub) as browser:
        await browser.sign_in("qu")
        assert (await browser.send("/login/code", code=codes[3])).status == 401


async def test_codes_are_guessed_five_times(hub: Hub) -> None:
    """Whoever knows the password alone has five guesses in half an hour at the code."""
    async with visitor(hub) as browser:
        await _enrol(hub, browser)
    hub.clock.advance(minutes=5)  # type: ignore[attr-defined]
    async with visitor(hub, "198.51.100.9") as thief:
        await thief.sign_in("qu")
        tries = [(await thief.send("/login/code", code=f"00000{n}")).status for n in range(6)]
        assert tries == [401] * 5 + [429]
        assert (await thief.send("/login/code", code=await code_of(hub, "qu"))).status == 429


async def test_a_step_is_over_after_ten_minutes_and_with_any_change(hub: Hub) -> None:
    """A half-open sign-in left at a desk leads nowhere, nor one begun with a password changed since."""
    async with visitor(hub) as browser:
        await browser.sign_in("qu")
        hub.clock.advance(minutes=11)  # type: ignore[attr-defined]
        assert (await browser.get("/login/second-factor", allow_redirects=False)).headers[
            "Location"
        ] == "/login"
        await browser.sign_in("qu")
        await reset_password(hub, console(), "qu")
        assert (await browser.get("/login/second-factor", allow_redirects=False)).headers[
            "Location"
        ] == "/login"
        async with hub.database.read() as connection:
            rows = (await connection.execute(select(sign_in_step.c.epoch))).scalars().all()
        assert 2 not in rows


async def test_the_cookie_is_out_of_reach_and_new_at_each_sign_in(hub: Hub) -> None:
    """HttpOnly and SameSite, Secure where the visitor came by https, and never the one brought along."""
    async with visitor(hub) as browser:
        fixed = {"rider_hub_session": "s-fixed-by-somebody"}
        _, page = await browser.show("/login")
        token = page.partition('name="csrf" value="')[2].partition('"')[0]
        form = {"username": "jiedao", "password": PASSWORD, "csrf": token}
        headers = {"X-Forwarded-Proto": "https"}
        answer = await browser.post(
            "/login", data=form, cookies=fixed, headers=headers, allow_redirects=False
        )
        line = cookie_of(answer, "rider_hub_session")
        assert {"HttpOnly", "Secure", "SameSite=Lax"} <= {part.strip() for part in line.split(";")}
        assert "fixed" not in line
        again = await browser.sign_in("jiedao")
        assert cookie_of(again, "rider_hub_session").split(";")[0] != line.split(";")[0]
        assert "Secure" not in cookie_of(again, "rider_hub_session")


async def test_a_session_ends_idle_and_at_twelve_hours(hub: Hub) -> None:
    """Thirty minutes unused, or twelve hours however much it is used."""
    async with visitor(hub) as browser:
        await browser.sign_in("jiedao")
        hub.clock.advance(minutes=29)  # type: ignore[attr-defined]
        assert (await browser.show("/riders"))[0] == 200
        hub.clock.advance(minutes=30)  # type: ignore[attr-defined]
        assert (await browser.show("/riders"))[0] == 303
        await browser.sign_in("jiedao")
        shown = []
        for _ in range(25):
            hub.clock.advance(minutes=29)  # type: ignore[attr-defined]
            shown.append((await browser.show("/riders"))[0])
        assert shown == [200] * 24 + [303]


@pytest.mark.parametrize("end", ["log-out", "disable", "grant", "reset", "second factor", "password"])
async def test_a_session_dies_at_once_in_all_processes(hub: Hub, end: str) -> None:
    """Whatever ends it in one process, the next request in another one is a stranger's."""
    other = replace(hub, database=Database(hub.database.url))
    async with visitor(hub) as here, visitor(other) as there:
        answer = await here.sign_in("jiedao")
        kept = {
            "rider_hub_session": cookie_of(answer, "rider_hub_session").partition("=")[2].partition(";")[0]
        }
        assert (await there.get("/riders", cookies=kept, allow_redirects=False)).status == 200
        if end == "log-out":
            await here.send("/logout", page="/riders")
        elif end == "disable":
            await disable(hub, console(), "jiedao")
        elif end == "grant":
            await grant(hub, console(), "jiedao", roles=[Role.PLATFORM_ACCOUNT], divisions=["110101"])
        elif end == "reset":
            await reset_password(hub, console(), "jiedao")
        elif end == "second factor":
            await reset_second_factor(hub, console(), "jiedao")
        else:
            form = {"old": PASSWORD, "new": NEW, "again": NEW}
            assert (await here.send("/account/password", **form)).status == 303
            assert (await here.show("/riders"))[0] == 200
        assert (await there.get("/riders", cookies=kept, allow_redirects=False)).status == 303
    await other.database.close()


async def test_one_sees_and_ends_the_own_sessions_alone(hub: Hub) -> None:
    """The page lists the own ones; another's can't be ended by its id."""
    async with visitor(hub) as first, visitor(hub) as second, visitor(hub) as stranger:
        for browser in (first, second):
            await browser.sign_in("jiedao")
        await add(hub, "other", Role.INSTRUCTOR)
        await stranger.sign_in("other")
        _, page = await first.show("/account")
        assert page.count("本次登录") == 1
        (found,) = re.findall(r"/account/sessions/([0-9a-f]{32})/end", page)
        assert (await stranger.send(f"/account/sessions/{found}/end", page="/account")).status == 404
        assert (await second.show("/riders"))[0] == 200
        assert (await first.send(f"/account/sessions/{found}/end", page="/account")).status == 303
        assert (await second.show("/riders"))[0] == 303
        await second.sign_in("jiedao")
        await second.send("/account/sessions/end-others", page="/account")
        assert [(await each.show("/riders"))[0] for each in (first, second, stranger)] == [303, 200, 200]


async def test_a_temporary_password_opens_the_change_alone_and_for_three_days(hub: Hub) -> None:
    """What an administrator chose is changed before anything else, and is no key for ever."""
    await add(hub, "xin", Role.INSTRUCTOR, temporary=True)
    async with visitor(hub) as browser:
        assert (await browser.sign_in("xin")).headers["Location"] == "/login/password"
        assert (await browser.show("/riders"))[0] == 303
        same = await browser.send("/login/password", old=PASSWORD, new=PASSWORD, again=PASSWORD)
        assert (same.status, "最近 5 次" in await same.text()) == (422, True)
        assert (await browser.send("/login/password", old=PASSWORD, new=NEW, again=NEW)).status == 303
        assert (await browser.show("/riders"))[0] == 200
    await add(hub, "late", Role.INSTRUCTOR, temporary=True)
    hub.clock.advance(hours=72)  # type: ignore[attr-defined]
    async with visitor(hub) as browser:
        answer = await browser.sign_in("late")
        assert (answer.status, "临时密码已过期" in await answer.text()) == (401, True)


async def test_a_password_is_changed_after_ninety_days_and_not_for_an_old_one(hub: Hub) -> None:
    """Of the last five none comes back; the sixth may."""
    phrases = [PASSWORD, *(f"{NEW}, number {n}" for n in range(5))]
    async with visitor(hub) as browser:
        await browser.sign_in("jiedao")
        for old, new in pairwise(phrases):
            assert (await browser.send("/account/password", old=old, new=new, again=new)).status == 303
        last = phrases[-1]
        assert (
            await browser.send("/account/password", old=last, new=phrases[1], again=phrases[1])
        ).status == 422
        assert (await browser.send("/account/password", old=last, new=PASSWORD, again=PASSWORD)).status == 303
        hub.clock.advance(days=90)  # type: ignore[attr-defined]
        assert (await browser.sign_in("jiedao")).headers["Location"] == "/login/password"


async def test_an_account_without_a_role_is_told_so(hub: Hub) -> None:
    """Made and not yet given a role, an account opens nothing, and its person learns whom to ask."""
    await add(hub, "xin")
    async with visitor(hub) as browser:
        answer = await browser.sign_in("xin")
        assert (answer.status, "安全管理员" in await answer.text()) == (403, True)


async def test_the_browser_that_signed_in_is_not_locked_out_by_strangers(hub: Hub) -> None:
    """By real requests: a stranger at the same address wears the lock, the known browser goes on."""
    async with visitor(hub) as owner, visitor(hub) as stranger:
        await owner.sign_in("jiedao")
        tries = [(await stranger.sign_in("jiedao", "wrong")).status for _ in range(6)]
        assert tries == [401] * 5 + [429]
        assert (await stranger.sign_in("jiedao")).status == 429
        assert (await owner.sign_in("jiedao")).status == 303
        stranger.address = "203.0.113.77"
        assert (await stranger.sign_in("jiedao")).status == 303


async def test_hashes_follow_the_suite_at_the_next_log_in(hub: Hub) -> None:
    """Under suite sm a password is hashed by PBKDF2-HMAC-SM3; argon2 hashes still open and are made anew."""
    now = hub.clock.now()
    # As `keys rotate` does it: what does not rotate stays, the MACs of accounts among it.
    keyset = hub.keys.keyset.announcing(ROTATED, "sm", now).activating(now)
    under_sm = replace(hub, keys=Keyring(keyset))
    async with visitor(under_sm) as browser:
        assert (await browser.sign_in("jiedao")).status == 303
        assert (await browser.sign_in("jiedao", "wrong")).status == 401
        assert (await browser.sign_in("jiedao")).status == 303
    async with hub.database.read() as connection:
        query = select(user.c.password_hash).where(user.c.username == "jiedao")
        stored = (await connection.execute(query)).scalar_one()
    assert stored.startswith("$pbkdf2-sm3$600000$")
    assert await verify_password(stored, PASSWORD)
    assert is_outdated(stored, "intl")
    assert not is_outdated(await hash_password(PASSWORD), "intl")


@pytest.mark.parametrize(
    ("role", "shown", "enrolled", "stage"),
    [
        (Role.COUNTY_STAFF, True, False, Stage.DONE),
        (Role.COUNTY_STAFF, False, False, Stage.ENROL),
        (Role.COUNTY_STAFF, False, True, Stage.CODE),
        (Role.COUNTY_STAFF, True, True, Stage.CODE),
        (Role.INSTRUCTOR, False, False, Stage.DONE),
    ],
)
async def test_a_providers_sign_on_is_asked_for_what_it_did_not_show(
    hub: Hub, role: Role, shown: bool, enrolled: bool, stage: Stage
) -> None:
    """A provider's word is no second factor for who has one; a password that is due is not asked for."""
    await add(hub, "xin", role, temporary=True)
    hub.clock.advance(days=100)  # type: ignore[attr-defined]
    row = await find_user(hub, "xin")
    assert row is not None
    if enrolled:
        async with hub.database.write() as connection:
            await offer_secret(connection, hub.keys, row["id"])
        async with hub.database.write() as connection:
            code = await code_of(hub, "xin", pending=True)
            assert await confirm(connection, hub.keys, row["id"], code, hub.clock.now())
    account = await signed_on(hub, row, second_factor_shown=shown)
    assert stage_of(hub.settings, account, hub.clock.now()) is stage
    if stage is Stage.CODE:
        token = await open_step(hub, account)
        hub.clock.advance(seconds=30)  # type: ignore[attr-defined]
        code = await code_of(hub, "xin")
        after = await check_code(hub, token, code, Client("192.0.2.1"))
        assert stage_of(hub.settings, after, hub.clock.now()) is Stage.DONE


@pytest.mark.parametrize("change", ["reset", "grant", "disable"])
async def test_a_change_between_the_proof_and_the_session_leaves_none(hub: Hub, change: str) -> None:
    """A sign-in under way while its account is changed ends with a session that is over."""
    account = await check_password(hub, "jiedao", PASSWORD, Client("192.0.2.1"))
    if change == "reset":
        await reset_password(hub, console(), "jiedao")
    elif change == "grant":
        await grant(hub, console(), "jiedao", roles=[Role.INSTRUCTOR])
    else:
        await disable(hub, console(), "jiedao")
    async with hub.database.write() as connection:
        place = {"address": "192.0.2.1", "browser": "", "now": hub.clock.now()}
        await open_staff_session(connection, "s-token", account.id, account.epoch, **place)
    assert await find_session(hub, "s-token") is None
