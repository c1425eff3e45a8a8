"""Use cases on riders: taking in checked registrations, opening one person, deciding on a link."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked
from rider_hub.access import Actor, Change, Hub, Keyring
from rider_hub.access.purposes import Purpose
from rider_hub.access.unmasking import take_turn
from rider_hub.errors import Absent, Conflict
from rider_hub.riders import store
from rider_hub.riders.area_changes import LIKE_TRACK, note_work_areas
from rider_hub.riders.corrections import CONFLICT, apply_corrections
from rider_hub.riders.indexes import no_phone_yet, phone_aliases, phone_confirmed
from rider_hub.riders.linking import homes_of, regroup, review_links
from rider_hub.riders.model import (
    WAITING_FOR_STATION,
    Identity,
    LinkState,
    Outcome,
    RegistrationState,
    Version,
    may_become,
)
from rider_hub.riders.persons import same_person
from rider_hub.riders.rows import record_of, registration_rows, version_of, without_number
from rider_hub.riders.tables import identity_link, registration, registration_history, rider
from rider_hub.riders.tombstones import sift
from rider_hub.storage import insert_rows, new_id, upsert_rows

__all__ = ["apply_registrations", "confirm_new_phone", "decide_link", "unmask_rider"]


@dataclass
class _Sorted:
    """Checked records by what they mean for what is stored."""

    news: list[tuple[Checked, Version]]
    seen: list[RowMapping]
    outcomes: dict[int, Outcome]


async def apply_registrations(
    work: Change,
    keys: Keyring,
    *,
    platform: str,
    county: str,
    checked: Sequence[Checked],
    receipt_id: str | None,
    older: Sequence[Checked] = (),
) -> list[Outcome]:
    """Take at most 1,000 checked registrations into the caller's transaction; one outcome a record, in order.

    The greatest version of a key wins, within the records as against what is stored: any order and any
    repetition ends in the same state. A record whose station is unknown is stored and waits for it.
    `older` are versions of these riders that greater ones of their batch beat: they count for work areas.
    """
    records, kept_out = await sift(work.connection, keys, platform, checked)
    records = [without_number(one, keys, county) for one in records]
    refs = [record_of(one).platform_rider_ref for one in records]
    known = await store.find_registrations(work.connection, platform, refs)
    found = _sort(records, known, keys)
    refs_named = [record_of(one).station_ref for one, _ in found.news]
    stations = await store.station_divisions(work.connection, platform, [ref for ref in refs_named if ref])
    rows = registration_rows(
        found.news,
        known,
        keys=keys,
        platform=platform,
        county=county,
        stations=stations,
        now=work.now,
    )
    disputed = await apply_corrections(work.connection, keys, rows, work.now)
    if disputed:
        stations = stations | await _place_anew(work.connection, platform, rows)
    await _write(work, keys, rows, known=known, stations=stations, receipt_id=receipt_id)
    await store.touch(
        work.connection,
        [row["id"] for row in found.seen],
        [row["rider_id"] for row in found.seen],
        work.now,
    )
    await _link(work, keys, rows, known, _phone_aliases(keys, found.news, known))
    ids = {ref: row["id"] for ref, row in known.items()} | {r["platform_rider_ref"]: r["id"] for r in rows}
    versions = [record_of(one) for one in (*records, *older)]
    like_track = await note_work_areas(work, keys, versions, platform=platform, stored=known, ids=ids)
    for (one, _), row in zip(found.news, rows, strict=True):
        if row["platform_rider_ref"] in like_track:
            found.outcomes[one.row] = Outcome(one.row, found.outcomes[one.row].kind, LIKE_TRACK)
        if row["hold"]:
            found.outcomes[one.row] = Outcome(one.row, "waiting", found.outcomes[one.row].warning)
        if row["id"] in disputed:
            found.outcomes[one.row] = Outcome(one.row, found.outcomes[one.row].kind, CONFLICT)
    outcomes = found.outcomes | kept_out
    return [outcomes[one.row] for one in checked]


async def _place_anew(
    connection: AsyncConnection, platform: str, rows: Sequence[dict[str, Any]]
) -> dict[str, str]:
    """Find the stations that corrections put into rows, and end or begin the wait for them."""
    refs = [row["station_ref"] for row in rows if row["station_ref"]]
    stations = await store.station_divisions(connection, platform, refs)
    for row in rows:
        waits = _is_active(row) and row["station_ref"] and row["station_ref"] not in stations
        row["hold"] = WAITING_FOR_STATION if waits else None
    return stations


def _sort(records: Iterable[Checked], known: Mapping[str, RowMapping], keys: Keyring) -> _Sorted:
    best: dict[str, tuple[Checked, Version]] = {}
    outcomes: dict[int, Outcome] = {}
    seen: list[RowMapping] = []
    for one in records:
        ref, version = record_of(one).platform_rider_ref, version_of(one, keys)
        earlier = best.get(ref)
        there = earlier[1] if earlier else _stored_version(known.get(ref))
        conflict = there is not None and version.conflicts_with(there)
        warning = "version_conflict" if conflict else None
        if there is not None and version <= there:
            repeated = "duplicate_in_batch" if earlier else None
            outcomes[one.row] = Outcome(one.row, "unchanged", warning or repeated)
            if not earlier and version == there:
                seen.append(known[ref])
            continue
        if earlier:
            outcomes[earlier[0].row] = Outcome(earlier[0].row, "unchanged", warning or "duplicate_in_batch")
        best[ref] = (one, version)
        outcomes[one.row] = Outcome(one.row, "accepted", None if earlier else warning)
    return _Sorted(list(best.values()), seen, outcomes)


def _stored_version(row: RowMapping | None) -> Version | None:
    return Version(row["version_at"], row["version_id"], row["digest"]) if row else None


async def _write(
    work: Change,
    keys: Keyring,
    rows: Sequence[Mapping[str, Any]],
    *,
    known: Mapping[str, RowMapping],
    stations: Mapping[str, str],
    receipt_id: str | None,
) -> None:
    news = [row for row in rows if row["platform_rider_ref"] not in known]
    changed = [row for row in rows if row["platform_rider_ref"] in known]
    await insert_rows(work.connection, rider, [_rider(row, stations, keys, work.now) for row in news])
    await upsert_rows(work.connection, registration, rows, key=["id"], keep=["rider_id"])
    moved = [row for row in changed if _place(row) != _place(known[row["platform_rider_ref"]])]
    await store.move_riders(
        work.connection, {row["rider_id"]: _division(row, stations) for row in moved if _is_active(row)}
    )
    await store.touch(work.connection, [], [row["rider_id"] for row in changed], work.now)
    await insert_rows(
        work.connection,
        registration_history,
        [
            {
                "id": new_id(),
                "registration_id": row["id"],
                "version_at": row["version_at"],
                "state": row["state"],
                "employment": row["employment"],
                "station_ref": row["station_ref"],
                "receipt_id": receipt_id,
                "recorded_at": work.now,
            }
            for row in rows
        ],
    )


def _rider(
    row: Mapping[str, Any], stations: Mapping[str, str], keys: Keyring, now: datetime
) -> dict[str, Any]:
    return {
        "id": row["rider_id"],
        "division": _division(row, stations),
        "first_seen_at": now,
        "last_seen_at": now,
        "first_phone": no_phone_yet(keys, row["rider_id"]),
        "chosen_community": None,
    }


def _division(row: Mapping[str, Any], stations: Mapping[str, str]) -> str:
    """Return where a rider is in scope until a match says more: the station's place, else the county."""
    return stations.get(row["station_ref"] or "", row["county"])


def _place(row: Mapping[str, Any] | RowMapping) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("county", "station_ref", "area_community", "area_lng", "area_lat"))


def _is_active(row: Mapping[str, Any]) -> bool:
    return bool(row["state"] == RegistrationState.ACTIVE)


def _phone_aliases(
    keys: Keyring, news: Sequence[tuple[Checked, Version]], known: Mapping[str, RowMapping]
) -> dict[bytes, bytes]:
    """Return which indexes stand for one phone, so that rows sealed anew and rows not yet so still meet."""
    if not keys.rotates("index"):
        return {}
    phones = {record_of(one).phone for one, _ in news}
    sealed = [row for row in known.values() if row["phone_index"]]
    phones |= {keys.unseal("personal", ("registration", row["id"]), row["sealed"])["phone"] for row in sealed}
    return phone_aliases(keys, (phone for phone in phones if phone))


async def _link(
    work: Change,
    keys: Keyring,
    rows: Sequence[Mapping[str, Any]],
    known: Mapping[str, RowMapping],
    same: Mapping[bytes, bytes],
) -> None:
    """Review the links of registrations whose identity, phone or state changed."""
    names = ("identity_index", "phone_index", "state")
    changed: set[str] = set()
    indexes: set[bytes] = set()
    for row in rows:
        before = known.get(row["platform_rider_ref"])
        if before is None or any(_in_use(before[name], same) != _in_use(row[name], same) for name in names):
            found = [_in_use(side[name], same) for side in (before, row) if side for name in names[:2]]
            if any(found):
                changed.add(row["id"])
                indexes.update(index for index in found if index)
    await review_links(work.connection, keys, changed, indexes, work.now, same=same)


def _in_use(value: Any, same: Mapping[bytes, bytes]) -> Any:
    return same.get(value, value)


async def confirm_new_phone(hub: Hub, actor: Actor, rider_id: str) -> None:
    """Let a rider's next sign-in count as the first, once the person was confirmed face to face."""
    async with hub.change(actor, "riders.review", target=f"rider:{rider_id} phone") as work:
        mine = update(rider).where(rider.c.id == rider_id, work.scope.where(rider.c.division))
        changed = await work.connection.execute(mine.values(first_phone=phone_confirmed(hub.keys, rider_id)))
        if not changed.rowcount:
            raise Absent
        for each in await same_person(work.connection, rider_id):
            # Another's mark is set back alone: were a link undone, its phone was not the one confirmed.
            other = update(rider).where(rider.c.id == each, rider.c.id != rider_id)
            await work.connection.execute(other.values(first_phone=no_phone_yet(hub.keys, each)))
        work.opened([rider_id])


async def unmask_rider(hub: Hub, actor: Actor, rider_id: str, purpose: Purpose) -> Identity:
    """Open the name and phone of one rider for a stated purpose; the trail keeps who, whom and why.

    Raises LimitReached where the account opened as many people as it may, Absent where the rider is not in
    the viewer's scope.
    """
    target = f"rider:{rider_id}"
    async with hub.change(actor, "riders.unmask", target=target, purpose=purpose.text) as work:
        query = select(rider.c.id).where(rider.c.id == rider_id, work.scope.where(rider.c.division))
        if (await work.connection.execute(query)).first() is None:
            raise Absent
        await take_turn(work)
        work.opened([rider_id])
        work.count(riders=1)
        return (await store.identities(work, hub.keys, [rider_id])).get(rider_id, Identity())


async def decide_link(hub: Hub, actor: Actor, link_id: str, decision: LinkState) -> None:
    """Confirm, reject or undo a link between two registrations; undoing gives each rider their own back.

    Raises Absent where one of the riders is out of the viewer's scope, Conflict where the link is not in a
    state that allows the decision.
    """
    async with hub.change(actor, "riders.review", target=f"link:{link_id}") as work:
        row = await _link_in_scope(work, link_id)
        if not may_become(LinkState(row["state"]), decision):
            raise Conflict(
                "这条关联已处理过，请刷新页面。", "This link was decided meanwhile: reload the page."
            )
        before = await _riders_now(work, row) if decision is LinkState.CONFIRMED else {}
        values = {"state": decision, "decided_at": work.now, "decided_by": actor.id, **before}
        await work.connection.execute(
            update(identity_link).where(identity_link.c.id == link_id).values(values)
        )
        pair = {row["registration_a"], row["registration_b"]}
        homes = homes_of(row) if decision is LinkState.UNDONE else {}
        if decision is not LinkState.REJECTED:
            await regroup(work.connection, hub.keys, pair, homes, work.now)
        work.count(links=1)


async def _link_in_scope(work: Change, link_id: str) -> RowMapping:
    row = (
        (await work.connection.execute(select(identity_link).where(identity_link.c.id == link_id)))
        .mappings()
        .first()
    )
    if row is None:
        raise Absent
    ids = (row["registration_a"], row["registration_b"])
    query = (
        select(registration.c.id)
        .join(rider, rider.c.id == registration.c.rider_id)
        .where(registration.c.id.in_(ids), work.scope.where(rider.c.division))
    )
    if len((await work.connection.execute(query)).all()) != len(ids):
        raise Absent
    return row


async def _riders_now(work: Change, row: RowMapping) -> dict[str, Any]:
    """Return what undoing will need: the riders of both sides before they become one."""
    a, b = row["registration_a"], row["registration_b"]
    query = select(registration.c.id, registration.c.rider_id).where(registration.c.id.in_([a, b]))
    now = {found.id: found.rider_id for found in await work.connection.execute(query)}
    return {"rider_before_b": now[b], "evidence": {**row["evidence"], "rider_before_a": now[a]}}
