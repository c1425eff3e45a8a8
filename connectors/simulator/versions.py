"""Gives records a history, and the history an order: corrected, retracted, late, shuffled, misdated."""

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.records import SUBJECTS, FeedType
from connectors.simulator.faults import Faults, falls

Row = dict[str, Any]

_LATER: Final = timedelta(hours=1)


def history(feed_type: FeedType, records: Iterable[Mapping[str, Any]], faults: Faults) -> list[Row]:
    """Return the versions of records in the order they are sent: what is late comes last.

    A correction has its own record_id and is an hour younger, a retraction is another hour younger. Each
    version is a row of its own; a correction says another thing than the record before.
    """
    rows: list[Row] = []
    late: list[Row] = []
    for number, record in enumerate(records, 1):
        versions = [dict(record)]
        if falls(number, faults.corrected_every):
            versions.append(_corrected(feed_type, versions[-1]))
        if falls(number, faults.retracted_every) and feed_type != "request":
            versions.append(_retracted(feed_type, versions[-1]))
        (late if falls(number, faults.late_every) else rows).extend(versions)
    if faults.shuffled:
        random.Random(f"{faults.seed}/order/{feed_type}").shuffle(rows)  # noqa: S311 - repeatable, no secret
    return [_by_wrong_clock(row, faults.skew_s) for row in (*rows, *late)]


def newest(feed_type: FeedType, rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the version of each key that must stand in the end, in whatever order they were sent."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        known = found.setdefault(row[SUBJECTS[feed_type]], row)
        if _version(row) > _version(known):
            found[row[SUBJECTS[feed_type]]] = row
    return found


def _version(row: Mapping[str, Any]) -> tuple[datetime, str]:
    return datetime.fromisoformat(row["updated_at"]), str(row["record_id"])


def _corrected(feed_type: FeedType, row: Row) -> Row:
    changed = _next(row)
    if feed_type == "station":
        return changed | {"name": f"{row['name']}（更正）"}
    if feed_type == "registration":
        return changed | {"effective_at": _moved(row["effective_at"], -_LATER)}
    return changed | {"text": f"{row['text']}（更正）"}


def _retracted(feed_type: FeedType, row: Row) -> Row:
    kept: Sequence[str] = ("record_id", SUBJECTS[feed_type], "updated_at")
    return _next({name: row[name] for name in kept}) | {"op": "retract"}


def _next(row: Row) -> Row:
    """Return the next version: the number at the end of its record_id counts on."""
    start, _, number = str(row["record_id"]).rpartition("-")
    return row | {
        "record_id": f"{start}-{int(number) + 1}",
        "updated_at": _moved(row["updated_at"], _LATER),
    }


def _by_wrong_clock(row: Row, skew_s: int) -> Row:
    return row | {"updated_at": _moved(row["updated_at"], timedelta(seconds=skew_s))} if skew_s else row


def _moved(moment: str, by: timedelta) -> str:
    return (datetime.fromisoformat(moment) + by).isoformat()
