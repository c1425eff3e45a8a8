"""No audit, no action; what leaves a row, and what a row tells a thief."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import func, insert, select

from rider_hub.access import ACTOR, HUB, Actor, Hub, Role, guarded
from rider_hub.access.actor import PUBLIC
from rider_hub.access.audit import AuditFault
from rider_hub.access.guard import Handler
from rider_hub.access.strangers import STRANGERS
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.clock import FixedClock
from rider_hub.consent.tables import notice
from rider_hub.errors import Absent, Conflict, Refused
from rider_hub.web.problems import problems
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.access.broken_trail import break_trail


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub whose clock stands still."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        yield opened


async def _rows(hub: Hub) -> list[tuple[str, str, str, str]]:
    async with hub.database.read() as connection:
        columns = [audit_row.c[name] for name in ("operation", "actor", "target", "outcome")]
        return [tuple(row) for row in await connection.execute(select(*columns))]


async def _publish(hub: Hub, key: str) -> None:
    async with hub.change(county_staff(), "imports.change") as work:
        row = {"key": key, "version": 1, "title": "", "body": "", "published_at": work.now}
        await work.connection.execute(insert(notice), [row])


async def test_a_change_whose_row_is_refused_does_not_happen(hub: Hub) -> None:
    """The database refuses the row of the trail: the change is rolled back and the answer says 503."""
    await _publish(hub, "before")
    await break_trail(hub)
    with pytest.raises(AuditFault) as caught:
        await _publish(hub, "after")
    assert caught.value.status == 503
    async with hub.database.read() as connection:
        assert list((await connection.execute(select(notice.c.key))).scalars()) == ["before"]


async def test_a_look_whose_row_is_refused_shows_nothing(hub: Hub) -> None:
    """What was read is given back only after its row is committed."""

    async def read() -> str:
        async with hub.look(county_staff(), "riders.view") as look:
            look.opened(["r1"])
            return "a name"

    assert await read() == "a name"
    await break_trail(hub)
    with pytest.raises(AuditFault):
        await read()


async def test_a_refusal_that_can_not_be_recorded_is_no_answer_either(hub: Hub) -> None:
    """Without a trail even "no" does not leave as if it had been written down."""
    await break_trail(hub)
    with pytest.raises(AuditFault):
        async with hub.look(staff(Role.INSTRUCTOR), "riders.unmask"):
            pytest.fail("the block must not run")
    with pytest.raises(AuditFault):
        async with hub.change(county_staff(), "imports.change"):
            raise Conflict("冲突", "conflict")


async def test_a_masked_page_leaves_one_row_with_its_number(hub: Hub) -> None:
    """A list of masked people is one row with counts; a rider who reads what is their own leaves none."""
    async with hub.look(county_staff(), "riders.view") as look:
        look.count(riders=25)
    async with hub.look(Actor.rider("r1"), "requests.own") as look:
        look.count(requests=2)
    async with hub.database.read() as connection:
        rows = (await connection.execute(select(audit_row.c.actor, audit_row.c.counts))).all()
        assert [tuple(row) for row in rows] == [("user:tester", {"riders": 25})]
        assert (await connection.execute(select(audit_subject))).all() == []


async def test_what_looks_absent_is_on_record(hub: Hub) -> None:
    """Asking for a rider of another street is answered like absence, and the try stays."""
    with pytest.raises(Absent):
        async with hub.look(county_staff(), "riders.view", target="rider:x"):
            raise Absent
    assert await _rows(hub) == [("riders.view", "user:tester", "rider:x", "absent")]


async def test_refusals_survive_the_roll_back_of_the_work_they_stop(hub: Hub) -> None:
    """A change that is refused half-way is undone; that it was tried is not."""

    async def refuse_late() -> None:
        async with hub.change(county_staff(), "imports.change", target="t") as work:
            row = {"key": "k", "version": 1, "title": "", "body": "", "published_at": work.now}
            await work.connection.execute(insert(notice), [row])
            raise Refused

    with pytest.raises(Refused):
        await refuse_late()
    assert await _rows(hub) == [("imports.change", "user:tester", "t", "refused")]
    async with hub.database.read() as connection:
        assert (await connection.execute(select(notice))).all() == []


async def _ask_guarded(hub: Hub, actor: Actor) -> int:
    """Ask for a page of match runs as an actor, through the guard; return the answer's status."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="runs")

    @web.middleware
    async def signed_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[ACTOR] = actor
        return await handler(request)

    app = web.Application(middlewares=[signed_in, problems])
    app[HUB] = hub
    app.add_routes(guarded("match.approve", [web.get("/api/runs/{id}", page)]))
    async with TestClient(TestServer(app)) as client:
        return (await client.get("/api/runs/7")).status


async def test_the_guard_puts_its_refusals_on_record(hub: Hub) -> None:
    """Who is turned away before a use case begins is on record with the route, not with what stood in it."""
    assert await _ask_guarded(hub, county_staff()) == 200
    assert await _ask_guarded(hub, staff(Role.INSTRUCTOR)) == 404
    assert await _rows(hub) == [("match.approve", "user:tester", "GET /api/runs/{id}", "refused")]
    await break_trail(hub)
    assert await _ask_guarded(hub, staff(Role.INSTRUCTOR)) == 503


async def test_visitors_who_are_refused_are_counted_not_written_down(hub: Hub) -> None:
    """A flood of visitors without a sign-in leaves no row."""
    before = STRANGERS.labels("refused")._value.get()
    assert await _ask_guarded(hub, PUBLIC) == 401
    assert await _rows(hub) == []
    assert STRANGERS.labels("refused")._value.get() == before + 1


async def test_failures_of_visitors_fill_the_trail_only_so_fast(hub: Hub) -> None:
    """In a minute a process writes 60 of them; the next row says how many had none."""

    async def fail() -> None:
        with pytest.raises(Conflict):
            async with hub.change(PUBLIC, "session.open"):
                raise Conflict("不对", "wrong")

    for _ in range(70):
        await fail()
    assert len(await _rows(hub)) == 60
    assert isinstance(hub.clock, FixedClock)
    hub.clock.advance(seconds=61)
    await fail()
    async with hub.database.read() as connection:
        counts = list((await connection.execute(select(audit_row.c.counts))).scalars())
    assert len(counts) == 61
    assert [one for one in counts if one] == [{"left_out": 10}]


@pytest.mark.parametrize("operation", ["membership.declare", "membership.own", "invitations.answer"])
async def test_a_riders_private_acts_are_one_word_without_an_id(hub: Hub, operation: str) -> None:
    """Whether it was a declaration, a consent or an answer: the row says "rider.own" and a pseudonym."""
    async with hub.change(Actor.rider("r1"), operation, target="declaration:7", purpose="x"):
        pass
    [(word, actor, target, _)] = await _rows(hub)
    assert (word, target) == ("rider.own", "")
    assert actor.startswith("rider:")
    assert "r1" not in actor


async def test_whom_a_body_opens_for_an_invitation_is_kept_under_a_pseudonym(hub: Hub) -> None:
    """Joined with any other table, the trail of invitations leads to no rider; that of unmasking does."""
    rider_id = "a" * 32
    secretary = staff(Role.BRANCH_SECRETARY, Role.STREET_STAFF)
    for operation in ("invitations.view", "riders.unmask"):
        async with hub.look(secretary, operation) as look:
            look.opened([rider_id])
    async with hub.database.read() as connection:
        query = select(audit_row.c.operation, audit_subject.c.rider_id).join(audit_subject)
        named = {row[0]: row[1] for row in await connection.execute(query)}
    assert named["riders.unmask"] == rider_id
    assert named["invitations.view"] != rider_id
    assert len(named["invitations.view"]) == len(rider_id)


async def test_the_trail_does_not_tell_how_many_riders_named_a_body(hub: Hub) -> None:
    """A page with one rider and one with nine leave rows alike; of open operations the figures stand."""
    secretary = staff(Role.BRANCH_SECRETARY, Role.STREET_STAFF)
    for operation in ("invitations.view", "riders.unmask"):
        for number in (1, 9):
            async with hub.look(secretary, operation) as look:
                look.opened([f"{one:032x}" for one in range(number)])
                look.count(shown=number)
    async with hub.database.read() as connection:
        query = select(audit_row.c.operation, audit_row.c.counts, func.count()).join(audit_subject)
        rows = (await connection.execute(query.group_by(audit_row.c.id))).all()
    assert sorted((row[0], row[1]["shown"], row[2]) for row in rows) == [
        ("invitations.view", 1, 16),
        ("invitations.view", 1, 16),
        ("riders.unmask", 1, 1),
        ("riders.unmask", 9, 9),
    ]


async def test_a_text_no_database_holds_does_not_stop_the_trail(hub: Hub) -> None:
    """NUL, lone surrogates and length in a purpose are mended, not a way to fail."""
    async with hub.look(county_staff(), "riders.unmask", purpose="\x00\ud800" + "用" * 300) as look:
        look.opened(["r1"])
    async with hub.database.read() as connection:
        [purpose] = (await connection.execute(select(audit_row.c.purpose))).scalars()
    assert purpose == "?" + "用" * 199
