"""Use cases on stations' links: making one, revoking it, who may see it, what it opens.

A link lends a part of its maker's power to whoever holds it: files of one station. So it ends with that power
and with the station's partner, by its date and its number of files, or by a word of anybody who may see it.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping, Select, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub, Keyring, Look
from rider_hub.access.policy import allows
from rider_hub.access.users import operator, shown_names
from rider_hub.errors import Absent, HubError
from rider_hub.intake.link_tables import station_link
from rider_hub.intake.within import sending_for
from rider_hub.organizations.store import stations_in
from rider_hub.organizations.tables import platform as platform_table
from rider_hub.organizations.tables import station
from rider_hub.parameters import parameter
from rider_hub.storage import insert_rows, new_id

__all__ = [
    "TERMS",
    "OpenLink",
    "count_use",
    "find_link",
    "forget_links",
    "link_over",
    "links_in",
    "list_links",
    "make_link",
    "open_link",
    "revoke_link",
    "state_of",
]

#: For how many days a link may be made to open.
TERMS: Final = (3, 7, 14, 30)
_TOKEN_BYTES: Final = 32
_MAX_TOKEN: Final = 64


@dataclass(frozen=True)
class OpenLink:
    """A link that opens: for which station, until when, and how many files it still takes."""

    id: str
    platform: str
    platform_name: str
    station_ref: str
    station_name: str
    expires_at: datetime
    uses_left: int

    @property
    def actor(self) -> Actor:
        """Who hands in by it."""
        return Actor.station_link(self.id, self.platform, self.station_ref)


def link_over() -> HubError:
    """Return the one error of every link that does not open: wrong, expired, revoked, used up."""
    return HubError(
        "链接无效，或已到期、已撤销、次数已用完。请向给您链接的人要一条新的。",
        "This link does not open, or no longer. Ask whoever gave it to you for a new one.",
        code="link_over",
        status=404,
    )


async def make_link(hub: Hub, actor: Actor, station_id: str, days: int) -> str:
    """Make a link for one station in scope and return its token, of which the hub keeps an index alone.

    Raises Absent for a station out of scope, retracted, or of a platform that sends nothing.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    async with hub.change(actor, "links.change", target=f"station:{station_id}") as work:
        query = select(station).where(station.c.id == station_id, stations_in(work.scope))
        row = (await work.connection.execute(query.where(station.c.retracted.is_(False)))).mappings().first()
        if row is None or await sending_for(work.connection, work.actor, row["platform"]) is None:
            raise Absent
        made = {
            "id": new_id(),
            "token_index": _index(hub.keys, token),
            **{name: row[name] for name in ("platform", "station_ref", "partner")},
            "made_by": actor.id,
            "made_at": work.now,
            "expires_at": work.now + timedelta(days=days),
            "uses": 0,
            "max_uses": int(parameter("intake.link_uses").value),
            "last_used_at": None,
            "revoked_at": None,
            "revoked_by": None,
        }
        await insert_rows(work.connection, station_link, [made])
        work.target = f"link:{made['id']}"
    return token


async def revoke_link(hub: Hub, actor: Actor, link_id: str) -> None:
    """End a link at once; one that is over stays as it ended. Raises Absent out of scope."""
    async with hub.change(actor, "links.change", target=f"link:{link_id}") as work:
        await find_link(work, link_id)
        ended = update(station_link).where(station_link.c.id == link_id, station_link.c.revoked_at.is_(None))
        await work.connection.execute(ended.values(revoked_at=work.now, revoked_by=actor.id))


def links_in(look: Look) -> Select[Any]:
    """Return the query of links whose stations lie in the viewer's scope, with the stations' names."""
    # A partner that took a station over sees nothing of the links made before.
    theirs = station.c.partner == station_link.c.partner
    query = _with_stations().where(stations_in(look.scope))
    return query.where(theirs) if look.scope.partners else query


async def list_links(
    look: Look, filters: Mapping[str, str], *, limit: int | None, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Return links, the newest first, with who made them and how they stand, and how many there are."""
    query = links_in(look)
    if filters.get("station"):
        query = query.where(station.c.id == filters["station"])
    if filters.get("state"):
        open_ = _is_open(look.now)
        query = query.where(open_ if filters["state"] == "open" else ~open_)
    total = (await look.connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    query = query.order_by(station_link.c.made_at.desc(), station_link.c.id).limit(limit).offset(offset)
    rows = (await look.connection.execute(query)).mappings().all()
    named = await shown_names(look.connection, [row["made_by"] for row in rows])
    return [_shown(row, named, look.now) for row in rows], total


async def find_link(look: Look, link_id: str) -> dict[str, Any]:
    """Return one link as the list shows it; raises Absent out of scope."""
    query = links_in(look).where(station_link.c.id == link_id)
    row = (await look.connection.execute(query)).mappings().first()
    if row is None:
        raise Absent
    named = await shown_names(look.connection, [row["made_by"], row["revoked_by"]])
    return _shown(row, named, look.now) | {"revoked_by": named.get(row["revoked_by"] or "")}


def state_of(row: Mapping[str, Any] | RowMapping, now: datetime) -> str:
    """Return how a link stands: open, revoked, expired or used_up; its maker's power is not asked here."""
    if row["revoked_at"] is not None:
        return "revoked"
    if row["expires_at"] <= now:
        return "expired"
    return "used_up" if row["uses"] >= row["max_uses"] else "open"


async def open_link(hub: Hub, token: str) -> OpenLink | None:
    """Return what a token opens; None for a wrong, expired, revoked or used up one alike.

    Its maker must still be one who could make it, and the station be of the same partner as then.
    """
    if not 0 < len(token) <= _MAX_TOKEN or not token.isascii():
        return None
    query = _with_stations().where(
        station_link.c.token_index == _index(hub.keys, token),
        station.c.retracted.is_(False),
        station.c.partner.is_not_distinct_from(station_link.c.partner),
    )
    async with hub.database.read() as connection:
        row = (await connection.execute(query)).mappings().first()
    if row is None or state_of(row, hub.clock.now()) != "open" or not await _may_still(hub, row):
        return None
    return OpenLink(
        id=row["id"],
        platform=row["platform"],
        platform_name=row["platform_name"] or row["platform"],
        station_ref=row["station_ref"],
        station_name=row["station_name"],
        expires_at=row["expires_at"],
        uses_left=row["max_uses"] - row["uses"],
    )


async def count_use(hub: Hub, link: OpenLink) -> None:
    """Count one file of a link; raises the error of a link that is over where it takes none any more."""
    async with hub.change(link.actor, "links.use", target=f"link:{link.id}", purpose="报送文件") as work:
        c = station_link.c
        counted = update(station_link).where(c.id == link.id, _is_open(work.now))
        done = await work.connection.execute(counted.values(uses=c.uses + 1, last_used_at=work.now))
        if not done.rowcount:
            raise link_over()


async def forget_links(connection: AsyncConnection, before: datetime) -> int:
    """Delete links that were over before a time; returns how many."""
    c = station_link.c
    gone = await connection.execute(
        delete(station_link).where(or_(c.expires_at < before, c.revoked_at < before))
    )
    return int(gone.rowcount)


async def _may_still(hub: Hub, row: RowMapping) -> bool:
    """Say whether a link's maker could make it now."""
    try:
        maker = await operator(hub, row["made_by"].removeprefix("user:"))
    except HubError:
        return False  # disabled, gone, or changed past the hub, which is on record then
    async with hub.database.read() as connection:
        query = select(station.c.id).where(station.c.id == row["station_id"], stations_in(maker.scope))
        seen = (await connection.execute(query)).first() is not None
        return (
            allows(maker, "links.change")
            and seen
            and await sending_for(connection, maker, row["platform"]) is not None
        )


def _with_stations() -> Select[Any]:
    """Return the query of all links, each with its station and the platform's name."""
    at = and_(
        station.c.platform == station_link.c.platform, station.c.station_ref == station_link.c.station_ref
    )
    named = platform_table.c.code == station_link.c.platform
    return (
        select(
            station_link,
            station.c.id.label("station_id"),
            station.c.name.label("station_name"),
            platform_table.c.name.label("platform_name"),
        )
        .join(station, at)
        .outerjoin(platform_table, named)
    )


def _is_open(now: datetime) -> Any:
    c = station_link.c
    return and_(c.revoked_at.is_(None), c.expires_at > now, c.uses < c.max_uses)


def _shown(row: RowMapping, named: Mapping[str, str], now: datetime) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("id", "station_ref", "station_name", "station_id", "made_at")},
        **{name: row[name] for name in ("expires_at", "last_used_at", "revoked_at")},
        "platform": row["platform_name"] or row["platform"],
        "partner": row["partner"],
        "made_by": named.get(row["made_by"], row["made_by"]),
        "uses": f"{row['uses']} / {row['max_uses']}",
        "state": state_of(row, now),
    }


def _index(keys: Keyring, token: str) -> bytes:
    return keys.blind("lasting", "station_link", token)
