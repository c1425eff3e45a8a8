"""Faults to order in what a simulated platform sends; every fault is exact, so that tests can count."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from connectors.records import FeedType
from connectors.sources.manifest import Manifest


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """Order faults; 0 is never, n is every n-th row.

    `distort` moves every point (a wrong frame is the true points in another frame, told as this one).
    `outage` is the statuses answered first, in order, before pages are served.
    """

    duplicate_every: int = 0
    bad_every: int = 0
    forbidden_every: int = 0
    distort: Callable[[float, float], tuple[float, float]] | None = None
    outage: tuple[int, ...] = ()


def source_rows(
    manifest: Manifest,
    feed_type: FeedType,
    records: Iterable[Mapping[str, Any]],
    faults: Faults | None = None,
) -> list[dict[str, Any]]:
    """Return standard rows as the platform sends them, with the faults ordered.

    A bad row has an unreadable updated_at, a forbidden one a field 政治面貌, a duplicate follows its row.
    """
    faults = faults or Faults()
    rows: list[dict[str, Any]] = []
    for number, record in enumerate(records, 1):
        moved = _moved(record, faults.distort) if faults.distort else record
        row = manifest.encode_row(feed_type, moved)
        if _falls(number, faults.bad_every):
            row[manifest.source_path(feed_type, "updated_at")] = "昨天"
        if _falls(number, faults.forbidden_every):
            row["政治面貌"] = "群众"
        rows.append(row)
        if _falls(number, faults.duplicate_every):
            rows.append(row)
    return rows


def _falls(number: int, every: int) -> bool:
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
