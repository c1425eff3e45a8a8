"""Use cases of match runs: preview, approve, apply, roll back; each one transaction, each audited."""

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub
from rider_hub.access.scope import Scope
from rider_hub.assignments import store
from rider_hub.assignments.matching import Current, difference, match_all
from rider_hub.assignments.model import Assignment, Change, ChangeKind, RunState, moved_to
from rider_hub.assignments.places import Places
from rider_hub.assignments.spreading import spread
from rider_hub.clock import local_date
from rider_hub.divisions import areas
from rider_hub.divisions.areas import AreaSet
from rider_hub.errors import Refused
from rider_hub.lovestations import store as love_station_store
from rider_hub.lovestations.model import LoveStations
from rider_hub.organizations import network as organizations
from rider_hub.organizations.model import Network
from rider_hub.parameters import parameter
from rider_hub.riders import store as riders
from rider_hub.riders.store import RiderSnapshot
from rider_hub.storage import new_id

__all__ = ["apply_run", "approve_run", "discard_run", "preview_run", "rematch", "roll_back_run", "show_run"]

_PARAMETERS = (
    "matching.border_tolerance",
    "matching.rounded_point_tolerance",
    "matching.love_station_radius",
    "matching.love_station_count",
    "matching.love_station_churn",
    "matching.active_window",
)
#: Of a county's riders, the share that may change without a preview.
_SELF_APPLYING_SHARE = 0.01


@dataclass(frozen=True)
class _Inputs:
    """Everything a run computes from, read in one transaction."""

    riders: list[RiderSnapshot]
    network: Network
    streets: AreaSet
    communities: AreaSet
    love_stations: LoveStations
    current: dict[str, Current]


async def preview_run(hub: Hub, actor: Actor, county: str) -> str:
    """Compute a match run for a county, stage its differences and return the run's id.

    Raises Refused where the county is out of the actor's scope, Absent where it has no boundaries yet.
    """
    async with hub.look(actor, "match.run", target=county) as look:
        _check_county(actor, county)
        as_of = look.now
        inputs = await _read(look.connection, county, hub)
        look.count(riders=len(inputs.riders))
    found = await asyncio.to_thread(_match, county, inputs, hub.settings.dask_scheduler)
    changes = difference(found, inputs.current)
    run = _run_row(county, actor, inputs, changes) | {"created_at": as_of}
    async with hub.change(actor, "match.run", target=f"{county} {run['id']}") as work:
        await store.stage(work.connection, run, changes)
        work.count(**run["counts"])
    return str(run["id"])


async def show_run(hub: Hub, actor: Actor, run_id: str) -> RowMapping:
    """Return one run: state, inputs, counts, who approved and applied it."""
    async with hub.look(actor, "match.view", target=run_id) as look:
        return await store.find_run(look.connection, look.scope, run_id)


async def approve_run(hub: Hub, actor: Actor, run_id: str) -> None:
    """Approve a previewed run; raises Conflict where it is in another state."""
    async with hub.change(actor, "match.approve", target=run_id) as work:
        run = await _owned_run(work.connection, actor, run_id)
        state = moved_to(run["state"], RunState.APPROVED)
        await store.update_run(
            work.connection, run_id, state=state, approved_at=work.now, approved_by=actor.id
        )


async def discard_run(hub: Hub, actor: Actor, run_id: str) -> None:
    """Set a run aside that will not be applied."""
    async with hub.change(actor, "match.approve", target=run_id) as work:
        run = await _owned_run(work.connection, actor, run_id)
        await store.update_run(work.connection, run_id, state=moved_to(run["state"], RunState.DISCARDED))


async def apply_run(hub: Hub, actor: Actor, run_id: str) -> dict[str, int]:
    """Put an approved run's differences in force and return how many were applied and skipped.

    One transaction a county. A rider whose assignment changed since the preview is skipped, to be matched
    again: what the preview showed would no longer be what is applied.
    """
    async with hub.change(actor, "match.apply", target=run_id) as work:
        run = await _owned_run(work.connection, actor, run_id)
        state = moved_to(run["state"], RunState.APPLIED)
        changes = await store.list_changes(work.connection, run_id, Scope.all())
        outcome = await _apply(work.connection, run_id, changes, work.now)
        await store.update_run(
            work.connection, run_id, state=state, applied_at=work.now, applied_by=actor.id, outcome=outcome
        )
        work.count(**outcome)
        return outcome


async def roll_back_run(hub: Hub, actor: Actor, run_id: str) -> dict[str, Any]:
    """Undo an applied run for the riders it still owns, and name those changed since.

    Restored assignments come back as new versions: history keeps what was in force, and when.
    """
    async with hub.change(actor, "match.apply", target=run_id) as work:
        run = await _owned_run(work.connection, actor, run_id)
        state = moved_to(run["state"], RunState.ROLLED_BACK)
        changes = [
            row for row in await store.list_changes(work.connection, run_id, Scope.all()) if row["applied"]
        ]
        outcome = await _restore(work.connection, run_id, changes, work.now)
        await store.update_run(
            work.connection,
            run_id,
            state=state,
            rolled_back_at=work.now,
            rolled_back_by=actor.id,
            outcome={**(run["outcome"] or {}), **outcome},
        )
        work.count(restored=outcome["restored"], not_restored=len(outcome["not_restored"]))
        return outcome


async def rematch(hub: Hub, actor: Actor, county: str) -> dict[str, Any]:
    """Match a county again; a small change applies by itself, a large one waits for approval.

    Small is up to `matching.self_applying_riders` riders or 1 % of the county.
    """
    run_id = await preview_run(hub, actor, county)
    run = await show_run_for_job(hub, run_id)
    counts = run["counts"]
    changed = sum(counts.get(kind, 0) for kind in ("new", "moved", "lost", "unresolved"))
    small = max(
        parameter("matching.self_applying_riders").value, _SELF_APPLYING_SHARE * run["inputs"]["riders"]
    )
    if changed == 0:
        state = RunState.DISCARDED
    elif changed <= small:
        state = RunState.APPROVED
    else:
        return {"run_id": run_id, "applied": 0, "waiting_for_approval": changed}
    async with hub.change(actor, "match.run", target=run_id) as work:
        await store.update_run(work.connection, run_id, state=state, approved_by="rule:small_change")
    if state is RunState.DISCARDED:
        return {"run_id": run_id, "applied": 0, "waiting_for_approval": 0}
    outcome = await apply_run(hub, actor, run_id)
    return {"run_id": run_id, "applied": outcome["applied"], "waiting_for_approval": 0}


async def show_run_for_job(hub: Hub, run_id: str) -> RowMapping:
    """Return one run to a job, which has every county in scope."""
    async with hub.database.read() as connection:
        return await store.find_run(connection, Scope.all(), run_id)


async def _read(connection: AsyncConnection, county: str, hub: Hub) -> _Inputs:
    now = hub.clock.now()
    today: date = local_date(now)
    snapshot = await riders.snapshot(connection, county, now)
    ids = [rider.rider_id for rider in snapshot]
    return _Inputs(
        riders=snapshot,
        network=await organizations.load(connection, county, today),
        streets=await areas.current(connection, county, "street"),
        communities=await areas.current(connection, county, "community"),
        love_stations=await love_station_store.current(connection, county, today),
        current=await store.current_of_county(connection, Scope.all(), county, ids),
    )


def _match(county: str, inputs: _Inputs, scheduler: str) -> list[Assignment]:
    places = Places(inputs.streets, inputs.communities, inputs.network.stations)
    match = partial(
        match_all,
        county,
        inputs.riders,
        places=places,
        network=inputs.network,
        love_stations=inputs.love_stations,
        current=inputs.current,
    )
    return spread(match, scheduler, len(inputs.riders))


def _run_row(county: str, actor: Actor, inputs: _Inputs, changes: list[Change]) -> dict[str, Any]:
    counts = Counter(change.kind.value for change in changes)
    staged = [msgspec.structs.asdict(change.after) if change.after else change.rider_id for change in changes]
    return {
        "id": new_id(),
        "county": county,
        "state": RunState.PREVIEWED.value,
        "inputs": {
            "riders": len(inputs.riders),
            "street_edition": inputs.streets.edition_id,
            "community_edition": inputs.communities.edition_id,
            "community_edition_title": inputs.communities.title,
            "stations": len(inputs.network.stations),
            "love_stations": len(inputs.love_stations.codes),
            "parameters": [parameter(name).version for name in _PARAMETERS],
        },
        "counts": {kind.value: counts.get(kind.value, 0) for kind in ChangeKind},
        # The same inputs give the same digest: what was found, rider by rider, in a fixed order.
        "digest": hashlib.sha256(msgspec.json.encode(staged, order="deterministic")).hexdigest(),
        "created_by": actor.id,
    }


async def _owned_run(connection: AsyncConnection, actor: Actor, run_id: str) -> RowMapping:
    run = await store.find_run(connection, actor.scope, run_id)
    _check_county(actor, run["county"])
    return run


def _check_county(actor: Actor, county: str) -> None:
    if not actor.scope.covers(county):
        raise Refused


async def _apply(connection: AsyncConnection, run_id: str, changes: Any, now: Any) -> dict[str, int]:
    versions = await store.versions_now(connection, [row["rider_id"] for row in changes])
    fresh = [
        row for row in changes if versions.get(row["rider_id"], (0, False, ""))[0] == row["base_version"]
    ]
    fresh_ids = [row["rider_id"] for row in fresh]
    skipped = sorted({row["rider_id"] for row in changes} - set(fresh_ids))
    await store.close(connection, fresh_ids, now)
    found = [(store.load(row["after"]), row["base_version"] + 1) for row in fresh]
    rows = [(assignment, version, run_id) for assignment, version in found if assignment is not None]
    await store.insert_versions(connection, rows, now)
    await riders.move_riders(
        connection, {assignment.rider_id: assignment.division for assignment, _, _ in rows}
    )
    await store.mark_changes(connection, run_id, applied=fresh_ids, skipped=skipped)
    return {"applied": len(fresh_ids), "skipped": len(skipped)}


async def _restore(connection: AsyncConnection, run_id: str, changes: Any, now: Any) -> dict[str, Any]:
    versions = await store.versions_now(connection, [row["rider_id"] for row in changes])
    mine: list[RowMapping] = []
    others: list[str] = []
    for row in changes:
        version, in_force, owner = versions.get(row["rider_id"], (0, False, ""))
        lost = row["after"] is None and version == row["base_version"] and not in_force
        owned = lost or (in_force and owner == run_id and version == row["base_version"] + 1)
        mine.append(row) if owned else others.append(row["rider_id"])
    await store.close(connection, [row["rider_id"] for row in mine], now)
    back = [(store.load(row["before"]), versions[row["rider_id"]][0] + 1) for row in mine]
    rows = [(before, version, run_id) for before, version in back if before is not None]
    await store.insert_versions(connection, rows, now)
    await riders.move_riders(connection, {before.rider_id: before.division for before, _, _ in rows})
    return {"restored": len(mine), "not_restored": sorted(others)}
