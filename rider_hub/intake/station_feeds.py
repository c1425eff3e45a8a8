"""Stations as those see them who hand in for one at a time: which there are, and a form filled for each."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, func, or_, select

from rider_hub.access import Hub, Look
from rider_hub.errors import Absent
from rider_hub.intake.link_tables import station_link
from rider_hub.intake.station_template import Template, riders_at
from rider_hub.intake.within import sending_for
from rider_hub.organizations.store import stations_in
from rider_hub.organizations.tables import platform as platform_table
from rider_hub.organizations.tables import station

__all__ = ["find_station", "handed_in_for", "list_station_feeds", "template_of"]

_MOST_CHOICES = 500


async def handed_in_for(look: Look) -> Sequence[RowMapping]:
    """Return the stations in scope to choose from, by name; at most 500."""
    query = _stations(look).order_by(station.c.name, station.c.id).limit(_MOST_CHOICES)
    rows: Sequence[RowMapping] = (await look.connection.execute(query)).mappings().all()
    return rows


async def list_station_feeds(
    look: Look, filters: Mapping[str, str], *, limit: int | None, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Return the stations in scope with their open links and the last use of one, and how many there are."""
    query = _stations(look)
    if words := filters.get("q"):
        named = (station.c.name, station.c.station_ref)
        query = query.where(or_(*(column.contains(words, autoescape=True) for column in named)))
    if filters.get("platform"):
        query = query.where(station.c.platform == filters["platform"])
    total = (await look.connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    rows = await look.connection.execute(
        query.order_by(station.c.platform, station.c.station_ref).limit(limit).offset(offset)
    )
    return [{**row, "links": row["links"] or 0} for row in rows.mappings()], total


async def find_station(look: Look, station_id: str) -> RowMapping:
    """Return one station; raises Absent out of scope."""
    found = await look.connection.execute(_stations(look).where(station.c.id == station_id))
    row: RowMapping | None = found.mappings().first()
    if row is None:
        raise Absent
    return row


async def template_of(hub: Hub, look: Look, platform: str, station_ref: str, station_name: str) -> Template:
    """Return what its form knows of a station; raises Absent where the viewer may not hand in for it."""
    sender = await sending_for(look.connection, look.actor, platform)
    if sender is None:
        raise Absent
    riders = await riders_at(look.connection, platform, station_ref)
    look.count(riders=len(riders))
    query = select(platform_table.c.name).where(platform_table.c.code == platform)
    name = (await look.connection.execute(query)).scalar_one_or_none()
    return Template(name or platform, station_name, station_ref, sender.tier, hub.clock.now(), riders)


def _stations(look: Look) -> Select[Any]:
    c = station_link.c
    at = (c.platform == station.c.platform, c.station_ref == station.c.station_ref)
    open_ = (c.revoked_at.is_(None), c.expires_at > look.now, c.uses < c.max_uses)
    theirs = (c.partner == station.c.partner,) if look.scope.partners else ()
    links = select(func.count()).where(*at, *open_, *theirs).scalar_subquery()
    last = select(func.max(c.last_used_at)).where(*at, *theirs).scalar_subquery()
    query = select(
        station.c.id,
        station.c.platform,
        station.c.station_ref,
        station.c.name,
        station.c.partner,
        platform_table.c.name.label("platform_name"),
        links.label("links"),
        last.label("last_used"),
    ).outerjoin(platform_table, platform_table.c.code == station.c.platform)
    return query.where(stations_in(look.scope), station.c.retracted.is_(False))
