"""What a partner or a station's link may hand in: riders of its own stations, looked at row by row.

Their rows go into the platform's feed, in the standard's own names. Whoever hands in is bound by what they
are, not by what a page remembers to say: `take_batch` asks here for every batch, as it is checked and stored.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked
from connectors.records import FeedType, Registration
from rider_hub.access import Actor, Role, Scope
from rider_hub.errors import Failure
from rider_hub.intake import store
from rider_hub.intake.faults import fault, whole
from rider_hub.intake.link_tables import station_link
from rider_hub.intake.model import Sender
from rider_hub.intake.snapshot_model import Declared
from rider_hub.organizations.store import stations_in
from rider_hub.organizations.tables import station
from rider_hub.riders.standings import phoned_among, standings_of

__all__ = [
    "Within",
    "check_declared",
    "faults_within",
    "is_bound",
    "platforms_of",
    "sending_for",
    "within_of",
    "within_of_batch",
]


@dataclass(frozen=True)
class Within:
    """The stations of one platform that somebody hands in for, and in whose name."""

    platform: str
    stations: frozenset[str]
    partner: str | None
    link: str | None = None

    @property
    def mark(self) -> str:
        """What keeps the same file apart when others hand it in: their receipt is not this one's to read."""
        who = f"link\n{self.link}" if self.link else f"partner\n{self.partner}"
        return hashlib.sha256(who.encode()).hexdigest()[:16]

    @property
    def only(self) -> str | None:
        """The station, where there is but one."""
        return next(iter(self.stations)) if len(self.stations) == 1 else None


def is_bound(actor: Actor) -> bool:
    """Say whether somebody hands in for single stations, never for a whole feed."""
    return actor.station is not None or bool(actor.scope.partners) or Role.PARTNER_ACCOUNT in actor.roles


async def within_of(connection: AsyncConnection, actor: Actor, platform: str) -> Within | None:
    """Return what binds an actor within a platform's feed, as it is now; None where nothing does."""
    if not is_bound(actor):
        return None
    mine = stations_in(actor.scope)
    if actor.station is not None:
        at, ref = actor.station
        mine = and_(station.c.platform == at, station.c.station_ref == ref)
    query = select(station.c.station_ref, station.c.partner).where(
        mine, station.c.platform == platform, station.c.retracted.is_(False)
    )
    found = {row.station_ref: row.partner for row in await connection.execute(query)}
    if actor.station is not None:
        partner = next(iter(found.values()), None)
        return Within(platform, frozenset(found), partner, actor.id.removeprefix("link:"))
    partners = actor.scope.partners
    return Within(platform, frozenset(found), partners[0] if len(partners) == 1 else None)


async def within_of_batch(
    connection: AsyncConnection, platform: str, *, partner: str | None, link: str | None
) -> Within | None:
    """Return what binds a batch that came before, as it is now; None for a sender's own.

    Nothing is within where the link is no longer kept, or its station is another partner's by now.
    """
    if link is not None:
        query = select(station_link.c.station_ref).where(station_link.c.id == link)
        ref = (await connection.execute(query)).scalar()
        actor = Actor.station_link(link, platform, ref or "")
    elif partner is not None:
        actor = Actor("partner", partner, frozenset({Role.PARTNER_ACCOUNT}), Scope(partners=(partner,)))
    else:
        return None
    found = await within_of(connection, actor, platform)
    return found if found and found.partner == partner else Within(platform, frozenset(), partner, link)


async def platforms_of(connection: AsyncConnection, actor: Actor) -> set[str]:
    """Return the platforms whose stations a bound actor hands in for."""
    mine = stations_in(actor.scope)
    if actor.station is not None:
        return {actor.station[0]}
    query = select(station.c.platform).where(mine, station.c.retracted.is_(False)).distinct()
    return set((await connection.execute(query)).scalars())


async def sending_for(connection: AsyncConnection, actor: Actor, platform: str) -> Sender | None:
    """Return the sender in whose feed an actor may hand in; None where there is none or nothing of theirs.

    The rows of a bound actor are the standard, whatever the sender's own mapping.
    """
    within = await within_of(connection, actor, platform)
    if within is None:
        return await store.find_sender(connection, platform, actor.scope)
    if not within.stations:
        return None
    found = await store.find_sender(connection, platform, Actor.sender(platform).scope)
    return found.in_standard() if found else None


def check_declared(within: Within, feed_type: FeedType, declared: Declared | None) -> None:
    """Raise Invalid for anything but riders, and for the whole of anything but one of the stations."""
    if within.link is None and within.partner is None:
        raise whole("partner_not_one")
    if feed_type != "registration":
        raise whole("feed_not_bound")
    if declared is not None and declared.station_ref not in within.stations:
        raise whole("snapshot_not_bound")


async def faults_within(
    connection: AsyncConnection, within: Within, checked: Iterable[Checked]
) -> dict[int, list[Failure]]:
    """Return the faults of rows that are not within, by row: of another station, or of another's rider.

    A rider at no station now may begin at one of these. To leave, a rider must be, or have been last, at one
    of them; an unknown reference and another's are told in the same words.
    """
    records = [(one.row, one.record) for one in checked if isinstance(one.record, Registration)]
    refs = {record.platform_rider_ref for _, record in records}
    stand = await standings_of(connection, within.platform, refs)
    found: dict[int, list[Failure]] = {}
    for row, record in records:
        faults = []
        begins = record.op == "upsert"
        if (begins or record.station_ref is not None) and record.station_ref not in within.stations:
            faults.append(fault(row, "station_ref", "station_not_bound"))
        there = stand.get(record.platform_rider_ref)
        elsewhere = there is not None and there.station_ref not in within.stations
        if (there.active and elsewhere if there else False) if begins else (there is None or elsewhere):
            faults.append(fault(row, "platform_rider_ref", "rider_not_bound"))
        if faults:
            found[row] = faults
    if within.link is not None:
        # Of a rider who is not within, nothing more is told: neither that there is one nor a phone.
        near = [(row, record) for row, record in records if row not in found]
        for row, path, code in await _not_by_link(connection, within.platform, near):
            found.setdefault(row, []).append(fault(row, path, code))
    return found


async def _not_by_link(
    connection: AsyncConnection, platform: str, records: Sequence[tuple[int, Registration]]
) -> list[tuple[int, str, str]]:
    """Return row, field and code of what nobody sends who has proved no more than to hold a link.

    A phone opens a rider's page and an identity number joins two registrations: neither is changed by it. A
    phone is refused wherever there is one, the same or another, so that none can be guessed.
    """
    refs = {record.platform_rider_ref for _, record in records if record.phone is not None}
    phoned = await phoned_among(connection, platform, refs)
    found = [
        (row, "phone", "phone_not_by_link") for row, record in records if record.platform_rider_ref in phoned
    ]
    for name in ("id_number", "id_hash"):
        given = [row for row, record in records if getattr(record, name) is not None]
        found += [(row, name, "number_not_by_link") for row in given]
    return found
