"""One rider with something in every table that may hold anything of a rider, beside another rider."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from rider_hub.access import Actor, Hub
from rider_hub.access.purposes import UNMASK_REASONS, Purpose
from rider_hub.access.rider_sessions import open_rider_session
from rider_hub.assignments.tables import assignment, match_change, match_run
from rider_hub.consent.correcting import correct_for_staff
from rider_hub.consent.model import Purpose as Consented
from rider_hub.consent.tables import rights_request
from rider_hub.intake.stream_tables import dead_letter
from rider_hub.membership.model import Kind
from rider_hub.membership.service import declare, opt_in
from rider_hub.membership.store import fill_records
from rider_hub.messages.delivery import deliver
from rider_hub.messages.ports import FilePort
from rider_hub.messages.tables import outbox
from rider_hub.outreach.sending import invite, worklist
from rider_hub.outreach.service import surface
from rider_hub.requests.service import answer, file_request
from rider_hub.riders.own import choose_community
from rider_hub.riders.service import unmask_rider
from rider_hub.riders.signin import phone_mark, request_code, verify_code
from rider_hub.riders.tables import registration, work_area_mark, work_area_review
from rider_hub.storage import insert_rows, new_id
from tests.factories import county_staff
from tests.rider_hub.intake.build import COUNTY, bring_in_county, push, sender_of
from tests.rider_hub.intake.build import rider as row
from tests.rider_hub.membership.factories import BRANCH, add_riders, settle
from tests.rider_hub.outreach.factories import JOB, add_activity, secretary
from tests.rider_hub.riders.build import id_number

__all__ = [
    "COMMUNITY",
    "NAME",
    "NUMBER",
    "PHONE",
    "REFS",
    "WORDS",
    "Whole",
    "add_crowd",
    "sign_in",
    "whole_rider",
]

COMMUNITY = "110101001001"
NAME, PHONE, NUMBER = "金丝雀", "19976543210", id_number(77)
REFS = ("CANARY-REF-DING", "CANARY-REF-JIA")
WORDS = "金丝雀说：小区西门不让骑手进"
HOME = "外省某镇金丝雀村党支部(示例)"


@dataclass(frozen=True)
class Whole:
    """What the tests need of the county: senders, the rider signed in, and another rider."""

    senders: tuple[Any, Any]
    rider: Actor
    other: str


async def sign_in(hub: Hub, phone: str = PHONE) -> Actor:
    """Sign in with the code of the outbox and open a session."""
    await request_code(hub, phone)
    async with hub.database.read() as connection:
        query = select(outbox).where(outbox.c.kind == "sign_in_code", outbox.c.state == "waiting")
        rows = (await connection.execute(query.order_by(outbox.c.created_at.desc()))).mappings().all()
    opened = [hub.keys.unseal("personal", ("outbox", "sealed", one["id"]), one["sealed"]) for one in rows]
    code = next(each["body"]["code"] for each in opened if each["to"] == phone)
    await deliver(hub, FilePort(hub.settings.data_dir / "messages.jsonl"))
    rider_id = await verify_code(hub, phone, code)
    mark = phone_mark(hub.keys, phone)
    await open_rider_session(hub, f"r-{new_id()}", rider_id, mark)
    return Actor.rider(rider_id, phone=mark)


async def whole_rider(hub: Hub) -> Whole:
    """Bring in a county and live a rider's life in it."""
    await bring_in_county(hub)
    await settle(hub)
    person = {"name": NAME, "phone": PHONE, "id_number": NUMBER}
    first, _ = await sender_of(hub)
    second, _ = await sender_of(hub, "jia")
    bad = row(3, platform_rider_ref=REFS[0], **person, employment="astronaut", record_id=f"{REFS[0]}-bad")
    mine = row(1, platform_rider_ref=REFS[0], record_id=f"{REFS[0]}-1", **person)
    await push(hub, first, [mine, row(2), bad])
    await push(hub, second, [row(1, platform_rider_ref=REFS[1], record_id=f"{REFS[1]}-1", **person)])
    rider = await sign_in(hub)
    async with hub.database.read() as connection:
        other = select(registration.c.rider_id).where(registration.c.platform_rider_ref == "D00002")
        other_id = str((await connection.execute(other)).scalar_one())
    await choose_community(hub, rider, COMMUNITY)
    await _consent(hub, rider)
    filed = await file_request(hub, rider, category="entry", community_code=COMMUNITY, text=WORDS)
    await file_request(hub, rider, category="rest", community_code=COMMUNITY, text=WORDS)
    await answer(hub, county_staff(), filed.id, f"已和物业谈妥，{NAME}可以从西门进")
    await unmask_rider(
        hub, county_staff(), rider.rider_id or "", Purpose.stated(UNMASK_REASONS, "check", "核对登记信息")
    )
    await correct_for_staff(
        hub,
        county_staff(),
        rider.rider_id or "",
        registration_ref=f"jia/{REFS[1]}",
        field="name",
        value=NAME,
        purpose="本人到窗口申请",
    )
    await _change_areas(hub, rider.rider_id or "")
    await _match(hub, rider.rider_id or "")
    await _ask(hub, rider.rider_id or "")
    await _refuse(hub)
    hub.clock.advance(minutes=2)  # type: ignore[attr-defined]
    await request_code(hub, PHONE)
    return Whole((first, second), rider, other_id)


async def _consent(hub: Hub, rider: Actor) -> None:
    await declare(
        hub,
        rider,
        kind=Kind.FULL,
        home_organization=HOME,
        body=BRANCH,
        notice_version=1,
        invitations_version=1,
    )
    await opt_in(hub, rider, purpose=Consented.OPEN_ACTIVITIES, body=BRANCH, notice_version=1)
    await add_activity(hub, open_to_all=True, title="急救技能")
    await surface(hub, JOB)
    for task in await worklist(hub, secretary()):
        await invite(hub, secretary(), task.invitation.id)


async def _change_areas(hub: Hub, rider_id: str) -> None:
    now = hub.clock.now()
    async with hub.database.write() as connection:
        query = select(registration.c.id).where(registration.c.rider_id == rider_id)
        mine = str((await connection.execute(query)).scalars().first())
        mark = {"registration_id": mine, "version_at": now, "mark": hub.keys.blind("lasting", "x", "x")}
        mark["recorded_at"] = now
        review = {column.name: None for column in work_area_review.columns}
        review |= {"registration_id": mine, "changes": 3, "held_at": now}
        await insert_rows(connection, work_area_mark, [mark])
        await insert_rows(connection, work_area_review, [review])


async def _match(hub: Hub, rider_id: str) -> None:
    now = hub.clock.now()
    run = {column.name: None for column in match_run.columns} | {
        "id": "run-1",
        "county": COUNTY,
        "state": "previewed",
        "inputs": {"riders": 2},
        "counts": {"new": 1},
        "digest": "x",
        "created_at": now,
        "created_by": "user:tester",
    }
    one = _assigned(rider_id, COMMUNITY) | {"valid_from": now}
    change = {
        "run_id": "run-1",
        "rider_id": rider_id,
        "kind": "new",
        "before": None,
        "after": {"rider_id": rider_id, "division": COMMUNITY},
        "base_version": 0,
        "division": COMMUNITY,
        "applied": True,
        "skipped": False,
    }
    async with hub.database.write() as connection:
        await insert_rows(connection, match_run, [run])
        await insert_rows(connection, assignment, [one])
        await insert_rows(connection, match_change, [change])


def _assigned(rider_id: str, division: str) -> dict[str, Any]:
    return {column.name: None for column in assignment.columns} | {
        "rider_id": rider_id,
        "version": 1,
        "run_id": "run-1",
        "division": division,
        "love_stations": [],
        "reasons": {"place": "own_choice"},
    }


async def _ask(hub: Hub, rider_id: str) -> None:
    now, row_id = hub.clock.now(), new_id()
    content = {"what": "name", "value": NAME, "note": ""}
    asked = {
        "id": row_id,
        "kind": "correct",
        "rider_id": rider_id,
        "division": COMMUNITY,
        "state": "open",
        "sealed": hub.keys.seal("personal", ("rights_request", "sealed", row_id), content),
        "filed_at": now,
        "due_at": now,
        "decided_at": None,
        "decided_by": None,
        "cleared_at": None,
    }
    async with hub.database.write() as connection:
        await insert_rows(connection, rights_request, [asked])


async def _refuse(hub: Hub) -> None:
    """Have a message of a stream refused, whose dead letter is not sent yet."""
    letter_id = new_id()
    cell = ("dead_letter", "sealed", letter_id)
    texts = dict.fromkeys(("cluster", "topic_id", "topic", "receipt_id"), "x")
    letter = (
        {column.name: None for column in dead_letter.columns}
        | texts
        | {
            "id": letter_id,
            "partition": 0,
            "offset": 0,
            "row": 1,
            "platform": "ding",
            "feed_type": "registration",
            "failures": [],
            "sealed": hub.keys.seal("quarantine", cell, {"key": REFS[0]}),
            "created_at": hub.clock.now(),
        }
    )
    async with hub.database.write() as connection:
        await insert_rows(connection, dead_letter, [letter])


async def add_crowd(hub: Hub, rider: Actor, count: int = 3_000, openings: int = 200) -> None:
    """Add other riders with all a hub keeps of each, and staff who opened the rider's data."""
    others = [each.rider_id or "" for each in await add_riders(hub, count)]
    async with hub.database.write() as connection:
        await fill_records(connection, hub.keys, others)
        rows = [_assigned(each, COMMUNITY) | {"valid_from": hub.clock.now()} for each in others]
        await insert_rows(connection, assignment, rows)
    for _ in range(openings):
        async with hub.look(county_staff(), "riders.view") as look:
            look.opened([rider.rider_id or "", *others[:50]])
