"""Promise 39: for every kind of data, what is past its limit is gone after the nightly job, and no more."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from jobs.expire_kept import JOB
from rider_hub.access import Actor, Hub
from rider_hub.access.account_tables import rider_session, sign_in_code
from rider_hub.assignments.tables import assignment, match_change, match_run
from rider_hub.clock import FixedClock
from rider_hub.consent.tables import rights_request
from rider_hub.intake.link_tables import station_link
from rider_hub.intake.stream_tables import dead_letter
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.messages.tables import outbox
from rider_hub.outreach.store import of_rider
from rider_hub.outreach.tables import activity
from rider_hub.parameters import parameter
from rider_hub.requests.tables import service_request
from rider_hub.riders.tables import registration, registration_history, work_area_mark
from rider_hub.runs.model import Run
from rider_hub.runs.tables import job_run
from rider_hub.storage import insert_rows
from rider_hub.views.retention import LIMITS
from tests.factories import make_hub
from tests.rider_hub.consent.whole_rider import whole_rider
from tests.rider_hub.outreach.factories import OFF_PEAK

#: Kind → table, the column that dates a row, and what makes two rows of one template differ.
KINDS: dict[str, tuple[Table, str, str, dict[str, Any]]] = {
    "quarantine": (quarantine, "expires_at", "id", {}),
    "sign_in_codes": (sign_in_code, "window_at", "phone_index", {}),
    "sessions": (rider_session, "keep_until", "token_hash", {}),
    "settled_messages": (outbox, "created_at", "id", {"state": "sent"}),
    "closed_requests": (service_request, "closed_at", "id", {"state": "confirmed"}),
    "closed_rights_requests": (rights_request, "decided_at", "id", {"state": "done", "rider_id": None}),
    "past_assignments": (assignment, "valid_to", "version", {}),
    "match_changes": (match_run, "created_at", "id", {}),
    "registration_history": (registration_history, "recorded_at", "id", {}),
    "work_area_marks": (work_area_mark, "recorded_at", "registration_id", {}),
    "left_riders": (registration, "seen_at", "id", {"state": "left", "sealed": None}),
    "receipts": (receipt, "created_at", "id", {}),
    "dead_letters": (dead_letter, "created_at", "id", {}),
    "station_links": (station_link, "expires_at", "id", {}),
    "job_runs": (job_run, "due_at", "id", {}),
}
#: Kinds whose rows carry the time at which they go, not the time they began.
ENDS = {"quarantine", "sessions"}


async def _template(hub: Hub, table: Table) -> dict[str, Any]:
    if table is job_run:
        empty: dict[str, Any] = {column.name: None for column in table.columns}
        at = {"due_at": hub.clock.now(), "started_at": hub.clock.now(), "heartbeat_at": hub.clock.now()}
        rest = {"job": "x", "state": "done", "fence": 1, "counts": {}, "progress": 0, "worked": False}
        return empty | at | rest | {"started_by": "x"}
    if table is station_link:
        empty = {column.name: None for column in table.columns}
        now = hub.clock.now()
        rest = {"platform": "x", "station_ref": "x", "made_by": "x", "made_at": now, "uses": 0, "max_uses": 1}
        return empty | rest
    async with hub.database.read() as connection:
        query = select(table)
        query = query.where(table.c.sealed.is_not(None)) if table is quarantine else query
        row = (await connection.execute(query.limit(1))).mappings().first()
    assert row is not None, table.name
    return dict(row)


def _named(key: str, name: str, template: dict[str, Any]) -> dict[str, Any]:
    """Return what keeps a copied row apart from the others."""
    apart: dict[str, Any] = {key: name}
    if key == "version":
        apart = {key: 100 + len(name)}
    if key == "phone_index":
        apart = {key: name.encode()}
    for column in ("query_index", "token_index", "idempotency_key", "platform_rider_ref", "topic_id"):
        if column in template:
            apart[column] = name.encode() if column.endswith("_index") else name
    return apart


async def _there(hub: Hub, kind: str) -> set[str]:
    """Return which of the two rows are still what they were."""
    table, _, key, _ = KINDS[kind]
    async with hub.database.read() as connection:
        rows = (await connection.execute(select(table))).mappings().all()
        changes = set((await connection.execute(select(match_change.c.run_id))).scalars())
    names = {"old", "young"}
    if kind == "quarantine":
        return {row["id"] for row in rows if row["sealed"] is not None} & names
    if kind == "closed_requests":
        return {row["id"] for row in rows if row["emptied_at"] is None} & names
    if kind == "match_changes":
        return changes & names
    found = {row[key].decode("utf-8", "replace") if isinstance(row[key], bytes) else row[key] for row in rows}
    return {name for name in names if name in found or 100 + len(name) in found}


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_past_its_limit_it_is_gone(database_url: str, tmp_path: Path, kind: str) -> None:
    """A row an hour past the limit goes, a row an hour within it stays."""
    table, dated, key, values = KINDS[kind]
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await whole_rider(hub)
        template = await _template(hub, table)
        limit = timedelta(0) if kind in ENDS else timedelta(days=parameter(f"retention.{kind}").value)
        rows = []
        for name, hours in (("old", 1), ("young", -1)):
            at = hub.clock.now() - limit - timedelta(hours=hours)
            rows.append(template | values | _named(key, name, template) | {dated: at})
        if kind == "sessions":
            rows[1] |= {"keep_until": hub.clock.now() + timedelta(hours=1)}
        async with hub.database.write() as connection:
            await insert_rows(connection, table, rows)
            if kind == "match_changes":
                change = dict((await connection.execute(select(match_change))).mappings().first() or {})
                await insert_rows(
                    connection, match_change, [change | {"run_id": n} for n in ("old", "young")]
                )
        assert await _there(hub, kind) == {"old", "young"}
        counts = await JOB.run(hub, Run("1", JOB.name, hub.clock.now(), 1))
        assert await _there(hub, kind) == {"young"}
        assert counts[kind] >= 1


async def test_invitations_go_a_year_after_their_activity(database_url: str, tmp_path: Path) -> None:
    """The activity stands inside the envelope; the job opens it and deletes what is long past."""
    clock = FixedClock(OFF_PEAK)
    async with make_hub(database_url, tmp_path, clock) as hub:
        whole = await whole_rider(hub)
        rider_id = whole.rider.rider_id or ""
        for days, left in ((360, 1), (8, 0)):
            clock.advance(days=days)
            await LIMITS["past_invitations"](hub, Actor.job("expire_kept"), clock.now() - timedelta(days=365))
            async with hub.database.read() as connection:
                assert len(await of_rider(connection, hub.keys, rider_id)) == left
                assert len((await connection.execute(select(activity))).all()) == 1


def test_every_kind_of_the_job_is_tested() -> None:
    """A limit added later needs a row here."""
    assert LIMITS.keys() == KINDS.keys() | {"past_invitations", "absent_contents"}
