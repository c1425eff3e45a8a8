"""What riders do and see of their own registrations on the phone page; nobody else's is reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub, Look
from rider_hub.divisions.store import find_divisions
from rider_hub.errors import Failure, Invalid, Refused
from rider_hub.organizations.tables import platform, station
from rider_hub.riders.model import EMPLOYMENT_TITLES, Identity, RegistrationState
from rider_hub.riders.own_phone import check_own_phone, own_reach
from rider_hub.riders.store import masked
from rider_hub.riders.tables import registration, rider

__all__ = [
    "OwnRegistration",
    "OwnRider",
    "OwnTitles",
    "choose_community",
    "own_phones",
    "own_registrations",
    "own_rider",
    "own_titles",
]


@dataclass(frozen=True)
class OwnRegistration:
    """One registration in words."""

    platform: str
    state: str
    employment: str
    station: str | None
    seen_at: datetime


@dataclass(frozen=True)
class OwnTitles:
    """Names of the platforms and stations of some registrations; a code that has no name stays."""

    platforms: Mapping[str, str]
    stations: Mapping[tuple[str, str], str]

    def platform(self, row: Mapping[str, Any]) -> str:
        """Return the platform's name."""
        return self.platforms.get(row["platform"], row["platform"])

    def station(self, row: Mapping[str, Any]) -> str | None:
        """Return the station's name, None where the registration has none."""
        ref: str | None = row["station_ref"]
        return self.stations.get((row["platform"], ref), ref) if ref else None


@dataclass(frozen=True)
class OwnRider:
    """What the hub holds of a rider from the platforms; name and phone masked even for the rider.

    `withheld` says that registrations are left out, since they don't state the phone in use.
    """

    name: str | None
    phone: str | None
    division: str
    chosen_community: str | None
    registrations: tuple[OwnRegistration, ...]
    withheld: bool = False


async def own_rider(look: Look, hub: Hub) -> OwnRider:
    """Return the signed-in rider's own registrations, the newest first; Refused for anyone else."""
    rider_id = _rider(look.actor)
    person = (await look.connection.execute(select(rider).where(rider.c.id == rider_id))).mappings().first()
    if person is None:
        raise Refused
    query = (
        select(registration, platform.c.name.label("platform_name"), station.c.name.label("station_name"))
        .outerjoin(platform, platform.c.code == registration.c.platform)
        .outerjoin(
            station,
            (station.c.platform == registration.c.platform)
            & (station.c.station_ref == registration.c.station_ref),
        )
        .where(registration.c.rider_id == rider_id)
        .order_by(registration.c.seen_at.desc(), registration.c.id)
    )
    every = (await look.connection.execute(query)).mappings().all()
    reach = await own_reach(look.connection, hub.keys, look.actor)
    rows = [row for row in every if row["id"] in reach]
    found = tuple(
        OwnRegistration(
            platform=row["platform_name"] or row["platform"],
            state=RegistrationState(row["state"]).title_zh,
            employment=EMPLOYMENT_TITLES.get(row["employment"] or "", ""),
            station=row["station_name"] or row["station_ref"],
            seen_at=row["seen_at"],
        )
        for row in rows
    )
    known = next(iter(masked(hub, [row for row in rows if row["sealed"]][:1])), Identity())
    withheld = len(rows) < len(every)
    return OwnRider(
        name=known.name,
        phone=known.phone,
        division=person["division"],
        chosen_community=None if withheld else person["chosen_community"],
        registrations=found,
        withheld=withheld,
    )


async def own_registrations(look: Look, hub: Hub) -> list[tuple[str, str]]:
    """Return the registrations the signed-in rider may have corrected: id and platform with station."""
    query = (
        select(registration.c.id, registration.c.platform, platform.c.name, registration.c.station_ref)
        .outerjoin(platform, platform.c.code == registration.c.platform)
        .where(registration.c.rider_id == _rider(look.actor))
        .order_by(registration.c.seen_at.desc(), registration.c.id)
    )
    reach = await own_reach(look.connection, hub.keys, look.actor)
    rows = [row for row in await look.connection.execute(query) if row.id in reach]
    return [(row.id, " ".join(filter(None, (row.name or row.platform, row.station_ref)))) for row in rows]


async def own_titles(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> OwnTitles:
    """Look up the names of platforms and stations of registrations at once."""
    codes = {row["platform"] for row in rows}
    refs = {row["station_ref"] for row in rows if row["station_ref"]}
    named = await connection.execute(
        select(platform.c.code, platform.c.name).where(platform.c.code.in_(codes))
    )
    columns = select(station.c.platform, station.c.station_ref, station.c.name)
    found = await connection.execute(
        columns.where(station.c.platform.in_(codes), station.c.station_ref.in_(refs))
    )
    return OwnTitles(
        {row.code: row.name for row in named},
        {(row.platform, row.station_ref): row.name for row in found},
    )


async def own_phones(look: Look, hub: Hub) -> list[str]:
    """Return the phone numbers of the signed-in rider's registrations, each once."""
    query = select(registration.c.id, registration.c.sealed).where(
        registration.c.rider_id == _rider(look.actor), registration.c.sealed.is_not(None)
    )
    rows = (await look.connection.execute(query)).mappings().all()
    opened = [
        hub.keys.unseal("personal", ("registration", "sealed", row["id"]), row["sealed"]) for row in rows
    ]
    return sorted({content["phone"] for content in opened if content.get("phone")})


async def choose_community(hub: Hub, actor: Actor, code: str) -> None:
    """Keep the community a rider names as usual; the next match run takes it before any finding.

    Raises PhoneNotConfirmed for another phone than the rider's own, Invalid for no community.
    """
    rider_id = _rider(actor)
    async with hub.change(actor, "rider.own") as work:
        await check_own_phone(work.connection, hub.keys, actor)
        found = (await find_divisions(work.connection, [code])).get(code)
        if found is None or found.level != "community":
            zh, en = "没有这个社区，请重新查找。", "There is no such community: search again."
            raise Invalid(
                zh, en, errors=[Failure(row=0, path="community", code="community_unknown", zh=zh, en=en)]
            )
        await work.connection.execute(
            update(rider).where(rider.c.id == rider_id).values(chosen_community=code)
        )


def _rider(actor: Actor) -> str:
    if actor.rider_id is None:
        raise Refused
    return actor.rider_id
