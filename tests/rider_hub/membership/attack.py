"""An attacker's program: given a copy of the whole database and no key, whom would it name as declared?

It knows the tables and their columns. For each rider it counts and measures all that can be joined, that lies
beside, shares a transaction or happened about the same time, and has every such figure name riders by itself.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from rider_hub.access import Hub

__all__ = ["Copy", "Verdict", "judge", "measure", "read_copy"]

_MINUTES = (1, 10, 60)


@dataclass(frozen=True)
class Copy:
    """Every table as a thief reads it: rows in the order they lie, each with its place and transaction."""

    tables: Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Verdict:
    """How well one figure finds the declared: hits in a list as long as they are many, and how sure it is."""

    figure: str
    hits: int
    sigma: float


async def read_copy(hub: Hub) -> Copy:
    """Read every table with its physical order, and on PostgreSQL each row's place and transactions."""
    postgresql = hub.database.dialect == "postgresql"
    names = (
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('public', 'membership')"
        if postgresql
        else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    found: dict[str, Sequence[Mapping[str, Any]]] = {}
    async with hub.database.read() as connection:
        for name in (await connection.exec_driver_sql(names)).scalars().all():
            if postgresql:
                query = f"SELECT xmin::text AS xmin, xmax::text AS xmax, * FROM {name} ORDER BY ctid"  # noqa: S608
            else:
                made = await connection.exec_driver_sql(
                    "SELECT sql FROM sqlite_master WHERE name = ?", (name,)
                )
                rowid = "" if "WITHOUT ROWID" in made.scalar_one() else "rowid, "
                query = f"SELECT {rowid}* FROM {name} NOT INDEXED"  # noqa: S608
            rows = (await connection.exec_driver_sql(query)).mappings().all()
            found[name.rpartition(".")[2]] = rows
    return Copy(found)


def measure(copy: Copy) -> dict[str, dict[str, float]]:
    """Return every figure the attacker can think of: its name → rider → value."""
    riders = [row["id"] for row in copy.tables["rider"]]
    figures: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(riders, 0.0))
    theirs = _rows_of(copy, riders)
    for rider_id, rows in theirs.items():
        for table, place, row in rows:
            figures[f"rows in {table}"][rider_id] += 1
            figures[f"place in {table}"][rider_id] = place
            for column, cell in row.items():
                name = f"{table}.{column}"
                figures[f"{name} is there"][rider_id] += cell is not None
                figures[f"{name} length"][rider_id] = len(cell) if isinstance(cell, str | bytes) else 0
                if (at := _time(cell)) is not None:
                    figures[f"{name} when"][rider_id] = at
    for name, rider_id, value in _beside(copy, riders, theirs):
        figures[name][rider_id] += value
    return figures


def judge(figures: Mapping[str, Mapping[str, float]], declared: set[str]) -> list[Verdict]:
    """Return how well each figure, high or low, finds the declared; the best first."""
    found = []
    for name, values in figures.items():
        riders = sorted(values)
        scores = np.array([values[rider] for rider in riders])
        if np.ptp(scores) == 0:
            continue
        is_declared = np.array([rider in declared for rider in riders])
        for sign, way in ((1, "high"), (-1, "low")):
            found.append(
                Verdict(
                    f"{name} ({way})", _hits(sign * scores, is_declared), _sigma(sign * scores, is_declared)
                )
            )
    return sorted(found, key=lambda verdict: (-verdict.hits, -verdict.sigma))


def _rows_of(copy: Copy, riders: Sequence[str]) -> dict[str, list[tuple[str, int, Mapping[str, Any]]]]:
    """Find each rider's rows: those that hold the id, and those that hold an id of such a row."""
    names = dict.fromkeys(riders)
    owner: dict[Any, str] = {rider: rider for rider in names}
    for row in copy.tables["registration"]:
        owner[row["id"]] = row["rider_id"]
        for column in ("phone_index", "identity_index"):
            if row[column]:
                owner[row[column]] = row["rider_id"]
    for row in copy.tables["rider"]:
        if row["first_phone"]:
            owner[row["first_phone"]] = row["id"]
    found: dict[str, list[tuple[str, int, Mapping[str, Any]]]] = defaultdict(list)
    for table, rows in copy.tables.items():
        for place, row in enumerate(rows):
            cells = {cell for cell in row.values() if isinstance(cell, str | bytes)}
            cells |= {word for cell in cells if isinstance(cell, str) for word in re.findall(r"\w{32}", cell)}
            for rider_id in {owner[cell] for cell in cells if cell in owner}:
                found[rider_id].append((table, place, row))
    return found


Theirs = Mapping[str, Sequence[tuple[str, int, Mapping[str, Any]]]]


def _beside(copy: Copy, riders: Sequence[str], theirs: Theirs) -> Iterator[tuple[str, str, float]]:
    yield from _same_transaction(copy, theirs)
    yield from _same_time(copy, theirs)
    subjects = Counter(row["subject"] for row in copy.tables["invitation"])
    for rider_id, row in zip(riders, copy.tables["declaration"], strict=False):
        yield "has a row of the same place", rider_id, 1
        yield "row of the same place: length", rider_id, len(row["sealed"])
        yield "row of the same place: invitations", rider_id, subjects[row["subject"]]
        yield "row of the same place: id", rider_id, int(row["id"][:8], 16)
        for column in ("xmin", "xmax", "rowid"):
            yield f"row of the same place: {column}", rider_id, float(row.get(column, 0))


def _same_transaction(copy: Copy, theirs: Theirs) -> Iterator[tuple[str, str, float]]:
    by_transaction: dict[str, Counter[str]] = defaultdict(Counter)
    for table in ("audit_row", "declaration", "invitation"):
        for row in copy.tables[table]:
            if "xmin" in row:
                by_transaction[row["xmin"]][f"{table} {row.get('operation', '')}"] += 1
    for rider_id, rows in theirs.items():
        for table, _, row in rows:
            for name, count in by_transaction.get(row.get("xmin", ""), {}).items():
                yield f"{table} in the transaction of {name}", rider_id, count


def _same_time(copy: Copy, theirs: Theirs) -> Iterator[tuple[str, str, float]]:
    own = [row for row in copy.tables["audit_row"] if row["operation"] == "rider.own"]
    moments = sorted(at for row in own if (at := _time(row["at"])) is not None)
    for rider_id, rows in theirs.items():
        for table, column, cell in ((table, *item) for table, _, row in rows for item in row.items()):
            at = _time(cell)
            for minutes in _MINUTES if at is not None else ():
                assert at is not None
                near = bisect_right(moments, at + 60 * minutes) - bisect_left(moments, at - 60 * minutes)
                yield f"{table}.{column} within {minutes} min of an own act", rider_id, near


def _time(cell: Any) -> float | None:
    if isinstance(cell, datetime):
        return cell.timestamp()
    if isinstance(cell, str) and re.match(r"\d{4}-\d\d-\d\d[ T]", cell):
        return datetime.fromisoformat(cell).timestamp()
    return None


def _hits(scores: "np.ndarray[Any, Any]", is_declared: "np.ndarray[Any, Any]") -> int:
    """Count the declared in a list of the highest scores, as long as they are many; ties break at random."""
    order = np.lexsort((np.random.default_rng(7).random(len(scores)), -scores))
    return int(is_declared[order[: int(is_declared.sum())]].sum())


def _sigma(scores: "np.ndarray[Any, Any]", is_declared: "np.ndarray[Any, Any]") -> float:
    """Return by how many standard deviations the declared rank above the rest (Mann-Whitney, with ties)."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    some, all_ = int(is_declared.sum()), len(scores)
    rest = all_ - some
    above = ranks[is_declared].sum() - some * (some + 1) / 2 - some * rest / 2
    ties = ((counts.astype(float) ** 3 - counts).sum()) / (all_ * (all_ - 1))
    return float(above / math.sqrt(some * rest / 12 * (all_ + 1 - ties)))
