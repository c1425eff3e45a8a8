"""Queries over riders and registrations that other capabilities and the use cases share."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.identity import normalise_phone
from rider_hub.access import Hub, Keyring, Look
from rider_hub.organizations.tables import station
from rider_hub.parameters import parameter
from rider_hub.riders import indexes
from rider_hub.riders.area_changes import LIKE_TRACK
from rider_hub.riders.area_reviews import area_held
from rider_hub.riders.display import mask_name, mask_phone
from rider_hub.riders.model import (
    WAITING_FOR_STATION,
    Identity,
    RegistrationSnapshot,
    RegistrationState,
    RiderSnapshot,
)
from rider_hub.riders.tables import registration, rider
from rider_hub.storage import among, in_batches

__all__ = [
    "Identity",
    "RegistrationSnapshot",
    "RiderSnapshot",
    "Stored",
    "find_by_phone",
    "find_registrations",
    "find_standings",
    "find_stored",
    "identities",
    "is_known",
    "masked",
    "move_riders",
    "release_waiting",
    "snapshot",
    "station_divisions",
    "touch",
]

_VALUES_A_QUERY = 500


async def snapshot(connection: AsyncConnection, county: str, as_of: datetime) -> list[RiderSnapshot]:
    """Return a county's active riders, ordered by id.

    Active: a registration of theirs is active and was seen within the active window before `as_of`; only
    such registrations are part of the snapshot.
    """
    window = timedelta(days=parameter("matching.active_window").value)
    query = (
        select(registration, rider.c.chosen_community, area_held().label("area_held"))
        .join(rider, rider.c.id == registration.c.rider_id)
        .where(registration.c.county == county)
        .where(registration.c.state == RegistrationState.ACTIVE)
        .where(registration.c.seen_at > as_of - window)
        .order_by(registration.c.rider_id, registration.c.platform, registration.c.platform_rider_ref)
    )
    rows = (await connection.execute(query)).mappings().all()
    found = []
    for rider_id, group in groupby(rows, key=lambda row: row["rider_id"]):
        members = list(group)
        registrations = tuple(_snapshot(row) for row in members)
        found.append(RiderSnapshot(rider_id, members[0]["chosen_community"], registrations))
    return sorted(found, key=lambda one: one.rider_id)


def _snapshot(row: RowMapping) -> RegistrationSnapshot:
    held = row["area_held"]
    return RegistrationSnapshot(
        platform=row["platform"],
        employment=row["employment"],
        station_ref=row["station_ref"],
        area_community=None if held else row["area_community"],
        area_lng=None if held else row["area_lng"],
        area_lat=None if held else row["area_lat"],
        effective_at=row["effective_at"],
        hold=LIKE_TRACK if held else row["hold"],
    )


async def find_registrations(
    connection: AsyncConnection, platform: str, refs: Iterable[str]
) -> dict[str, RowMapping]:
    """Return a platform's registrations by their references; unknown ones are absent."""
    found: dict[str, RowMapping] = {}
    for these in among(connection, registration.c.platform_rider_ref, set(refs)):
        query = select(registration).where(registration.c.platform == platform, these)
        found.update({row["platform_rider_ref"]: row for row in (await connection.execute(query)).mappings()})
    return found


async def find_standings(connection: AsyncConnection, platform: str, refs: Iterable[str]) -> list[RowMapping]:
    """Return of a platform's registrations what says whether a snapshot may count them as absent."""
    c, found = registration.c, list[RowMapping]()
    names = ("id", "platform", "platform_rider_ref", "state", "absent_at", "station_ref", "version_at")
    for these in among(connection, c.platform_rider_ref, set(refs)):
        query = select(*(c[name] for name in names)).where(c.platform == platform, these)
        found += (await connection.execute(query)).mappings().all()
    return found


class Stored(NamedTuple):
    """What tells of a registration whether a record of it is unchanged, and whether to note it as seen."""

    id: str
    rider_id: str
    digest: bytes
    seen_at: datetime


async def find_stored(connection: AsyncConnection, platform: str, refs: Iterable[str]) -> dict[str, Stored]:
    """Return what is known of a platform's registrations by their references; unknown ones are absent."""
    c, found = registration.c, {}
    for these in among(connection, c.platform_rider_ref, set(refs)):
        query = select(c.platform_rider_ref, c.id, c.rider_id, c.digest, c.seen_at)
        for ref, *rest in await connection.execute(query.where(c.platform == platform, these)):
            found[ref] = Stored(*rest)
    return found


async def station_divisions(
    connection: AsyncConnection, platform: str, refs: Iterable[str]
) -> dict[str, str]:
    """Return where a platform's stations lie; unknown and retracted ones are absent."""
    found: dict[str, str] = {}
    for these in among(connection, station.c.station_ref, set(refs)):
        query = select(station.c.station_ref, station.c.division).where(
            station.c.platform == platform, these, station.c.retracted.is_(False)
        )
        found.update({row.station_ref: row.division for row in await connection.execute(query)})
    return found


async def touch(
    connection: AsyncConnection, registrations: Collection[str], riders: Collection[str], now: datetime
) -> None:
    """Write down that these were seen in a feed now; nothing else of them changes."""
    for table, column, ids in (
        (registration, "seen_at", registrations),
        (rider, "last_seen_at", riders),
    ):
        for these in among(connection, table.c.id, ids):
            await connection.execute(update(table).where(these).values({column: now}))


async def move_riders(connection: AsyncConnection, divisions: Mapping[str, str]) -> None:
    """Write where riders are in scope, by rider id: after an applied match or when their station is known."""
    rows = [{"id_": rider_id, "code": code} for rider_id, code in sorted(divisions.items())]
    if rows:
        statement = update(rider).where(rider.c.id == bindparam("id_"))
        await connection.execute(statement.values(division=bindparam("code")), rows)


async def release_waiting(connection: AsyncConnection, platform: str, refs: Iterable[str]) -> int:
    """End the hold of registrations whose station came, bring their riders into its scope, and count them."""
    divisions = await station_divisions(connection, platform, refs)
    freed: list[RowMapping] = []
    for part in in_batches(sorted(divisions), _VALUES_A_QUERY):
        query = select(registration.c.id, registration.c.rider_id, registration.c.station_ref).where(
            registration.c.platform == platform,
            registration.c.station_ref.in_(part),
            registration.c.hold == WAITING_FOR_STATION,
        )
        freed += (await connection.execute(query)).mappings().all()
    for ids in in_batches([row["id"] for row in freed], _VALUES_A_QUERY):
        await connection.execute(update(registration).where(registration.c.id.in_(ids)).values(hold=None))
    await move_riders(connection, {row["rider_id"]: divisions[row["station_ref"]] for row in freed})
    return len(freed)


async def find_by_phone(connection: AsyncConnection, keys: Keyring, phone: str) -> str | None:
    """Return the rider with this phone number, None where no active registration has it.

    Where several riders share it (a link not yet confirmed), the one seen first, so that the answer is the
    same each time.
    """
    number = normalise_phone(phone)
    if number is None:
        return None
    query = (
        select(rider.c.id)
        .join(registration, registration.c.rider_id == rider.c.id)
        .where(registration.c.phone_index.in_(indexes.phone_indexes(keys, number[0])))
        .where(registration.c.state == RegistrationState.ACTIVE)
        .order_by(rider.c.first_seen_at, rider.c.id)
        .limit(1)
    )
    return (await connection.execute(query)).scalar()


async def is_known(connection: AsyncConnection, rider_id: str) -> bool:
    """Say whether there is a rider of this id."""
    return (await connection.execute(select(rider.c.id).where(rider.c.id == rider_id))).first() is not None


async def identities(work: Look, keys: Keyring, rider_ids: Iterable[str]) -> dict[str, Identity]:
    """Open names and phones of riders, of the registration seen last that has them.

    Without scope: the caller has checked it, and says so to the trail with `work.opened(...)`.
    """
    found: dict[str, Identity] = {}
    for part in in_batches(sorted(set(rider_ids)), _VALUES_A_QUERY):
        query = (
            select(registration.c.id, registration.c.rider_id, registration.c.sealed)
            .where(registration.c.rider_id.in_(part), registration.c.sealed.is_not(None))
            .order_by(registration.c.rider_id, registration.c.seen_at.desc(), registration.c.id)
        )
        for row in (await work.connection.execute(query)).mappings():
            if row["rider_id"] not in found:
                found[row["rider_id"]] = _identity(keys, row)
    return found


def masked(hub: Hub, rows: Sequence[Mapping[str, Any] | RowMapping]) -> list[Identity]:
    """Return the masked name and phone of registrations (`id`, `sealed`), in order."""
    opened = [_identity(hub.keys, row) if row["sealed"] else Identity() for row in rows]
    return [Identity(name=mask_name(one.name), phone=mask_phone(one.phone)) for one in opened]


def _identity(keys: Keyring, row: Mapping[str, Any] | RowMapping) -> Identity:
    values = keys.unseal("personal", ("registration", "sealed", row["id"]), row["sealed"])
    return Identity(name=values.get("name"), phone=values.get("phone"))
