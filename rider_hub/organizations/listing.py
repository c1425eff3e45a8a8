"""Stations and organizations as ledgers and drawers show them; everything inside the viewer's scope."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, Table, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Look
from rider_hub.clock import local_date
from rider_hub.divisions.store import names
from rider_hub.errors import Absent
from rider_hub.organizations.model import HostKind, Organization, OrganizationKind, global_ref
from rider_hub.organizations.network import to_organization
from rider_hub.organizations.rules import choose_covering
from rider_hub.organizations.store import active_on, stations_in, valid_on
from rider_hub.organizations.tables import coverage, instructor, party_organization, platform, station
from rider_hub.storage import in_batches

__all__ = [
    "Listing",
    "covering_of",
    "list_organizations",
    "list_stations",
    "organization_rows",
    "place_names",
    "show_organization",
    "show_station",
    "station_rows",
]

_REFS_A_QUERY: Final = 500


class Listing:
    """What a ledger asks for: filters by key, order, and the part wanted (`limit` None is all)."""

    def __init__(
        self,
        filters: Mapping[str, str],
        *,
        sort: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> None:
        self.filters = filters
        self.sort = sort
        self.descending = descending
        self.limit = limit
        self.offset = offset


async def list_stations(look: Look, listing: Listing) -> tuple[list[dict[str, Any]], int]:
    """Return stations at work today with their place and covering organization, and how many there are."""
    on = local_date(look.now)
    query = select(station).where(stations_in(look.scope), active_on(on))
    query = _narrowed(query, station, listing, (station.c.name, station.c.station_ref))
    if (code := listing.filters.get("platform")) is not None:
        query = query.where(station.c.platform == code)
    if (covered := listing.filters.get("covered")) is not None:
        query = query.where(_is_covered(on) if covered == "yes" else ~_is_covered(on))
    rows, total = await _part(
        look.connection, query, station, listing, (station.c.platform, station.c.station_ref)
    )
    return await station_rows(look, rows, on), total


async def station_rows(look: Look, rows: Sequence[RowMapping], on: date) -> list[dict[str, Any]]:
    """Return rows of stations with names of platform, street and community, and the covering organization.

    `organization_shown` says whether the viewer may open it: a joint branch may be elsewhere's.
    """
    places = await place_names(look.connection, [row["division"] for row in rows])
    refs = [global_ref(row["platform"], row["station_ref"]) for row in rows]
    covering = await covering_of(look.connection, "station", refs, on)
    platforms = await _platform_names(look.connection)
    found = []
    for row, ref in zip(rows, refs, strict=True):
        one = covering.get(ref)
        found.append(
            {
                **row,
                **places[row["division"]],
                "ref": ref,
                "platform_name": platforms.get(row["platform"], row["platform"]),
                "organization": one,
                "organization_shown": one is not None and look.scope.covers(one.division),
            }
        )
    return found


async def list_organizations(look: Look, listing: Listing) -> tuple[list[dict[str, Any]], int]:
    """Return organizations in force today with kind, host and what they cover, and how many there are."""
    on = local_date(look.now)
    table = party_organization
    query = select(table).where(look.scope.where(table.c.division), valid_on(table, on))
    query = _narrowed(query, table, listing, (table.c.name, table.c.code))
    if (kind := listing.filters.get("kind")) is not None:
        query = query.where(table.c.kind == kind)
    rows, total = await _part(look.connection, query, table, listing, (table.c.division, table.c.code))
    return await organization_rows(look, rows, on), total


async def organization_rows(look: Look, rows: Sequence[RowMapping], on: date) -> list[dict[str, Any]]:
    """Return rows of organizations with words for kind and host, their place, parent and what they cover."""
    places = await place_names(look.connection, [row["division"] for row in rows])
    covers = await _covers(look.connection, [row["code"] for row in rows], on)
    parents = await _organizations(look.connection, [row["parent"] for row in rows if row["parent"]])
    found = []
    for row in rows:
        parent = parents.get(row["parent"])
        found.append(
            {
                **row,
                **places[row["division"]],
                "kind_zh": OrganizationKind(row["kind"]).title_zh,
                "host_zh": HostKind(row["host_kind"]).title_zh,
                "parent_name": parent.name if parent else None,
                "parent_shown": parent is not None and look.scope.covers(parent.division),
                "stations": sum(kind == "station" for kind, _ in covers[row["code"]]),
                "covers": covers[row["code"]],
            }
        )
    return found


async def show_station(look: Look, station_id: str) -> dict[str, Any]:
    """Return one station; raises Absent where there is none in scope."""
    query = select(station).where(station.c.id == station_id, stations_in(look.scope))
    row = (await look.connection.execute(query)).mappings().first()
    if row is None:
        raise Absent
    on = local_date(look.now)
    found = (await station_rows(look, [row], on))[0]
    found["post"] = await _post(look.connection, row["division"][:9], on)
    return found


async def show_organization(look: Look, code: str) -> dict[str, Any]:
    """Return one organization with names of what it covers; raises Absent where none is in scope."""
    table = party_organization
    query = select(table).where(table.c.code == code, look.scope.where(table.c.division))
    row = (await look.connection.execute(query)).mappings().first()
    if row is None:
        raise Absent
    found = (await organization_rows(look, [row], local_date(look.now)))[0]
    covers: list[tuple[str, str]] = found["covers"]
    known = await names(look.connection, [ref for kind, ref in covers if kind != "station"])
    known |= await _station_names(look.connection, [ref for kind, ref in covers if kind == "station"])
    found["covered_names"] = [known.get(ref, ref) for _, ref in covers]
    return found


async def covering_of(
    connection: AsyncConnection, kind: str, refs: Iterable[str], on: date
) -> dict[str, Organization]:
    """Return the organization that answers for each of these places; those nobody covers are absent."""
    candidates: dict[str, list[Organization]] = defaultdict(list)
    for part in in_batches(sorted(set(refs)), _REFS_A_QUERY):
        query = (
            select(party_organization, coverage.c.covered_ref)
            .join(coverage, coverage.c.organization == party_organization.c.code)
            .where(coverage.c.covered_kind == kind, coverage.c.covered_ref.in_(part))
            .where(valid_on(party_organization, on), valid_on(coverage, on))
        )
        for row in (await connection.execute(query)).mappings():
            candidates[row["covered_ref"]].append(to_organization(row))
    chosen = {ref: choose_covering(found) for ref, found in candidates.items()}
    return {ref: one for ref, one in chosen.items() if one is not None}


async def place_names(
    connection: AsyncConnection, divisions: Iterable[str]
) -> dict[str, dict[str, str | None]]:
    """Return for each division the names of its street and community, None where it is none or above."""
    codes = set(divisions)
    known = await names(connection, codes | {code[:9] for code in codes})
    return {
        code: {
            "street": known.get(code[:9]) if len(code) >= 9 else None,  # noqa: PLR2004 - digits of a street
            "community": known.get(code) if len(code) == 12 else None,  # noqa: PLR2004 - of a community
        }
        for code in codes
    }


def _narrowed(
    query: Select[Any], table: Table, listing: Listing, searched: Sequence[ColumnElement[str]]
) -> Select[Any]:
    if (words := listing.filters.get("q")) is not None:
        query = query.where(or_(*(column.contains(words, autoescape=True) for column in searched)))
    if (street := listing.filters.get("street")) is not None:
        query = query.where(table.c.division >= street, table.c.division < street + ":")
    return query


async def _part(
    connection: AsyncConnection,
    query: Select[Any],
    table: Table,
    listing: Listing,
    order: Sequence[ColumnElement[Any]],
) -> tuple[Sequence[RowMapping], int]:
    total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    if listing.sort is not None:
        column = table.c[listing.sort]
        query = query.order_by(column.desc().nulls_last() if listing.descending else column.nulls_last())
    query = query.order_by(*order).limit(listing.limit).offset(listing.offset)
    return (await connection.execute(query)).mappings().all(), total


def _is_covered(on: date) -> ColumnElement[bool]:
    ref = station.c.platform.concat("/").concat(station.c.station_ref)
    return (
        exists()
        .where(coverage.c.covered_kind == "station", coverage.c.covered_ref == ref, valid_on(coverage, on))
        .where(
            party_organization.c.code == coverage.c.organization,
            valid_on(party_organization, on),
        )
        .correlate(station)
    )


async def _covers(
    connection: AsyncConnection, codes: Sequence[str], on: date
) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for part in in_batches(sorted(codes), _REFS_A_QUERY):
        query = select(coverage).where(coverage.c.organization.in_(part), valid_on(coverage, on))
        query = query.order_by(coverage.c.covered_kind, coverage.c.covered_ref)
        for row in (await connection.execute(query)).mappings():
            found[row["organization"]].append((row["covered_kind"], row["covered_ref"]))
    return found


async def _platform_names(connection: AsyncConnection) -> dict[str, str]:
    rows = await connection.execute(select(platform.c.code, platform.c.name))
    return {row.code: row.name for row in rows}


async def _organizations(connection: AsyncConnection, codes: Sequence[str]) -> dict[str, Organization]:
    found: dict[str, Organization] = {}
    for part in in_batches(sorted(set(codes)), _REFS_A_QUERY):
        query = select(party_organization).where(party_organization.c.code.in_(part))
        for row in (await connection.execute(query)).mappings():
            found[row["code"]] = to_organization(row)
    return found


async def _station_names(connection: AsyncConnection, refs: Sequence[str]) -> dict[str, str]:
    ref = station.c.platform.concat("/").concat(station.c.station_ref)
    rows = await connection.execute(select(ref.label("ref"), station.c.name).where(ref.in_(refs)))
    return {row.ref: row.name for row in rows}


async def _post(connection: AsyncConnection, street: str, on: date) -> str | None:
    query = select(instructor.c.title).where(instructor.c.division == street, valid_on(instructor, on))
    return (await connection.execute(query.order_by(instructor.c.code).limit(1))).scalar_one_or_none()
