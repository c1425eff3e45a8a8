"""Where registrations stand: at which station they are, or were last."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.riders.model import RegistrationState
from rider_hub.riders.store import find_standings
from rider_hub.riders.tables import registration, registration_history
from rider_hub.storage import among

__all__ = ["Standing", "phoned_among", "standings_of"]


class Standing(NamedTuple):
    """Whether a registration is active, and its station; of one that ended, the last it had."""

    active: bool
    station_ref: str | None


async def standings_of(
    connection: AsyncConnection, platform: str, refs: Iterable[str]
) -> dict[str, Standing]:
    """Return how a platform's registrations stand, by reference; unknown ones are absent."""
    rows = await find_standings(connection, platform, refs)
    ended = [row["id"] for row in rows if row["state"] != RegistrationState.ACTIVE and not row["station_ref"]]
    last: dict[str, str] = {}
    c = registration_history.c
    for these in among(connection, c.registration_id, ended):
        query = select(c.registration_id, c.station_ref).where(these, c.state == RegistrationState.ACTIVE)
        for row in await connection.execute(query.order_by(c.version_at, c.recorded_at)):
            last[row.registration_id] = row.station_ref
    return {
        row["platform_rider_ref"]: Standing(
            row["state"] == RegistrationState.ACTIVE, row["station_ref"] or last.get(row["id"])
        )
        for row in rows
    }


async def phoned_among(connection: AsyncConnection, platform: str, refs: Iterable[str]) -> set[str]:
    """Return those of a platform's references whose registration has a phone."""
    c, found = registration.c, set[str]()
    for these in among(connection, c.platform_rider_ref, set(refs)):
        query = select(c.platform_rider_ref).where(c.platform == platform, these, c.phone_index.is_not(None))
        found.update((await connection.execute(query)).scalars())
    return found
