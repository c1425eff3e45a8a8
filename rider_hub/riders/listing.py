"""Queries behind the riders' pages: the ledger, one rider, the links to review; masked, within scope."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Hub, Keyring, Look
from rider_hub.divisions.store import names
from rider_hub.errors import Absent
from rider_hub.organizations.tables import platform as platform_table
from rider_hub.organizations.tables import station
from rider_hub.parameters import parameter
from rider_hub.riders.area_reviews import area_held, held_areas
from rider_hub.riders.identity import explain
from rider_hub.riders.indexes import search_indexes
from rider_hub.riders.model import LinkState, RegistrationState
from rider_hub.riders.reach import histories_in, registrations_in, riders_in
from rider_hub.riders.store import masked
from rider_hub.riders.tables import identity_link, registration, registration_history, rider
from rider_hub.storage import in_batches

__all__ = ["find_link", "find_rider", "histories", "links_of", "list_links", "list_riders", "platform_names"]

_IDS_A_QUERY = 500
_STREET_DIGITS = 9


async def list_riders(
    work: Look, hub: Hub, filters: Mapping[str, str], *, limit: int | None, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Return riders in scope as rows of the ledger, the one seen last first, and how many there are."""
    query = select(rider).where(*_conditions(work, hub.keys, filters))
    total = (await work.connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    # To a company the order would tell when its rider was last seen by another.
    order = [] if work.scope.of_company else [rider.c.last_seen_at.desc()]
    query = query.order_by(*order, rider.c.id).limit(limit).offset(offset)
    riders = (await work.connection.execute(query)).mappings().all()
    mine = await _registrations(work, [row["id"] for row in riders])
    words = await _Words.of(work.connection, riders, [one for group in mine.values() for one in group])
    return [_row(hub, work, row, mine[row["id"]], words) for row in riders], total


def _conditions(work: Look, keys: Keyring, filters: Mapping[str, str]) -> list[ColumnElement[bool]]:
    wanted = [registration.c.rider_id == rider.c.id, registrations_in(work.scope)]
    chosen = [name for name in ("platform", "employment", "state") if filters.get(name)]
    wanted += [registration.c[name] == filters[name] for name in chosen]
    if filters.get("state") == RegistrationState.ACTIVE:
        # The same riders that matching takes and the desk counts: those not seen for long are left out.
        wanted.append(
            registration.c.seen_at > work.now - timedelta(days=parameter("matching.active_window").value)
        )
    if filters.get("review") == "work_area":
        wanted.append(area_held())
    if filters.get("q"):
        column, values = search_indexes(keys, filters["q"])
        wanted.append(registration.c[column].in_(values))
    street = filters.get("street")
    inside = [and_(rider.c.division >= street, rider.c.division < street + ":")] if street else []
    return [riders_in(work.scope), *inside, exists().where(*wanted)]


async def _registrations(work: Look, ids: Sequence[str]) -> dict[str, list[RowMapping]]:
    found: dict[str, list[RowMapping]] = {}
    for part in in_batches(ids, _IDS_A_QUERY):
        query = select(registration).where(registration.c.rider_id.in_(part), registrations_in(work.scope))
        query = query.order_by(registration.c.platform, registration.c.platform_rider_ref)
        for row in (await work.connection.execute(query)).mappings():
            found.setdefault(row["rider_id"], []).append(row)
    return found


class _Words:
    """Names of platforms, stations and divisions that rows mention."""

    def __init__(self) -> None:
        self.platforms: dict[str, str] = {}
        self.stations: dict[tuple[str, str], str] = {}
        self.divisions: dict[str, str] = {}

    @classmethod
    async def of(
        cls,
        connection: AsyncConnection,
        riders: Sequence[RowMapping],
        registrations: Sequence[RowMapping],
    ) -> "_Words":
        words = cls()
        words.platforms = await platform_names(connection)
        refs = sorted({row["station_ref"] for row in registrations if row["station_ref"]})
        for part in in_batches(refs, _IDS_A_QUERY):
            query = select(station.c.platform, station.c.station_ref, station.c.name)
            for row in await connection.execute(query.where(station.c.station_ref.in_(part))):
                words.stations[row.platform, row.station_ref] = row.name
        codes = {row["division"] for row in riders}
        words.divisions = await names(connection, codes | {code[:_STREET_DIGITS] for code in codes})
        return words

    def place(self, code: str) -> str:
        """Return a division as street and community, as far as they are known."""
        parts = [self.divisions.get(code[:_STREET_DIGITS]) if len(code) >= _STREET_DIGITS else None]
        parts.append(self.divisions.get(code) if len(code) != _STREET_DIGITS else None)
        return " ".join(dict.fromkeys(part for part in parts if part)) or code

    def station(self, row: RowMapping) -> str | None:
        """Return the name of a registration's station, its reference while no feed has named it."""
        ref = row["station_ref"]
        return self.stations.get((row["platform"], ref), f"{ref}（等待站点报送）") if ref else None


def _row(hub: Hub, work: Look, row: RowMapping, mine: Sequence[RowMapping], words: _Words) -> dict[str, Any]:
    active = [one for one in mine if one["state"] == RegistrationState.ACTIVE]
    shown = next((one for one in masked(hub, active or mine) if one.name or one.phone), None)
    stations = [name for one in active if (name := words.station(one))]
    return {
        "id": row["id"],
        "name": (shown.name if shown else None) or ("未报送姓名" if active else "已离开的骑手"),
        "phone": shown.phone if shown else None,
        "platforms": [words.platforms.get(code, code) for code in dict.fromkeys(r["platform"] for r in mine)],
        "employment": sorted({str(one["employment"]) for one in active if one["employment"]}),
        "station": "、".join(stations) or None,
        # Where a rider is matched to, and what other companies sent, is not a company's.
        "place": None if work.scope.of_company else words.place(row["division"]),
        "seen": max(one["seen_at"] for one in mine) if work.scope.of_company else row["last_seen_at"],
        "state": "active" if active else mine[0]["state"],
    }


async def platform_names(connection: AsyncConnection) -> dict[str, str]:
    """Return the platforms' names by code."""
    rows = await connection.execute(select(platform_table.c.code, platform_table.c.name))
    return {row.code: row.name for row in rows}


async def find_rider(work: Look, hub: Hub, rider_id: str) -> dict[str, Any]:
    """Return one rider's ledger row with `registrations`; raises Absent out of scope."""
    query = select(rider).where(rider.c.id == rider_id, riders_in(work.scope))
    row = (await work.connection.execute(query)).mappings().first()
    mine = (await _registrations(work, [rider_id])).get(rider_id, []) if row else []
    if row is None or not mine:
        raise Absent
    words = await _Words.of(work.connection, [row], mine)
    held = {} if work.scope.of_company else await held_areas(work.connection, [one["id"] for one in mine])
    shown = [
        {
            **one,
            "held": held.get(one["id"]),
            "platform_name": words.platforms.get(one["platform"], one["platform"]),
            "station": words.station(one),
            "area": words.divisions.get(one["area_community"] or "", one["area_community"]),
        }
        for one in mine
    ]
    first = None if work.scope.of_company else row["first_seen_at"]
    return {**_row(hub, work, row, mine, words), "first_seen": first, "registrations": shown}


async def histories(work: Look, registration_ids: Sequence[str]) -> list[RowMapping]:
    """Return the applied versions of these registrations that the viewer may see, the newest first."""
    table = registration_history
    query = select(table, registration.c.platform).join(
        registration, registration.c.id == table.c.registration_id
    )
    query = query.where(table.c.registration_id.in_(list(registration_ids)), histories_in(work.scope))
    query = query.order_by(table.c.version_at.desc(), table.c.recorded_at.desc(), table.c.id)
    return list((await work.connection.execute(query)).mappings())


def _links(work: Look) -> Select[Any]:
    """Return the query of links whose two riders are both in scope, with both sides' registrations."""
    a, b = registration.alias("a"), registration.alias("b")
    rider_a, rider_b = rider.alias("rider_a"), rider.alias("rider_b")
    sides = [
        side.c[name].label(f"{label}_{name}")
        for label, side in (("a", a), ("b", b))
        for name in ("id", "platform", "rider_id", "sealed", "state")
    ]
    return (
        select(identity_link, *sides)
        .join(a, a.c.id == identity_link.c.registration_a)
        .join(b, b.c.id == identity_link.c.registration_b)
        .join(rider_a, rider_a.c.id == a.c.rider_id)
        .join(rider_b, rider_b.c.id == b.c.rider_id)
        .where(work.scope.where(rider_a.c.division), work.scope.where(rider_b.c.division))
    )


async def list_links(
    work: Look, hub: Hub, state: str | None, *, limit: int | None, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Return links as rows of the review queue, the oldest proposal first, and how many there are."""
    query = _links(work)
    if state:
        query = query.where(identity_link.c.state == state)
    total = (await work.connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    query = query.order_by(identity_link.c.created_at, identity_link.c.id).limit(limit).offset(offset)
    rows = (await work.connection.execute(query)).mappings().all()
    platforms = await platform_names(work.connection)
    return [_link_row(hub, row, platforms) for row in rows], total


async def find_link(work: Look, hub: Hub, link_id: str) -> dict[str, Any]:
    """Return one link; raises Absent where one of its riders is out of scope."""
    row = (
        (await work.connection.execute(_links(work).where(identity_link.c.id == link_id))).mappings().first()
    )
    if row is None:
        raise Absent
    return _link_row(hub, row, await platform_names(work.connection))


async def links_of(work: Look, hub: Hub, rider_id: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the links of a rider's registrations, the newest first."""
    link = identity_link.c
    query = _links(work).where(or_(link.registration_a.in_(list(ids)), link.registration_b.in_(list(ids))))
    rows = (await work.connection.execute(query.order_by(link.created_at.desc(), link.id))).mappings().all()
    platforms = await platform_names(work.connection)
    return [{**_link_row(hub, row, platforms), "rider_id": rider_id} for row in rows]


def _link_row(hub: Hub, row: RowMapping, platforms: Mapping[str, str]) -> dict[str, Any]:
    sides: dict[str, Any] = {}
    for side in ("a", "b"):
        [shown] = masked(hub, [{"id": row[f"{side}_id"], "sealed": row[f"{side}_sealed"]}])
        code = row[f"{side}_platform"]
        sides[f"name_{side}"] = f"{platforms.get(code, code)} {shown.name or '未报送姓名'}"
        sides[f"phone_{side}"] = shown.phone
        sides[f"rider_{side}"] = row[f"{side}_rider_id"]
    state = LinkState(row["state"])
    return {
        **sides,
        "id": row["id"],
        "state": state.value,
        "why": explain(state, row["evidence"]),
        "created": row["created_at"],
        "decided": row["decided_at"],
    }
