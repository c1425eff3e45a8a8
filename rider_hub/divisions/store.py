"""Queries over editions, codes and polygons; public data, so no scope is taken here."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.divisions.model import Division, Edition
from rider_hub.divisions.tables import boundary, division, edition
from rider_hub.storage import in_batches

__all__ = [
    "best_edition",
    "boundary_regions",
    "children",
    "codes_inside",
    "current_editions",
    "find_divisions",
    "known_before",
    "names",
    "polygons",
    "roots",
    "upper_codes",
]

#: Bound parameters a statement: below the limit of any SQLite.
_CODES_A_QUERY = 500


async def current_editions(connection: AsyncConnection, kind: str, level: str | None = None) -> list[Edition]:
    """Return the editions in use, the newest first; `level` narrows those of polygons."""
    query = select(edition).where(edition.c.kind == kind, edition.c.finished, edition.c.current)
    if level is not None:
        query = query.where(edition.c.level == level)
    query = query.order_by(edition.c.as_of.desc(), edition.c.imported_at.desc(), edition.c.id)
    return [_edition(row) for row in (await connection.execute(query)).mappings()]


def best_edition(editions: Sequence[Edition], code: str) -> Edition | None:
    """Return the edition that knows a code best: of the smallest region around it, the newest."""
    around = [one for one in editions if code.startswith(one.region)]
    return max(around, key=lambda one: len(one.region), default=None)


async def find_divisions(connection: AsyncConnection, codes: Iterable[str]) -> dict[str, Division]:
    """Return the divisions with these codes; unknown ones are absent."""
    editions = await current_editions(connection, "codes")
    wanted: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for code in sorted(set(codes)):
        best = best_edition(editions, code)
        # A code above every region (the province of a county's table) stands in any of them.
        ids = (best.id,) if best else tuple(one.id for one in editions if one.region.startswith(code))
        if ids:
            wanted[ids].append(code)
    found: dict[str, Division] = {}
    for ids, group in wanted.items():
        for part in in_batches(group, _CODES_A_QUERY):
            query = select(division).where(division.c.edition_id.in_(ids), division.c.code.in_(part))
            found.update({one.code: one for one in await _divisions(connection, query)})
    return found


async def names(connection: AsyncConnection, codes: Iterable[str]) -> dict[str, str]:
    """Return the names of these codes; unknown ones are absent."""
    return {code: one.name for code, one in (await find_divisions(connection, codes)).items()}


async def children(connection: AsyncConnection, parent: str) -> list[Division]:
    """Return the divisions right below a code, in the order of their codes."""
    editions = await current_editions(connection, "codes")
    best = best_edition(editions, parent)
    ids = [best.id] if best else [one.id for one in editions if one.region.startswith(parent)]
    query = select(division).where(division.c.edition_id.in_(ids), division.c.parent == parent)
    found = {one.code: one for one in await _divisions(connection, query)}
    return [found[code] for code in sorted(found)]


async def codes_inside(connection: AsyncConnection, region: str, level: str) -> set[str]:
    """Return the codes of one level inside a region."""
    best = best_edition(await current_editions(connection, "codes"), region)
    if best is None:
        return set()
    query = select(division.c.code).where(
        division.c.edition_id == best.id,
        division.c.level == level,
        division.c.code >= region,
        division.c.code < region + ":",
    )
    return set((await connection.execute(query)).scalars())


async def boundary_regions(connection: AsyncConnection, level: str) -> list[str]:
    """Return the regions that have polygons of a level, the wider ones first."""
    regions = {one.region for one in await current_editions(connection, "boundaries", level)}
    return sorted(regions, key=lambda region: (len(region), region))


async def upper_codes(connection: AsyncConnection) -> set[str]:
    """Return the codes in use down to counties: what a table of one county may name as parents."""
    query = (
        select(division.c.code)
        .join(edition, edition.c.id == division.c.edition_id)
        .where(edition.c.current, division.c.level.in_(("province", "city", "county")))
    )
    return set((await connection.execute(query)).scalars())


async def known_before(connection: AsyncConnection, codes: Iterable[str], day: date) -> set[str]:
    """Return those of the codes that a finished code table of an earlier day has."""
    found: set[str] = set()
    for part in in_batches(sorted(set(codes)), _CODES_A_QUERY):
        query = (
            select(division.c.code)
            .join(edition, edition.c.id == division.c.edition_id)
            .where(edition.c.finished, edition.c.as_of < day, division.c.code.in_(part))
        )
        found.update((await connection.execute(query)).scalars())
    return found


async def roots(connection: AsyncConnection) -> list[str]:
    """Return the regions that have a code table."""
    return sorted({one.region for one in await current_editions(connection, "codes")})


async def polygons(connection: AsyncConnection, edition_id: str, region: str) -> Sequence[RowMapping]:
    """Return code, name and WKB of an edition's areas inside a region, in the order of their codes."""
    query = (
        select(boundary.c.code, boundary.c.name, boundary.c.shape)
        .where(boundary.c.edition_id == edition_id)
        .where(boundary.c.code >= region, boundary.c.code < region + ":")
        .order_by(boundary.c.code)
    )
    return (await connection.execute(query)).mappings().all()


async def _divisions(connection: AsyncConnection, query: Select[Any]) -> list[Division]:
    rows = (await connection.execute(query)).mappings()
    return [Division(row["code"], row["name"], row["level"], row["parent"]) for row in rows]


def _edition(row: RowMapping) -> Edition:
    return Edition(
        id=row["id"],
        kind=row["kind"],
        region=row["region"],
        level=row["level"],
        title=row["title"],
        as_of=row["as_of"],
        sketch=row["sketch"],
    )
