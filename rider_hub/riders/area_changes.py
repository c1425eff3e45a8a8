"""Work areas that change as often as a track would: what is counted, and the hold it leads to.

A work area is where a rider usually works. One that changes again and again is a position over time, whatever
it is called, and the hub keeps none. So of each version its time is kept with a keyed mark of its area: the
mark tells whether two areas of one registration differ, not where they are nor whether another rider's is the
same. More changes than the parameter allows within its window hold the registration for staff to look at: no
record is refused, and its area is not matched by meanwhile.

The count is of the set of versions, so it is the same in any order and after any repetition; a further
version never makes it smaller, so a hold never comes and goes with the order of arrival. A mark is kept for
the window after its version came, not after the version's own time: a clock set back hides no change.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import RowMapping, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.records import Registration, WorkArea
from rider_hub.access import Change, Keyring
from rider_hub.parameters import parameter
from rider_hub.riders.rows import points_wgs84
from rider_hub.riders.tables import work_area_mark, work_area_review
from rider_hub.storage import in_batches, upsert_rows

__all__ = ["LIKE_TRACK", "forget_marks", "most_changes", "note_work_areas"]

#: The hold of a registration whose work area changes like a track, and the warning its sender gets.
LIKE_TRACK: Final = "work_area_changes_look_like_track"

_VALUES_A_QUERY = 500
#: A community code and a WGS 84 point; each part may be missing, but not both.
_Area = tuple[str | None, float | None, float | None]
#: Reference of the rider, time of the version, its area.
_Said = tuple[str, datetime, _Area | None]


def most_changes(marks: Iterable[tuple[datetime, bytes]], window: timedelta) -> int:
    """Return the most changes from one mark to the next that lie within any window of this length.

    Both versions of a change must lie in the window, so that a version between two others adds changes or
    leaves them, and never moves one out.
    """
    ordered = sorted(set(marks))
    most = start = 0
    changes = [0]
    for before, after in pairwise(ordered):
        changes.append(changes[-1] + (before[1] != after[1]))
    for end, (at, _) in enumerate(ordered):
        while at - ordered[start][0] > window:
            start += 1
        most = max(most, changes[end] - changes[start])
    return most


async def note_work_areas(
    work: Change,
    keys: Keyring,
    versions: Sequence[Registration],
    *,
    platform: str,
    stored: Mapping[str, RowMapping],
    ids: Mapping[str, str],
) -> set[str]:
    """Count the work areas of versions in, and return the references of those that are held for review.

    `versions` are all that came, also those that a greater one beats; `stored` are the registrations as they
    were before, and `ids` the registrations as they are now, both by reference. A registration of a single
    version costs nothing: its mark is made once there is a second.
    """
    said = _said(versions, stored, ids)
    current = {ref: (ref, row["version_at"], _stored_area(row)) for ref, row in stored.items() if ref in ids}
    news = {one[0] for one in said if one != current.get(one[0])}
    entries = {one for one in (*said, *current.values()) if one[0] in news and one[2] is not None}
    if not entries:
        return set()
    reviews = await _reviews(work.connection, [ids[ref] for ref in news])
    rows = []
    for ref, at, area in entries:
        review = reviews.get(ids[ref])
        looked_at = review["cleared_until"] if review else None
        if looked_at is None or at >= looked_at:
            mark = _mark(keys, platform, ref, area)
            row = {"registration_id": ids[ref], "version_at": at, "mark": mark, "recorded_at": work.now}
            rows.append(row)
    rows.sort(key=lambda row: (row["registration_id"], row["version_at"], row["mark"]))
    await upsert_rows(work.connection, work_area_mark, rows, key=["registration_id", "version_at", "mark"])
    held = await _hold(work, {row["registration_id"] for row in rows}, reviews)
    return {ref for ref in news if ids[ref] in held}


def _said(
    versions: Sequence[Registration], stored: Mapping[str, RowMapping], ids: Mapping[str, str]
) -> list[_Said]:
    """Return what the versions say of registrations that have more than one of them."""
    times = Counter(one.platform_rider_ref for one in versions)
    several = [
        one
        for one in versions
        if one.platform_rider_ref in ids
        and (one.platform_rider_ref in stored or times[one.platform_rider_ref] > 1)
    ]
    areas = [one.work_area or WorkArea() for one in several]
    points = points_wgs84(areas)
    return [
        (one.platform_rider_ref, one.updated_at, _area(area.community_code, lng, lat))
        for one, area, (lng, lat) in zip(several, areas, points, strict=True)
    ]


def _stored_area(row: RowMapping) -> _Area | None:
    return _area(row["area_community"], row["area_lng"], row["area_lat"])


def _area(community: str | None, lng: float | None, lat: float | None) -> _Area | None:
    return None if community is None and lng is None else (community, lng, lat)


def _mark(keys: Keyring, platform: str, ref: str, area: _Area | None) -> bytes:
    # Bound to the reference: equal areas of two riders have nothing in common here. Not to the row's id,
    # which is drawn by lot: marks of one time are counted in their own order, the same however they came.
    return keys.blind("lasting", "work_area", f"{platform}\x00{ref}\x00{area!r}")


def _window() -> timedelta:
    return timedelta(days=parameter("intake.work_area_window").value)


async def _reviews(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, RowMapping]:
    found: dict[str, RowMapping] = {}
    for part in in_batches(sorted(ids), _VALUES_A_QUERY):
        query = select(work_area_review).where(work_area_review.c.registration_id.in_(part))
        found |= {row["registration_id"]: row for row in (await connection.execute(query)).mappings()}
    return found


async def _hold(work: Change, ids: Iterable[str], reviews: Mapping[str, RowMapping]) -> set[str]:
    """Hold the registrations that now have too many changes, and return those that are held at all."""
    marks: dict[str, list[tuple[datetime, bytes]]] = {}
    c, since = work_area_mark.c, work.now - _window()
    for part in in_batches(sorted(ids), _VALUES_A_QUERY):
        query = select(work_area_mark).where(c.registration_id.in_(part), c.recorded_at >= since)
        for row in await work.connection.execute(query):
            marks.setdefault(row.registration_id, []).append((row.version_at, row.mark))
    allowed, window = parameter("intake.work_area_changes").value, _window()
    rows: list[dict[str, Any]] = []
    for id_, told in marks.items():
        changes, there = most_changes(told, window), reviews.get(id_)
        if changes > allowed:
            before = dict(there) if there else dict.fromkeys(("cleared_until", "decided_at", "decided_by"))
            held_at = before.get("held_at") or work.now
            rows.append({**before, "registration_id": id_, "changes": changes, "held_at": held_at})
    await upsert_rows(work.connection, work_area_review, rows, key=["registration_id"])
    open_before = {id_ for id_, row in reviews.items() if row["held_at"] is not None}
    return open_before | {row["registration_id"] for row in rows}


async def forget_marks(connection: AsyncConnection, before: datetime) -> int:
    """Delete the marks of versions that came before a time; returns how many.

    Holds stay until staff have looked.
    """
    gone = delete(work_area_mark).where(work_area_mark.c.recorded_at < before)
    return int((await connection.execute(gone)).rowcount)
