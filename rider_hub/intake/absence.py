"""Who is absent from the newest whole snapshot that covers them; one rule for every order of arrival.

A snapshot of a sender's feed covers all its registrations of the county, one of a station those that name the
station. Of the snapshots in force that cover a registration the newest counts: who is not in it, and whose
last record is older than its time, has left.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Change, Keyring
from rider_hub.intake.snapshot_model import IN_FORCE, Snapshot
from rider_hub.intake.snapshot_tables import snapshot, snapshot_member
from rider_hub.riders.absence import is_at_stake, write_absences
from rider_hub.riders.store import find_registrations, find_standings
from rider_hub.riders.tombstones import marks_of
from rider_hub.storage import among, in_slices

__all__ = ["Cover", "absences", "covers_of", "members_among", "settle"]


@dataclass(frozen=True)
class Cover:
    """The newest snapshot in force of each scope of one sender: "" for the whole feed, else a station."""

    by_scope: Mapping[str, Snapshot]

    def of(self, row: Mapping[str, Any] | RowMapping) -> Snapshot | None:
        """Return the snapshot that says whether a registration is there; None where none is newer than it."""
        found = [
            one
            for scope in {"", row["station_ref"] or ""}
            if (one := self.by_scope.get(scope)) and row["version_at"] < one.as_of
        ]
        return max(found, key=lambda one: one.order, default=None)


async def covers_of(connection: AsyncConnection, platform: str, also: Snapshot | None = None) -> Cover:
    """Return what is in force of one sender; `also` counts as if it were."""
    query = select(snapshot).where(snapshot.c.platform == platform, snapshot.c.state.in_(IN_FORCE))
    found = [Snapshot.of(row) for row in (await connection.execute(query)).mappings()]
    found += [also] if also else []
    return Cover({one.station_ref: one for one in sorted(found, key=lambda one: one.order)})


async def settle(
    work: Change, keys: Keyring, platform: str, refs: Iterable[str], receipt_id: str | None
) -> set[str]:
    """Bring the registrations of a part that was just sent in line with the snapshots in force.

    Return the references among them that count as having left by a snapshot.
    """
    cover = await covers_of(work.connection, platform)
    if not cover.by_scope:
        return set()
    rows = await find_standings(work.connection, platform, refs)
    wanted = await absences(work.connection, keys, cover, rows)
    moved = [row for row in rows if row["id"] in wanted and row["absent_at"] != wanted[row["id"]]]
    if moved:
        names = [row["platform_rider_ref"] for row in moved]
        whole = (await find_registrations(work.connection, platform, names)).values()
        await write_absences(work, keys, list(whole), wanted, receipt_id)
    return {row["platform_rider_ref"] for row in rows if wanted.get(row["id"])}


async def absences(
    connection: AsyncConnection, keys: Keyring, cover: Cover, rows: Sequence[RowMapping]
) -> dict[str, datetime | None]:
    """Return since when each registration is absent, None where it is there, by id; nobody else is named."""
    judged = {row["id"]: cover.of(row) for row in rows if is_at_stake(row)}
    marks = await _marks(keys, rows)
    asked: dict[str, list[bytes]] = {}
    for row_id, one in judged.items():
        if one is not None:
            asked.setdefault(one.id, []).append(marks[row_id])
    there = {
        (id_, mark) for id_, some in asked.items() for mark in await members_among(connection, id_, some)
    }
    return {
        row_id: None if one is None or (one.id, marks[row_id]) in there else one.as_of
        for row_id, one in judged.items()
    }


async def _marks(keys: Keyring, rows: Sequence[RowMapping]) -> dict[str, bytes]:
    """Return the mark of each registration by id; all are of one platform."""
    refs = [row["platform_rider_ref"] for row in rows]
    platform = rows[0]["platform"] if rows else ""
    made = await in_slices(refs, lambda part: marks_of(keys, platform, part))
    return {row["id"]: mark for row, mark in zip(rows, made, strict=True)}


async def members_among(connection: AsyncConnection, snapshot_id: str, marks: Sequence[bytes]) -> set[bytes]:
    """Return those of some marks that are in a snapshot."""
    c = snapshot_member.c
    found: set[bytes] = set()
    for these in among(connection, c.mark, marks):
        query = select(c.mark).where(c.snapshot_id == snapshot_id, these)
        found.update(bytes(mark) for mark in (await connection.execute(query)).scalars())
    return found
