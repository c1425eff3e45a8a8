"""Faults to order in what a simulated platform sends; every fault is exact, so that tests can count."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from connectors.records import FeedType
from connectors.sources.manifest import Manifest

#: What a column is called after a change nobody was told of.
_RENAMED: Final = "_v2"
#: A column nobody agreed on.
_UNKNOWN: Final = ("vehicle_type", "电动车")


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """Order faults; 0 is never, n is every n-th row (record, page, push, file).

    Of records (`connectors.simulator.versions` orders them): `corrected_every`, `retracted_every`,
    `late_every`, `shuffled` by `seed`, `skew_s` (a clock that is so many seconds ahead).
    Of rows: `duplicate_every` (twice), `bad_every` (an unreadable updated_at), `renamed_every` (updated_at
    under another name), `unknown_every` (a column nobody agreed on), `forbidden_every` (a field 政治面貌),
    `distort` (moves every point: what is told as one frame is in another).
    Of the transport: `outage` (statuses answered first, in order), `cut_every` (the connection ends in the
    middle), `torn_every` (a file that stands half written under its final name for a while).
    """

    seed: int = 1
    corrected_every: int = 0
    retracted_every: int = 0
    late_every: int = 0
    shuffled: bool = False
    skew_s: int = 0
    duplicate_every: int = 0
    bad_every: int = 0
    renamed_every: int = 0
    unknown_every: int = 0
    forbidden_every: int = 0
    distort: Callable[[float, float], tuple[float, float]] | None = None
    outage: tuple[int, ...] = ()
    cut_every: int = 0
    torn_every: int = 0


def source_rows(
    manifest: Manifest | None,
    feed_type: FeedType,
    records: Iterable[Mapping[str, Any]],
    faults: Faults | None = None,
) -> list[dict[str, Any]]:
    """Return standard rows as the platform sends them (None: as they are), with the faults of rows."""
    faults = faults or Faults()
    time_column = manifest.source_path(feed_type, "updated_at") if manifest else "updated_at"
    rows: list[dict[str, Any]] = []
    for number, record in enumerate(records, 1):
        moved = _moved(record, faults.distort) if faults.distort else record
        row = manifest.encode_row(feed_type, moved) if manifest else dict(moved)
        if falls(number, faults.bad_every):
            row[time_column] = "昨天"
        if falls(number, faults.renamed_every):
            row[time_column + _RENAMED] = row.pop(time_column)
        if falls(number, faults.unknown_every):
            row[_UNKNOWN[0]] = _UNKNOWN[1]
        if falls(number, faults.forbidden_every):
            row["政治面貌"] = "群众"
        rows.append(row)
        if falls(number, faults.duplicate_every):
            rows.append(row)
    return rows


def falls(number: int, every: int) -> bool:
    """Say whether a fault ordered every so many falls on this one, counted from 1."""
    return every > 0 and number % every == 0


def _moved(
    record: Mapping[str, Any], distort: Callable[[float, float], tuple[float, float]]
) -> dict[str, Any]:
    moved: dict[str, Any] = {
        k: _moved(v, distort) if isinstance(v, Mapping) else v for k, v in record.items()
    }
    if moved.get("lng") is not None and moved.get("lat") is not None:
        moved["lng"], moved["lat"] = distort(moved["lng"], moved["lat"])
    return moved
