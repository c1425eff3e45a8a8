"""Sealed invitations: by rider or by body; and activities, which are open."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, delete, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Keyring
from rider_hub.membership.envelopes import open_row, seal_row, subject_of, subjects_of
from rider_hub.outreach.model import Activity, Invitation
from rider_hub.outreach.tables import activity, invitation
from rider_hub.storage import in_batches, insert_rows

__all__ = [
    "activities_by_id",
    "coming_activities",
    "erase_invitations",
    "find_for_bodies",
    "find_for_rider",
    "forget_past",
    "insert_invitation",
    "of_bodies",
    "of_rider",
    "update_invitation",
]

_VALUES_A_QUERY = 500


async def insert_invitation(connection: AsyncConnection, keys: Keyring, value: Invitation) -> None:
    """Write a new invitation; only two keyed indexes stand outside the envelope."""
    row = {
        "id": value.id,
        "subject": subject_of(keys, value.rider_id),
        "body_index": keys.blind("subject", "body", value.body),
        "sealed": seal_row(keys, "invitation", value.id, value),
    }
    await insert_rows(connection, invitation, [row])


async def update_invitation(connection: AsyncConnection, keys: Keyring, value: Invitation) -> None:
    """Seal an invitation anew; the caller holds the rider's record."""
    sealed = seal_row(keys, "invitation", value.id, value)
    await connection.execute(update(invitation).where(invitation.c.id == value.id).values(sealed=sealed))


async def of_rider(connection: AsyncConnection, keys: Keyring, rider_id: str) -> list[Invitation]:
    """Return every invitation of one rider, in the order they were surfaced."""
    return await _read(connection, keys, invitation.c.subject.in_(subjects_of(keys, rider_id)))


async def of_bodies(connection: AsyncConnection, keys: Keyring, bodies: Iterable[str]) -> list[Invitation]:
    """Return every invitation of these bodies; whoever shows them checks that the consent is live."""
    indexes = _body_indexes(keys, bodies)
    return await _read(connection, keys, invitation.c.body_index.in_(indexes))


async def find_for_bodies(
    connection: AsyncConnection, keys: Keyring, invitation_id: str, bodies: Iterable[str]
) -> Invitation | None:
    """Return one invitation if it is one of these bodies', None otherwise."""
    indexes = _body_indexes(keys, bodies)
    condition = (invitation.c.id == invitation_id) & invitation.c.body_index.in_(indexes)
    return next(iter(await _read(connection, keys, condition)), None)


async def find_for_rider(
    connection: AsyncConnection, keys: Keyring, invitation_id: str, rider_id: str
) -> Invitation | None:
    """Return one invitation if it is this rider's, None otherwise."""
    condition = (invitation.c.id == invitation_id) & invitation.c.subject.in_(subjects_of(keys, rider_id))
    return next(iter(await _read(connection, keys, condition)), None)


async def erase_invitations(connection: AsyncConnection, keys: Keyring, rider_id: str) -> int:
    """Delete every invitation of a rider; returns how many there were."""
    subjects = subjects_of(keys, rider_id)
    result = await connection.execute(delete(invitation).where(invitation.c.subject.in_(subjects)))
    return int(result.rowcount)


async def forget_past(connection: AsyncConnection, keys: Keyring, before: datetime) -> int:
    """Delete invitations to activities that ended before a time; returns how many.

    The activity stands inside the envelope, so every row is opened.
    """
    query = select(activity.c.id).where(activity.c.ends_at < before)
    over = set((await connection.execute(query)).scalars())
    rows = await _read(connection, keys, true()) if over else []
    old = [each.id for each in rows if each.activity in over]
    for page in in_batches(old, _VALUES_A_QUERY):
        await connection.execute(delete(invitation).where(invitation.c.id.in_(page)))
    return len(old)


async def coming_activities(connection: AsyncConnection, now: datetime, until: datetime) -> list[Activity]:
    """Return the activities that begin between two times, the earliest first."""
    query = select(activity).where(activity.c.starts_at > now, activity.c.starts_at <= until)
    query = query.order_by(activity.c.starts_at, activity.c.id)
    return [_activity(row) for row in (await connection.execute(query)).mappings()]


async def activities_by_id(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, Activity]:
    """Return activities by their ids; unknown ones are left out."""
    found: dict[str, Activity] = {}
    for page in in_batches(sorted(set(ids)), _VALUES_A_QUERY):
        rows = (await connection.execute(select(activity).where(activity.c.id.in_(page)))).mappings()
        found |= {row["id"]: _activity(row) for row in rows}
    return found


async def _read(
    connection: AsyncConnection, keys: Keyring, condition: ColumnElement[bool]
) -> list[Invitation]:
    rows: Sequence[Any] = (await connection.execute(select(invitation).where(condition))).mappings().all()
    found = [
        msgspec.convert(open_row(keys, "invitation", row["id"], row["sealed"]), Invitation) for row in rows
    ]
    return sorted(found, key=lambda each: (each.surfaced_at, each.id))


def _body_indexes(keys: Keyring, bodies: Iterable[str]) -> list[bytes]:
    return [index for body in sorted(set(bodies)) for index in keys.blinds("subject", "body", body)]


def _activity(row: RowMapping) -> Activity:
    return Activity(**row)
