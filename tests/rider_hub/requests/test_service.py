"""A request is filed once, answered in scope, confirmed by its reporter, and never forgotten when late."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from rider_hub.access import Actor, Hub, Role, Scope
from rider_hub.access.actor import PUBLIC
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.clock import FixedClock
from rider_hub.errors import Absent, Conflict, HubError, Invalid
from rider_hub.messages.tables import outbox
from rider_hub.requests import codes, listing, service, store
from rider_hub.requests.model import Channel, EventKind, Filed, RequestState, Status
from rider_hub.requests.tables import request_event, service_request
from rider_hub.storage.metadata import private_metadata
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.membership_denied import PRIVATE_TABLES, membership_denied_hub
from tests.rider_hub.requests.ground import (
    COMMUNITY,
    FALLBACK,
    OTHER_STREET,
    PHONE,
    RIDER,
    lay_ground,
    rider_actor,
    street_staff,
)

WORDS = "小区西门不让骑手进,每单要走十分钟"
TRACKER = Actor.job("track_requests")


@pytest.fixture
def clock() -> FixedClock:
    """Give a clock the test moves."""
    return FixedClock()


@pytest.fixture
async def hub(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Hub]:
    """Give a hub with a county, its organizations and one rider."""
    async with make_hub(database_url, tmp_path, clock) as opened:
        await lay_ground(opened)
        yield opened


async def file(hub: Hub, actor: Actor, *, community: str = COMMUNITY, anonymous: bool = False) -> Filed:
    """File a request about getting in."""
    return await service.file_request(
        hub,
        actor,
        category="entry",
        community_code=community,
        text=WORDS,
        address="3 号楼",
        anonymous=anonymous,
    )


async def rows_of(hub: Hub) -> list[dict[str, object]]:
    """Return all requests as they are stored."""
    async with hub.database.read() as connection:
        rows = (await connection.execute(select(service_request))).mappings().all()
    return [dict(row) for row in rows]


async def test_a_riders_request_goes_to_the_community_with_a_due_time(hub: Hub) -> None:
    """It is routed with a reason, due in working time, and its words lie sealed."""
    filed = await file(hub, rider_actor())
    row = (await rows_of(hub))[0]
    assert (row["organization"], row["routed_by"], row["channel"]) == ("SQ", "community_first", "phone")
    assert row["rider_id"] == RIDER
    assert row["due_rule"] == "requests.answer_within_entry@2026-11-01"
    assert WORDS.encode() not in bytes(str(row), "utf-8")
    shown = await listing.show_own(hub, rider_actor(), filed.id)
    assert (shown.text, shown.address, shown.status) == (WORDS, "3 号楼", Status.OPEN)
    assert shown.place == "甲街道 · 甲一社区"
    assert shown.organization == "甲一社区党委"
    assert [event.kind for event in shown.events] == [EventKind.FILED, EventKind.ROUTED]


async def test_where_no_organization_covers_the_community_the_street_answers(hub: Hub) -> None:
    """The fallback of article 10 is named as the reason."""
    await file(hub, PUBLIC, community=FALLBACK)
    row = (await rows_of(hub))[0]
    assert (row["organization"], row["routed_by"]) == ("GW", "fallback_street")


async def test_an_anonymous_request_is_tied_to_nobody(hub: Hub) -> None:
    """A signed-in rider who wishes so stays unknown: in the row, in the trail, in the outbox."""
    filed = await file(hub, rider_actor(), anonymous=True)
    row = (await rows_of(hub))[0]
    assert (row["rider_id"], row["channel"]) == (None, "anonymous")
    await service.answer(hub, street_staff(), filed.id, "已联系物业")
    async with hub.database.read() as connection:
        actors = set((await connection.execute(select(audit_row.c.actor))).scalars())
        assert not any(RIDER in actor for actor in actors)
        assert (await connection.execute(select(func.count()).select_from(audit_subject))).scalar() == 0
        assert (await connection.execute(select(func.count()).select_from(outbox))).scalar() == 0
    with pytest.raises(Absent):
        await listing.show_own(hub, rider_actor(), filed.id)
    assert (await listing.show_by_code(hub, filed.query_code.lower())).text == WORDS


async def test_only_the_index_of_a_query_code_is_kept(hub: Hub) -> None:
    """The code stands nowhere in the database, and a wrong one finds nothing."""
    filed = await file(hub, PUBLIC)
    assert filed.query_code not in str(await rows_of(hub))
    with pytest.raises(Absent, match="ten characters"):
        await listing.show_by_code(hub, "2222222222")


async def test_a_form_sent_twice_files_once(hub: Hub) -> None:
    """The second sending gets the same request and the same code."""
    seed = codes.new_seed()
    sent = [
        await service.file_request(
            hub, PUBLIC, category="stairs", community_code=COMMUNITY, text=WORDS, seed=seed
        )
        for _ in range(2)
    ]
    assert sent[0] == sent[1]
    assert len(await rows_of(hub)) == 1


async def test_every_fault_is_named_at_once_and_nothing_is_echoed(hub: Hub) -> None:
    """Category, place and words are checked together; an unknown community is told as such."""
    with pytest.raises(Invalid) as refusal:
        await service.file_request(hub, PUBLIC, category="nothing", community_code="12", text="  ")
    assert {fault.path for fault in refusal.value.errors} == {"category", "community", "text"}
    with pytest.raises(Invalid) as unknown:
        await file(hub, PUBLIC, community="110101009009")
    assert "110101009009" not in unknown.value.zh
    with pytest.raises(Invalid):
        await service.file_request(hub, PUBLIC, category="entry", community_code=COMMUNITY, text="好" * 501)
    with pytest.raises(Invalid):
        await service.file_request(hub, PUBLIC, category="entry", community_code=COMMUNITY, text="a\x07b")


async def test_staff_record_a_request_inside_their_scope_only(hub: Hub) -> None:
    """A visit to the office becomes a request of the street; another street's is refused as absent."""
    await file(hub, street_staff())
    assert (await rows_of(hub))[0]["channel"] == Channel.STAFF
    with pytest.raises(Absent):
        await file(hub, street_staff(OTHER_STREET))


async def test_a_flood_of_anonymous_requests_is_slowed(hub: Hub, clock: FixedClock) -> None:
    """After the stated number an hour the next must wait; an hour later it goes through."""
    async with hub.database.write() as connection:
        await connection.execute(service_request.insert(), [_anonymous(hub, number) for number in range(60)])
    with pytest.raises(HubError) as refusal:
        await file(hub, PUBLIC)
    assert refusal.value.status == 429
    await file(hub, rider_actor())
    clock.advance(hours=1, seconds=1)
    await file(hub, PUBLIC)


def _anonymous(hub: Hub, number: int) -> dict[str, object]:
    now = hub.clock.now()
    return {
        "id": f"flood{number}",
        "query_index": f"index{number}".encode(),
        "channel": "anonymous",
        "category": "other",
        "division": COMMUNITY,
        "sealed": b"",
        "state": "open",
        "routed_by": "no_organization",
        "filed_at": now,
        "due_at": now + timedelta(days=7),
        "due_rule": "test",
        "due_sure": True,
    }


async def test_answering_tells_the_reporter_without_the_words(hub: Hub) -> None:
    """The message says that there is an answer; neither the difficulty nor the answer is in it."""
    filed = await file(hub, rider_actor())
    await service.answer(hub, street_staff(), filed.id, "已与物业商定,凭骑手码进入")
    async with hub.database.read() as connection:
        message = (await connection.execute(select(outbox))).mappings().one()
    content = hub.keys.unseal("personal", ("outbox", "sealed", message["id"]), message["sealed"])
    assert (message["kind"], content["to"]) == ("request_answered", PHONE)
    assert "物业" not in content["body"]["text"]
    assert "西门" not in content["body"]["text"]
    assert "进门难" in content["body"]["text"]


async def test_another_street_can_neither_see_nor_answer(hub: Hub) -> None:
    """Out of scope looks like absence, and the ledger is empty."""
    filed = await file(hub, rider_actor())
    with pytest.raises(Absent):
        await service.answer(hub, street_staff(OTHER_STREET), filed.id, "好的")
    with pytest.raises(Absent):
        await listing.show_request(hub, street_staff(OTHER_STREET), filed.id)
    with pytest.raises(Absent):
        await service.answer(hub, rider_actor(), filed.id, "我自己答复")
    async with hub.database.read() as connection:
        scope = street_staff(OTHER_STREET).scope
        found = await store.counts_by_state(connection, scope, hub.clock.now())
    assert set(found.values()) == {0}


async def test_the_reporter_confirms_and_then_nothing_moves(hub: Hub) -> None:
    """Open → answered → confirmed; answering again or confirming twice is a conflict that says the state."""
    filed = await file(hub, rider_actor())
    with pytest.raises(Conflict):
        await service.confirm(hub, rider_actor(), request_id=filed.id)
    await service.answer(hub, street_staff(), filed.id, "已解决")
    await service.confirm(hub, rider_actor(), request_id=filed.id)
    for again in (
        service.confirm(hub, rider_actor(), request_id=filed.id),
        service.answer(hub, street_staff(), filed.id, "再答复"),
        service.reopen(hub, rider_actor(), "还没有", request_id=filed.id),
    ):
        with pytest.raises(Conflict):
            await again
    row = (await rows_of(hub))[0]
    assert (row["state"], row["closed_at"]) == ("confirmed", hub.clock.now())


async def test_an_anonymous_reporter_reopens_with_the_code(hub: Hub, clock: FixedClock) -> None:
    """Reopening needs words, starts the clock anew and keeps the conversation in order."""
    filed = await file(hub, PUBLIC)
    first_due = (await rows_of(hub))[0]["due_at"]
    clock.advance(days=1)
    await service.answer(hub, street_staff(), filed.id, "请走东门")
    with pytest.raises(Invalid):
        await service.reopen(hub, PUBLIC, " ", query_code=filed.query_code)
    clock.advance(days=2)
    await service.reopen(hub, PUBLIC, "东门也锁着", query_code=codes.shown(filed.query_code))
    row = (await rows_of(hub))[0]
    assert row["state"] == RequestState.REOPENED
    assert row["due_at"] > first_due  # type: ignore[operator]
    shown = await listing.show_by_code(hub, filed.query_code)
    assert [event.kind for event in shown.events] == ["filed", "routed", "answered", "reopened"]
    assert [event.text for event in shown.events] == ["", "", "请走东门", "东门也锁着"]
    with pytest.raises(Absent):
        await service.confirm(hub, PUBLIC, query_code="2222222222")
    with pytest.raises(Absent):
        await service.confirm(hub, PUBLIC, request_id=filed.id)


async def test_overdue_is_marked_once_and_escalated_one_rung(hub: Hub, clock: FixedClock) -> None:
    """At the due time nothing happens, after it the street watches; a second run changes nothing."""
    await file(hub, rider_actor())
    due = (await rows_of(hub))[0]["due_at"]
    clock.at = due  # type: ignore[assignment]
    assert await service.track_overdue(hub, TRACKER) == {"overdue": 0, "escalated": 0}
    clock.advance(seconds=1)
    assert await service.track_overdue(hub, TRACKER) == {"overdue": 1, "escalated": 1}
    before = await rows_of(hub)
    clock.advance(days=1)
    assert await service.track_overdue(hub, TRACKER) == {"overdue": 0, "escalated": 0}
    assert await rows_of(hub) == before
    assert before[0]["escalated_to"] == "GW"
    async with hub.database.read() as connection:
        kinds = (await connection.execute(select(request_event.c.kind))).scalars().all()
    assert kinds.count("overdue") == 1


async def test_the_county_is_the_last_rung(hub: Hub, clock: FixedClock) -> None:
    """What the street let lie goes to the county; late again after reopening, it stays with the highest."""
    filed = await file(hub, PUBLIC, community=FALLBACK)
    clock.advance(days=30)
    await service.track_overdue(hub, TRACKER)
    assert (await rows_of(hub))[0]["escalated_to"] == "HY"
    await service.answer(hub, street_staff(), filed.id, "抱歉，已处理")
    await service.reopen(hub, PUBLIC, "没有处理", query_code=filed.query_code)
    clock.advance(days=30)
    assert await service.track_overdue(hub, TRACKER) == {"overdue": 1, "escalated": 0}
    assert (await rows_of(hub))[0]["escalated_to"] == "HY"


async def test_the_rate_counts_what_lies_open_too_long(hub: Hub, clock: FixedClock) -> None:
    """Open overdue requests are not on time before any job ran; a late answer never mends the rate."""
    scope = county_staff().scope
    in_time, late, open_ = [await file(hub, PUBLIC) for _ in range(3)]

    async def rate() -> float | None:
        async with hub.database.read() as connection:
            return await store.on_time_rate(connection, scope, hub.clock.now())

    assert await rate() is None
    await service.answer(hub, street_staff(), in_time.id, "已解决")
    assert await rate() == 1.0
    clock.advance(days=30)
    assert await rate() == pytest.approx(1 / 3)
    await service.answer(hub, street_staff(), late.id, "已解决")
    assert await rate() == pytest.approx(1 / 3)
    await service.reopen(hub, PUBLIC, "还没好", query_code=late.query_code)
    assert await rate() == pytest.approx(1 / 3)
    async with hub.database.read() as connection:
        found = await store.counts_by_state(connection, scope, hub.clock.now())
        everything = await store.counts_by_state(connection, Scope.all(), hub.clock.now())
    assert found == {"open": 0, "answered": 1, "confirmed": 0, "reopened": 1, "overdue": 1}
    assert everything == found
    assert open_.id


async def test_the_trail_names_whose_words_were_read(hub: Hub) -> None:
    """Staff reading a list or one request leave a row with the reporter; the reporter's own look does not."""
    filed = await file(hub, rider_actor())

    async def subjects() -> int:
        async with hub.database.read() as connection:
            return (await connection.execute(select(func.count()).select_from(audit_subject))).scalar_one()

    await listing.show_own(hub, rider_actor(), filed.id)
    assert len(await listing.own_rows(hub, rider_actor())) == 1
    assert await subjects() == 0
    await listing.show_request(hub, street_staff(), filed.id)
    assert await subjects() == 1


async def test_only_the_field_may_read_requests(hub: Hub) -> None:
    """An account without a field role is refused as if nothing were there."""
    filed = await file(hub, rider_actor())
    for outsider in (staff(Role.AUDIT_ADMIN), staff(Role.PLATFORM_ACCOUNT), PUBLIC):
        with pytest.raises(Absent):
            await listing.show_request(hub, outsider, filed.id)


async def test_no_use_case_of_requests_touches_membership(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    """From filing to escalation everything works on a database that refuses the membership tables."""
    async with make_hub(database_url, tmp_path) as plain:
        await lay_ground(plain)
    async with membership_denied_hub(database_url, tmp_path, clock) as hub:
        filed = await file(hub, rider_actor())
        await service.answer(hub, street_staff(), filed.id, "已解决")
        await service.reopen(hub, rider_actor(), "还没好", request_id=filed.id)
        clock.advance(days=30)
        assert await service.track_overdue(hub, TRACKER) == {"overdue": 1, "escalated": 1}
        await service.answer(hub, street_staff(), filed.id, "已解决")
        await service.confirm(hub, rider_actor(), request_id=filed.id)
        assert (await listing.show_request(hub, street_staff(), filed.id)).state == "confirmed"
        assert (await listing.show_by_code(hub, filed.query_code)).state == "confirmed"
        assert len(await listing.own_rows(hub, rider_actor())) == 1


@pytest.mark.parametrize("table", sorted(PRIVATE_TABLES))
async def test_the_denial_denies(database_url: str, tmp_path: Path, table: str) -> None:
    """Reading, joining or writing a membership table fails there, so the test above means something."""
    private = private_metadata.tables[f"membership.{table}"]
    async with membership_denied_hub(database_url, tmp_path) as hub:
        for statement in (select(private), private.delete(), select(func.count()).select_from(private)):
            with pytest.raises(DBAPIError):
                async with hub.database.write() as connection:
                    await connection.execute(statement)
        async with hub.database.read() as connection:
            assert (await connection.execute(select(func.count()).select_from(service_request))).scalar() == 0
