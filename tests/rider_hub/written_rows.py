"""Rows of the tables that the matrix's world leaves empty, so that every place for words is written to."""

import json
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.sources.registry import parse
from rider_hub.access import Actor, Hub, Role, approvals
from rider_hub.access.account_tables import session, user
from rider_hub.access.actor import STAFF_ROLES
from rider_hub.access.answering import answer
from rider_hub.access.approval_model import Kind as Asked
from rider_hub.access.approval_model import State
from rider_hub.access.purposes import EXPORT_REASONS, Purpose
from rider_hub.access.row_macs import signed
from rider_hub.access.sso.tables import linked_identity
from rider_hub.access.tables import approval, audit_row, division_change, park, park_member
from rider_hub.intake.stream_tables import dead_letter, stream_gap, stream_position
from rider_hub.intake.tables import cursor, mapping
from rider_hub.membership.model import Kind
from rider_hub.membership.service import declare
from rider_hub.membership.verification import ask_verification, gather_homes, waiting_list
from rider_hub.messages.service import post
from rider_hub.organizations.tables import instructor
from rider_hub.riders.corrections import Correction
from rider_hub.riders.tables import registration_correction
from rider_hub.runs.tables import job_run
from rider_hub.storage import insert_rows, new_id
from tests.factories import staff
from tests.rider_hub.matrix.viewers import VIEWERS, Viewer
from tests.rider_hub.matrix.world import GROUPS
from tests.rider_hub.payloads import hostile

__all__ = ["ids_of", "lay_rest"]

_OWN = GROUPS[0]
#: Ledgers of people and their pages: they leave in a file only with a second person's yes.
PEOPLE = {
    "/assignments": "assignments",
    "/feeds/quarantine": "quarantine",
    "/invitations": "invitations",
    f"/match-runs/run-{_OWN.county}": "match-differences",
    "/requests": "requests",
    "/riders": "riders",
    "/riders/links": "rider-links",
}
_JOB = Actor.job("test")


def _mapping(now: datetime) -> dict[str, Any]:
    """Make a mapping whose every ignored column is called something hostile."""
    names = [hostile(number)[:100] for number in range(100)]
    text = f"""platform = "{_OWN.platform}"
name_zh = "平台"
transport = "push"
auth = "signature"
frame = "gcj02"
tier = "B"
[feeds.station]
ignore = {json.dumps(names)}
columns = {{bianhao = "station_ref"}}
"""
    assert set(parse(text).feeds["station"].ignore) == set(names)
    values = {"saved_by": "x", "saved_as": "county", "note": "x", "valid_from": now}
    return {"platform": _OWN.platform, "number": 1, "text": text, **values}


async def _lay_streams(connection: AsyncConnection, now: datetime) -> None:
    """Write where a stream stands, a gap in it, and a refused message of it."""
    place = {"cluster": "c", "topic_id": "t", "partition": 0, "topic": "jia.riders"}
    mine = {**place, "platform": "jia", "feed_type": "registration"}
    stands = {"position": 1, "end_seen": 2, "moved_at": now, "seen_at": now}
    await insert_rows(connection, stream_position, [mine | stands])
    gap = {"id": new_id(), "from_offset": 1, "to_offset": 2, "noted_at": now}
    await insert_rows(connection, stream_gap, [mine | gap])
    refused = {"id": new_id(), "offset": 1, "receipt_id": "x", "row": 1, "failures": [], "sealed": None}
    refused |= {"created_at": now, "claimed_at": None, "sent_at": None}
    await insert_rows(connection, dead_letter, [mine | refused])


async def lay_rest(hub: Hub) -> None:
    """Write at least one row of every table that holds words and has none."""
    now = hub.clock.now()
    accounts = [_account(hub, viewer) for viewer in VIEWERS.values() if viewer.role in STAFF_ROLES]
    linked = {"issuer": "https://id.example", "linked_at": now, "confirmed_at": None}
    async with hub.database.write() as connection:
        await insert_rows(connection, user, accounts)
        await insert_rows(connection, session, [_session(hub, one["id"]) for one in accounts])
        links = [{**linked, "subject": one["id"], "user_id": one["id"]} for one in accounts]
        await insert_rows(
            connection, linked_identity, [signed(hub.keys, linked_identity, one) for one in links]
        )
        around = {"code": "park-1", "name": "园区", "division": _OWN.street}
        await insert_rows(connection, park, [around])
        member = {"park": "park-1", "division": _OWN.community}
        await insert_rows(connection, park_member, [signed(hub.keys, park_member, member)])
        became = {"from_code": "110199001", "to_code": "110199002", "as_of": date(2026, 1, 1)}
        became |= {"made_of": ["110199001"], "became": ["110199002"]}
        await insert_rows(connection, division_change, [signed(hub.keys, division_change, became)])
        guide = {"code": "guide-1", "title": "指导员", "division": _OWN.street}
        await insert_rows(
            connection, instructor, [guide | {"valid_from": date(2020, 1, 1), "valid_to": None}]
        )
        await insert_rows(connection, job_run, [_failed_run(hub)])
        at = {"platform": "jia", "feed_type": "registration", "position": "x", "moved_at": now}
        await insert_rows(connection, cursor, [at])
        await insert_rows(connection, registration_correction, [_correction(hub)])
        await _lay_streams(connection, now)
        await insert_rows(connection, mapping, [_mapping(now)])
    async with hub.change(_JOB, "messages.send") as work:
        await post(work, hub.keys, "notice", _OWN.phone, {"text": "您好"})
    await _declare(hub)
    await _ask(hub)


def _account(hub: Hub, viewer: Viewer) -> dict[str, Any]:
    row: dict[str, Any] = {column.name: None for column in user.columns}
    scope = viewer.actor.scope
    row |= {
        "id": viewer.name,
        "username": viewer.name,
        "display_name": "测试员",
        "password_hash": "x",
        "password_history": [],
        "password_changed_at": hub.clock.now(),
        "password_temporary": False,
        "roles": [viewer.role],
        "divisions": list(scope.divisions),
        "platforms": list(scope.platforms),
        "partners": list(scope.partners),
        "organizations": sorted(viewer.actor.organizations),
        "scope_title": "测试范围",
        "epoch": 1,
        "created_at": hub.clock.now(),
    }
    return signed(hub.keys, user, row)


def _session(hub: Hub, user_id: str) -> dict[str, Any]:
    now = hub.clock.now()
    texts = dict.fromkeys(("csrf", "address", "browser"), "x")
    row = {"token_hash": new_id(), "id": new_id(), "user_id": user_id, "epoch": 1}
    return row | texts | {"created_at": now, "seen_at": now}


def _failed_run(hub: Hub) -> dict[str, Any]:
    row: dict[str, Any] = {column.name: None for column in job_run.columns}
    times = dict.fromkeys(("due_at", "started_at", "heartbeat_at", "finished_at"), hub.clock.now())
    said = {"id": new_id(), "job": "take_feeds", "state": "failed", "started_by": "scheduler", "counts": {}}
    return row | times | said | {"fence": 1, "progress": 0, "worked": True, "cure_zh": "x", "cure_en": "x"}


def _correction(hub: Hub) -> dict[str, Any]:
    row: dict[str, Any] = {column.name: None for column in registration_correction.columns}
    cell = ("registration_correction", "sealed", "correction-1")
    return row | {
        "id": cell[2],
        "registration_id": _OWN.id("reg"),
        "field": "name",
        "sealed": hub.keys.seal("personal", cell, Correction("name", "某某")),
        "instead_of": b"x",
        "made_at": hub.clock.now(),
    }


async def _declare(hub: Hub) -> None:
    """Have the first group's rider declare to its organization and be waiting for a verification there."""
    rider, body = Actor.rider(_OWN.id("rider")), _OWN.id("org")
    await declare(hub, rider, kind=Kind.FULL, home_organization="某地党委", body=body, notice_version=1)
    await ask_verification(hub, rider, body=body, notice_version=1)
    await gather_homes(hub, _JOB)


async def _ask(hub: Hub) -> None:
    """Have exports of every ledger of people asked for and agreed to; one more waits for an answer."""
    second = staff(Role.COUNTY_STAFF)
    for path, ledger in PEOPLE.items():
        asked = await _export(hub, VIEWERS["county"].actor, path, ledger)
        await answer(hub, second, asked, approve=True, note="好")
    await _export(hub, VIEWERS["street_staff"].actor, "/riders", "riders")


async def _export(hub: Hub, asker: Actor, path: str, ledger: str) -> str:
    details = {"ledger": ledger, "title": "骑手", "path": path, "query": "", "filters": "全部", "rows": 1}
    async with hub.change(asker, "exports.ask") as work:
        asked = await approvals.ask(
            work,
            hub.keys,
            Asked.EXPORT,
            scope=asker.scope,
            purpose=Purpose.stated(EXPORT_REASONS, "other", "回访上周的诉求"),
            details=details | {"operation": "riders.view", "unit": "测试范围"},
            lapses=timedelta(hours=24),
        )
    return asked.id


async def ids_of(hub: Hub) -> dict[str, list[str]]:
    """Return whole paths of pages whose ids no group of the matrix has, by their routes."""
    async with hub.database.read() as connection:
        asked = (await connection.execute(select(approval))).mappings().all()
        rows = (await connection.execute(select(audit_row.c.id).limit(3))).scalars().all()
    waiting = await waiting_list(hub, VIEWERS["branch_secretary"].actor)
    found = {
        "/approvals/{id}": [f"/approvals/{one['id']}" for one in asked],
        "/audit/{id}": [f"/audit/{one}" for one in rows],
        "/members/{id}": [f"/members/{one.id}" for one in waiting],
    }
    for page in ("", "/edit", "/grant"):
        route = "/accounts/{username}" + page
        found[route] = [f"/accounts/{name}{page}" for name in ("county", "branch_secretary")]
    for one in asked:
        path = hub.keys.unseal("personal", ("approval", "sealed", one["id"]), one["sealed"])["details"][
            "path"
        ]
        if one["state"] == State.APPROVED:
            route = path.replace(f"run-{_OWN.county}", "{id}") + "/export.xlsx"
            found[route] = [f"{path}/export.xlsx?approval={one['id']}"]
    return found
