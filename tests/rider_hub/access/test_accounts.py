"""Account administration by pages: two duties, never the own account, and everything on record."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access import Hub, Role
from rider_hub.access.account_tables import user
from rider_hub.access.accounts import disable, grant, new_password, release, reset_second_factor, unlock
from rider_hub.access.first_start import console
from rider_hub.access.password_rules import password_fault
from rider_hub.access.persons import check_other_person, same_person
from rider_hub.access.tables import audit_row
from rider_hub.access.users import actor_of, add_user, find_user, operator
from rider_hub.clock import FixedClock
from rider_hub.errors import Absent, Conflict, Invalid, Refused
from rider_hub.riders.indexes import phone_index
from tests.factories import make_hub, staff
from tests.rider_hub.access.site import PASSWORD, Visitor, add, visitor

PHONE = "13800000001"


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub with the three administrators and one member of county staff."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        for name, role in (
            ("xitong", Role.SYSTEM_ADMIN),
            ("anquan", Role.SECURITY_ADMIN),
            ("shenji", Role.AUDIT_ADMIN),
            ("qu", Role.COUNTY_STAFF),
        ):
            await add(opened, name, role)
        yield opened


async def _made(browser: Visitor, **fields: str) -> str:
    """Add an account on the page and return the temporary password it shows."""
    answer = await browser.send("/accounts/new", **{"username": "xin", "display_name": "新人", **fields})
    found = re.search(r'<p class="one-time"><code>(\S+)</code>', await answer.text())
    assert found is not None, await answer.text()
    return found[1]


async def _targets(hub: Hub, operation: str) -> list[tuple[str, str, str]]:
    async with hub.database.read() as connection:
        query = select(audit_row.c.actor, audit_row.c.target, audit_row.c.outcome)
        rows = await connection.execute(query.where(audit_row.c.operation == operation))
        return [tuple(row) for row in rows]


async def test_two_administrators_make_a_working_account(hub: Hub) -> None:
    """One makes it, the other gives roles; before that it opens nothing, after that what was given."""
    async with visitor(hub) as system, visitor(hub) as security, visitor(hub) as person:
        await system.sign_in("xitong")
        await security.sign_in("anquan")
        password = await _made(system, department="market_regulation", standing="part_time", phone=PHONE)
        assert (await person.sign_in("xin", password)).status == 403
        assert (
            await security.send("/accounts/new", page="/account", username="y", display_name="y")
        ).status == 404
        refused = await system.send("/accounts/xin/grant", roles=["county_staff"])
        assert (refused.status, "安全管理员分配" in await refused.text()) == (422, True)
        stripped = await system.send("/accounts/qu/grant", platforms="jia")
        assert stripped.status == 404
        given = await security.send("/accounts/xin/grant", roles=["street_staff"], platforms="jia")
        assert given.status == 303
        assert (await person.sign_in("xin", password)).headers["Location"] == "/login/password"
        _, page = await security.show("/accounts/xin")
        assert {"街道社区工作人员", "市场监管部门(含市场监管所)", "兼职", "已登记（密封保存）"} <= set(
            re.findall(r"<dd>([^<]*)</dd>", page)
        )
        assert PHONE not in page
    assert ("user:xitong", "xin", "done") in await _targets(hub, "users.change")
    assert ("user:anquan", "user:xin", "done") in await _targets(hub, "users.grant")


@pytest.mark.parametrize("name", ["qu", "shenji", "anquan"])
async def test_others_change_no_account(hub: Hub, name: str) -> None:
    """Who lacks the duty gets the answer of a page that isn't there, and the account stays as it was."""
    async with visitor(hub) as browser:
        await browser.sign_in(name)
        for action in ("disable", "password", "unlock", "edit"):
            assert (await browser.send(f"/accounts/xitong/{action}", page="/account")).status == 404
        if name != "anquan":
            assert (await browser.send("/accounts/qu/second-factor", page="/account")).status == 404
    row = await find_user(hub, "xitong")
    assert row is not None
    assert row["epoch"] == 1


@pytest.mark.parametrize(
    ("name", "path"), [("xitong", "disable"), ("xitong", "password"), ("anquan", "second-factor")]
)
async def test_nobody_acts_on_the_own_account(hub: Hub, name: str, path: str) -> None:
    """An administrator's own account is another administrator's work, by page as by call."""
    async with visitor(hub) as browser:
        await browser.sign_in(name)
        assert (await browser.send(f"/accounts/{name}/{path}", page="/account")).status == 422
    with pytest.raises(Invalid) as caught:
        await grant(hub, await operator(hub, "anquan"), "anquan", roles=[Role.COUNTY_STAFF])
    assert caught.value.errors[0].code == "own_account"


async def test_a_duty_is_never_left_without_anybody(hub: Hub) -> None:
    """The last holder of each of the three duties keeps it until there is another."""
    for username in ("xitong", "anquan", "shenji"):
        with pytest.raises(Conflict):
            await disable(hub, console(), username)
        with pytest.raises(Conflict):
            await grant(hub, console(), username, roles=[Role.COUNTY_STAFF])
    await add(hub, "xitong2", Role.SYSTEM_ADMIN)
    await disable(hub, console(), "xitong")
    with pytest.raises(Conflict):
        await disable(hub, console(), "xitong2")


async def test_two_duties_are_never_one_account(hub: Hub) -> None:
    """Not when it is made, and not later."""
    for pair in ([Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN], [Role.SECURITY_ADMIN, Role.SYSTEM_ADMIN]):
        with pytest.raises(Invalid) as caught:
            await grant(hub, console(), "qu", roles=pair)
        assert caught.value.errors[0].code == "duties_not_separated"


async def test_a_disabled_account_comes_back_under_a_new_password(hub: Hub) -> None:
    """Disabled, its password opens nothing; enabled, only the new one does, and only to change it."""
    async with visitor(hub) as system, visitor(hub) as person:
        await system.sign_in("xitong")
        await system.send("/accounts/qu/disable", page="/account")
        assert (await person.sign_in("qu")).status == 401
        page = await (await system.send("/accounts/qu/enable", page="/account")).text()
        found = re.search(r'<p class="one-time"><code>(\S+)</code>', page)
        assert found is not None
        assert (await person.sign_in("qu")).status == 401
        assert (await person.sign_in("qu", found[1])).status == 403
        await release(hub, await operator(hub, "anquan"), "qu")
        assert (await person.sign_in("qu", found[1])).headers["Location"] == "/login/password"


async def test_unlocking_and_unknown_accounts(hub: Hub) -> None:
    """A locked account shows as locked and opens once unlocked; one that does not exist is absent."""
    async with visitor(hub) as system, visitor(hub) as person:
        await system.sign_in("xitong")
        for _ in range(5):
            await person.sign_in("qu", "wrong")
        assert "已锁定" in (await system.show("/accounts?state=locked"))[1]
        assert (await system.send("/accounts/qu/unlock", page="/account")).status == 303
        assert (await person.sign_in("qu")).status == 303
    for done in (disable, unlock, reset_second_factor):
        with pytest.raises(Absent):
            await done(hub, console(), "nobody")


async def test_a_grant_names_divisions_that_exist(hub: Hub) -> None:
    """A mistyped code gives no scope at all; the page names it."""
    async with visitor(hub) as security:
        await security.sign_in("anquan")
        answer = await security.send("/accounts/qu/grant", roles=["county_staff"], divisions="999999")
        assert (answer.status, "999999" in await answer.text()) == (422, True)


async def test_a_person_with_two_log_ins_is_found_by_the_phone(hub: Hub) -> None:
    """The index of an account's phone is the one of a registration's; neither phone is in clear."""
    await add(hub, "shuji", Role.BRANCH_SECRETARY, phone="+86 138-0000-0001")
    actor = await operator(hub, "shuji")
    assert same_person(actor, phone_index(hub.keys, PHONE))
    assert not same_person(actor, phone_index(hub.keys, "13800000002"))
    assert not same_person(actor, None)
    assert not same_person(staff(Role.BRANCH_SECRETARY), phone_index(hub.keys, PHONE))
    check_other_person(actor, [None, phone_index(hub.keys, "13800000002")])
    with pytest.raises(Refused):
        check_other_person(actor, [None, phone_index(hub.keys, PHONE)])
    async with hub.database.read() as connection:
        row = (await connection.execute(select(user).where(user.c.username == "shuji"))).mappings().one()
    assert PHONE not in repr(dict(row))
    assert hub.keys.unseal("account", ("user_account", "sealed", row["id"]), row["sealed"]) == {
        "phone": PHONE
    }
    assert actor_of(row).person == row["phone_index"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"phone": "12345"}, "phone_invalid"),
        ({"username": "a"}, "username_invalid"),
        ({"username": "new"}, "username_invalid"),
        ({"username": "有空格 的"}, "username_invalid"),
    ],
)
async def test_an_account_that_may_not_be_is_refused_by_field(
    hub: Hub, fields: dict[str, str], code: str
) -> None:
    """What can't be taken is told beside its field, and nothing is made."""
    values = {"username": "fine", "display_name": "x", "password": PASSWORD, **fields}
    with pytest.raises(Invalid) as caught:
        await add_user(hub, console(), **values)  # type: ignore[arg-type]
    assert [fault.code for fault in caught.value.errors] == [code]


def test_passwords_made_by_the_hub_pass_its_own_rules() -> None:
    """What an administrator hands over is as strong as what a person must choose."""
    assert [fault for _ in range(500) if (fault := password_fault(new_password("qu"), "qu"))] == []
