"""签名密钥: a platform changes its keys without a gap, alone, with a password, and all concerned are told."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.errors import FeedError
from connectors.transport.signatures import signed_headers
from rider_hub.access import Actor, Hub, Role, Scope
from rider_hub.access.tables import audit_row
from rider_hub.access.users import add_user
from rider_hub.clock import local_date
from rider_hub.demo.ground import console
from rider_hub.errors import Conflict
from rider_hub.intake import store
from rider_hub.intake.proofs import prove
from rider_hub.intake.sender_keys import kid_of, make_key, note_use, signing_key_bytes
from rider_hub.intake.store import sender_secrets
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.intake.build import bring_in_county, sender_of
from tests.rider_hub.riders.staff_site import staff_site

PASSWORD = "a password for tests"
PAGE = "/feeds/senders/ding/keys"
MODULES = ["rider_hub.intake.key_pages", "rider_hub.intake.snapshot_pages", "rider_hub.views.portal"]


def of_platform(platform: str = "ding", name: str = "ping") -> Actor:
    """Return the account of a platform."""
    actor = staff(Role.PLATFORM_ACCOUNT, divisions=())
    return replace(actor, id=f"user:{name}", scope=Scope(platforms=(platform,)))


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub with two platforms and an account of the first."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        await sender_of(opened, "bing")
        await add_user(
            opened,
            console(),
            username="ping",
            display_name="平台工程师",
            password=PASSWORD,
            roles=[Role.PLATFORM_ACCOUNT],
            divisions=[],
            platforms=["ding"],
        )
        yield opened


async def is_taken(hub: Hub, key: bytes) -> bool:
    """Say whether a request of the platform signed with a key is let in; a day's use is written down."""
    signed = signed_headers(key, "m", int(hub.clock.now().timestamp()), b"")
    try:
        await prove(hub, "ding", signed, b"")
    except FeedError:
        return False
    return True


async def make(client: Any, **form: str) -> Any:
    """Ask for a new key."""
    return await client.post(f"{PAGE}/new", data={"kind": "live", "password": PASSWORD, **form})


async def remove(client: Any, kid: str, **form: str) -> Any:
    """Ask for a key to be removed."""
    return await client.post(f"{PAGE}/remove", data={"kid": kid, "present": PASSWORD, **form})


def shown(page: str) -> bytes:
    """Return the key that a page shows."""
    return signing_key_bytes(re.findall(r"wh(?:sec|test)_[A-Za-z0-9+/=]+", page)[0])


async def test_keys_change_without_a_gap_by_the_page_alone(hub: Hub) -> None:
    """Made, both taken, the old one removed once the new one was used; asked again where pushes stop."""
    _, old = await sender_of(hub)
    assert await is_taken(hub, old)
    async with staff_site(hub, of_platform(), MODULES) as client:
        answer = await make(client)
        page = await answer.text()
        new = shown(page)
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await make(client)).status == 409  # no third one, or one would fall out unasked
        first, second = kid_of(hub.keys, old), kid_of(hub.keys, new)
        unproved = await remove(client, first)
        assert (unproved.status, "另一把密钥还没有用过" in await unproved.text()) == (409, True)
        assert await is_taken(hub, old)
        assert await is_taken(hub, new)
        assert (await remove(client, first)).status == 200
        assert [await is_taken(hub, key) for key in (old, new)] == [False, True]
        last = await remove(client, second)
        assert (last.status, "最后一把" in await last.text()) == (409, True)
        assert await is_taken(hub, new)
        gone = await remove(client, second, sure="on")
        assert "没有签名密钥" in await gone.text()
        assert not await is_taken(hub, new)


async def test_no_page_but_the_first_shows_a_key(hub: Hub) -> None:
    """Keys are told apart by names that say nothing of them; the trail names who did what, and no key."""
    _, old = await sender_of(hub)
    async with staff_site(hub, of_platform(), MODULES) as client:
        new = shown(await (await make(client)).text())
        test = shown(await (await make(client, kind="test")).text())
        page = await (await client.get(PAGE)).text()
    for key in (old, new, test):
        kid = kid_of(hub.keys, key)
        assert kid in page
        digests = (hashlib.sha256(key), hashlib.sha256(key.hex().encode()))
        assert not any(kid in each.hexdigest() for each in digests)
    assert "whsec_" not in page
    assert "平台工程师" in page
    async with hub.database.read() as connection:
        query = select(audit_row.c.actor, audit_row.c.target).where(audit_row.c.operation == "senders.keys")
        said = (await connection.execute(query.where(audit_row.c.outcome == "done"))).all()
    wanted = [("user:ping", f"sender key:ding/{kid_of(hub.keys, key)}") for key in (new, test)]
    assert [tuple(row) for row in said] == wanted


async def test_a_session_alone_changes_no_key(hub: Hub) -> None:
    """Without the present password, or with another, nothing is made and nothing removed."""
    _, old = await sender_of(hub)
    async with staff_site(hub, of_platform(), MODULES) as client:
        for answer in (
            await make(client, password="another password"),
            await make(client, password=""),
            await remove(client, kid_of(hub.keys, old), present="another password", sure="on"),
        ):
            assert answer.status == 422
    async with hub.database.read() as connection:
        found = await sender_secrets(connection, hub.keys, "ding")
    assert (found.signing, found.test) == ((old,), ())


async def test_anothers_keys_are_absent(hub: Hub) -> None:
    """Another platform's page, with the right password and all, answers as that of no platform."""
    await sender_of(hub)
    async with staff_site(hub, of_platform("bing"), MODULES) as client:
        told = []
        for platform in ("ding", "nobody"):
            page = await client.get(f"/feeds/senders/{platform}/keys", headers={"Accept": "application/json"})
            form = {"kind": "live", "password": PASSWORD}
            made = await client.post(f"/feeds/senders/{platform}/keys/new", data=form)
            told.append((page.status, await page.text(), made.status))
        assert told[0] == told[1]
        assert told[0][0] == told[0][2] == 404


async def test_of_two_who_make_a_key_at_once_one_does(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key is lost under another: the second finds two live and is told so."""
    _, old = await sender_of(hub)

    async def slowly(*given: Any) -> Any:
        found = await sender_secrets(*given)
        await asyncio.sleep(0.1)  # so that all would have read before the first writes
        return found

    with monkeypatch.context() as patched:
        patched.setattr(store, "sender_secrets", slowly)
        made = await asyncio.gather(
            *(make_key(hub, county_staff(), "ding") for _ in range(3)), return_exceptions=True
        )
    [(key, _)] = [one for one in made if not isinstance(one, BaseException)]
    assert {one.code for one in made if isinstance(one, Conflict)} == {"keys_full"}
    assert await is_taken(hub, old)
    assert await is_taken(hub, signing_key_bytes(key))


async def test_all_concerned_are_told_of_a_change(hub: Hub) -> None:
    """The county on the sender's page, the platform's other accounts on their overview; not who did it."""
    await sender_of(hub)
    async with staff_site(hub, of_platform(), MODULES) as client:
        kid = kid_of(hub.keys, shown(await (await make(client)).text()))
        assert "平台工程师生成了" not in await (await client.get("/portal")).text()
    async with staff_site(hub, of_platform(name="other"), MODULES) as client:
        page = await (await client.get("/portal")).text()
        assert "平台工程师生成了签名密钥" in page
        assert kid in page
    async with staff_site(hub, of_platform("bing", "elsewhere"), MODULES) as client:
        assert kid not in await (await client.get("/portal")).text()
    async with staff_site(hub, county_staff(), MODULES) as client:
        assert "近 30 天有 2 次变动" in await (await client.get("/feeds/senders/ding")).text()
        assert "平台工程师" in await (await client.get(PAGE)).text()
    hub.clock.advance(days=31)  # type: ignore[attr-defined]
    async with staff_site(hub, of_platform(name="other"), MODULES) as client:
        assert "平台工程师生成了" not in await (await client.get("/portal")).text()


async def test_an_old_key_is_named_and_its_last_day_kept(hub: Hub) -> None:
    """The day of the last use is told; after half a year the page says to change it, and it works on."""
    _, key = await sender_of(hub)
    async with staff_site(hub, of_platform(), MODULES) as client:
        assert "还没用过" in await (await client.get(PAGE)).text()
        hub.clock.advance(days=179)  # type: ignore[attr-defined]
        await note_use(hub, "ding", key)
        assert "建议更换" not in await (await client.get(PAGE)).text()
        used = local_date(hub.clock.now()).isoformat()
        hub.clock.advance(days=2)  # type: ignore[attr-defined]
        page = await (await client.get(PAGE)).text()
        assert used in page
        assert "建议更换" in page
    assert await is_taken(hub, key)
