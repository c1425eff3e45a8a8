"""Notices are published once, never change, and consent is to the words that were read."""

from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest

from rider_hub.access import Actor, Change, Keyring
from rider_hub.consent import ports, service, store
from rider_hub.consent.model import Purpose
from rider_hub.consent.service import check_agreed, publish_notices
from rider_hub.errors import Absent, Conflict, Invalid
from tests.factories import county_staff, make_hub

PURPOSES = (
    Purpose.DECLARATION,
    Purpose.OPEN_ACTIVITIES,
    Purpose.PARTY_ACTIVITIES,
    Purpose.VERIFICATION,
)


async def test_notices_are_published_once(database_url: str, tmp_path: Path) -> None:
    """Publishing again changes nothing, and what is read back is what was shipped."""
    async with make_hub(database_url, tmp_path) as hub:
        assert await publish_notices(hub, county_staff()) == len(PURPOSES)
        assert await publish_notices(hub, county_staff()) == 0
        async with hub.database.read() as connection:
            assert {await store.current(connection, key) for key in PURPOSES} == set(store.shipped())


async def test_a_published_notice_keeps_its_words(database_url: str, tmp_path: Path) -> None:
    """Other words under a published version are refused; a new version becomes the current one."""
    first = store.shipped()[0]
    changed = msgspec.structs.replace(first, question="别的问题")
    newer = msgspec.structs.replace(changed, version=2)
    async with make_hub(database_url, tmp_path) as hub:
        await publish_notices(hub, county_staff())
        with patch.object(service, "shipped", lambda: (changed,)), pytest.raises(Conflict):
            await publish_notices(hub, county_staff())
        with patch.object(service, "shipped", lambda: (first, newer)):
            assert await publish_notices(hub, county_staff()) == 1
        async with hub.database.read() as connection:
            assert await store.current(connection, first.key) == newer
            assert await store.find(connection, first.key, 1) == first


async def test_consent_is_to_the_newest_words_and_never_assumed(database_url: str, tmp_path: Path) -> None:
    """No version is a refusal, an outdated one asks to read again, the current one is accepted."""
    async with make_hub(database_url, tmp_path) as hub:
        await publish_notices(hub, county_staff())
        async with hub.database.read() as connection:
            with pytest.raises(Invalid) as refusal:
                await check_agreed(connection, Purpose.DECLARATION, None)
            assert [fault.code for fault in refusal.value.errors] == ["consent_missing"]
            with pytest.raises(Conflict):
                await check_agreed(connection, Purpose.DECLARATION, 2)
            assert (await check_agreed(connection, Purpose.DECLARATION, 1)).version == 1
            with pytest.raises(Absent):
                await check_agreed(connection, "nothing", 1)


def test_every_notice_answers_the_riders_questions() -> None:
    """Who sees it, how long, how to withdraw, and that services do not depend on it are there."""
    assert {notice.key for notice in store.shipped()} == set(PURPOSES)
    for notice in store.shipped():
        headings = [point.heading for point in notice.points]
        assert {"谁能看到", "保存多久"} <= set(headings)
        assert any(
            "所有服务都一样" in point.text or "其他服务都一样" in point.text for point in notice.points
        )
        assert any("撤回" in text for text in (*notice.details, *(point.text for point in notice.points)))


async def test_ports_run_in_the_callers_transaction(database_url: str, tmp_path: Path) -> None:
    """A handler that fails takes the whole withdrawal back; without one, all handlers are told."""
    told: list[str] = []

    async def tell(work: Change, keys: Keyring, withdrawal: ports.Withdrawal) -> None:
        told.append(withdrawal.consent_id)

    async def fail(work: Change, keys: Keyring, withdrawal: ports.Withdrawal) -> None:
        raise RuntimeError

    async def erase(work: Change, keys: Keyring, rider_id: str) -> int:
        return 2

    withdrawal = ports.Withdrawal("rider", "entry", Purpose.OPEN_ACTIVITIES, "ORG")
    async with make_hub(database_url, tmp_path) as hub:
        actor = Actor.job("test")
        async with hub.change(actor, "notices.publish") as work:
            await ports.withdrawn(ports.Ports(on_withdrawn=(tell, tell)), work, hub.keys, withdrawal)
            assert await ports.erase(ports.Ports(erase=(erase, erase)), work, hub.keys, "rider") == 4
            with pytest.raises(RuntimeError):
                await ports.withdrawn(ports.Ports(on_withdrawn=(fail,)), work, hub.keys, withdrawal)
    assert told == ["entry", "entry"]
