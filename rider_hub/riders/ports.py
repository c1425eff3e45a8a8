"""What the archive hands over or wipes when a rider asks for a copy or for erasure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Change, Keyring
from rider_hub.messages.service import forget_messages
from rider_hub.riders.signin import forget_codes_of
from rider_hub.riders.tables import (
    identity_link,
    registration,
    registration_correction,
    registration_history,
    rider,
    work_area_mark,
    work_area_review,
)
from rider_hub.riders.tombstones import bury

__all__ = ["contents", "erase", "forget_history", "registrations_of", "remove_registrations"]


async def erase(work: Change, keys: Keyring, rider_id: str) -> int:
    """Delete a rider with every registration, leaving the marks of tombstones; returns how many rows went.

    Goes last: the other capabilities find by these rows what is theirs.
    """
    rows = await registrations_of(work.connection, rider_id)
    phones = {phone for row in rows if (phone := contents(keys, row).get("phone"))}
    gone = await forget_messages(work, keys, phones)
    gone += await forget_codes_of(work.connection, keys, phones)
    gone += await remove_registrations(work.connection, keys, rows)
    # Sessions can't be found without their cookie; they open nothing any more and end by themselves.
    return gone + int((await work.connection.execute(delete(rider).where(rider.c.id == rider_id))).rowcount)


async def registrations_of(connection: AsyncConnection, rider_id: str) -> Sequence[RowMapping]:
    """Return a rider's registrations as they are stored."""
    query = select(registration).where(registration.c.rider_id == rider_id).order_by(registration.c.id)
    return (await connection.execute(query)).mappings().all()


async def remove_registrations(
    connection: AsyncConnection, keys: Keyring, rows: Sequence[Mapping[str, Any] | RowMapping]
) -> int:
    """Delete registrations with their history and links, leaving tombstones; returns how many rows went."""
    ids = [row["id"] for row in rows]
    await bury(connection, keys, rows)
    gone = 0
    for statement in (
        delete(registration_history).where(registration_history.c.registration_id.in_(ids)),
        delete(registration_correction).where(registration_correction.c.registration_id.in_(ids)),
        delete(work_area_mark).where(work_area_mark.c.registration_id.in_(ids)),
        delete(work_area_review).where(work_area_review.c.registration_id.in_(ids)),
        delete(identity_link).where(
            or_(identity_link.c.registration_a.in_(ids), identity_link.c.registration_b.in_(ids))
        ),
        delete(registration).where(registration.c.id.in_(ids)),
    ):
        gone += int((await connection.execute(statement)).rowcount)
    return gone


def contents(keys: Keyring, row: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """Open a registration's envelope: name and phone where they were sent."""
    if not row["sealed"]:
        return {}
    values: dict[str, Any] = keys.unseal("personal", ("registration", "sealed", row["id"]), row["sealed"])
    return values


async def forget_history(connection: AsyncConnection, before: datetime) -> int:
    """Delete versions of registrations that were recorded before a time; returns how many."""
    old = registration_history.c.recorded_at < before
    return int((await connection.execute(delete(registration_history).where(old))).rowcount)
