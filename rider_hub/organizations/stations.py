"""Stations come in here, from feeds and from files, under one rule of versions; nothing is matched here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked
from connectors.contract import check
from connectors.records import Frame, Station
from geo.frames import read_points
from rider_hub.access import Actor, Change, Hub, Keyring
from rider_hub.divisions.areas import current_or_none
from rider_hub.divisions.faults import fault
from rider_hub.divisions.model import AreaLevel
from rider_hub.divisions.registry import MAX_ROWS
from rider_hub.divisions.rows import ImportReport, Row, read_headings
from rider_hub.divisions.store import names
from rider_hub.organizations.tables import platform as platform_table
from rider_hub.organizations.tables import station
from rider_hub.storage import in_batches, new_id, upsert_rows

__all__ = ["StationOutcome", "import_stations", "upsert_stations"]

_HEADINGS: Final = {
    "station_ref": ("站点编号", "站点代码", "编号"),
    "name": ("站点名称", "名称"),
    "op": ("操作",),
    "record_id": ("记录编号",),
    "partner": ("合作企业", "合作商"),
    "address": ("地址", "站点地址"),
    "community_code": ("社区代码", "所在社区代码"),
    "street": ("街道", "所在街道"),
    "lng": ("经度",),
    "lat": ("纬度",),
    "frame": ("坐标系",),
    "active_from": ("启用日期", "开始日期"),
    "active_to": ("停用日期", "截止日期"),
    "headcount": ("骑手人数", "人数"),
    "updated_at": ("更新时间",),
}
_REFS_A_QUERY: Final = 500


@dataclass(frozen=True)
class StationOutcome:
    """What became of checked stations; `conflicts` are rows whose version came before with other content."""

    accepted: int
    unchanged: int
    conflicts: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Version:
    at: datetime
    id: str
    digest: bytes

    def later_than(self, other: "_Version") -> bool:
        return (self.at, self.id, self.digest) > (other.at, other.id, other.digest)


async def upsert_stations(
    work: Change, platform: str, county: str, checked: Sequence[Checked], keys: Keyring
) -> StationOutcome:
    """Take checked stations of one platform; in the caller's transaction, so at most 1,000 at once.

    The greatest version (time, record id, content) wins whatever the order of arrival; a record without a
    time counts as sent now. A station lies in the community, else the street, its point is in by the current
    boundaries; else in the community it states, where the code table knows it; else in the county.
    """
    stored = await _stored(work.connection, platform, checked)
    winners: dict[str, tuple[Checked, _Version]] = {}
    accepted, conflicts = 0, []
    for one in checked:
        record = _station(one)
        before = winners[record.station_ref][1] if record.station_ref in winners else None
        before = before or stored.get(record.station_ref)
        version = _Version(
            record.updated_at or work.now,
            record.record_id or "",
            keys.blind("lasting", "station.digest", one.digest.hex()),
        )
        if before is not None and (before.at, before.id) == (version.at, version.id):
            conflicts += [one.row] if before.digest != version.digest else []
        if before is None or version.later_than(before):
            accepted += before is None or before.digest != version.digest
            winners[record.station_ref] = one, version
    rows = await _rows(work.connection, platform, county, list(winners.values()))
    await upsert_rows(work.connection, station, rows, key=["platform", "station_ref"], keep=["id"])
    return StationOutcome(accepted, len(checked) - accepted, tuple(conflicts))


async def import_stations(
    hub: Hub,
    actor: Actor,
    rows: Iterable[Row],
    *,
    platform: str,
    county: str,
    frame: Frame | None = None,
    keep_good: bool = False,
) -> ImportReport:
    """Bring in a platform's stations from a table, under the contract of the feed."""
    batch = check(read_headings(rows, _HEADINGS), feed_type="station", frame=frame)
    failures = list(batch.failures)
    if batch.total == 0:
        failures.append(fault(0, "", "file_empty"))
    whole = []
    if not actor.scope.covers(county, platform):
        whole.append(fault(0, "county", "outside_scope"))
    if batch.total > MAX_ROWS:
        whole.append(fault(0, "", "too_many_rows", limit=MAX_ROWS))
    failures = whole or failures
    target = f"stations:{platform}"
    if failures and (whole or not (keep_good and batch.records)):
        async with hub.change(actor, "imports.change", target=target, purpose="refused") as work:
            work.count(total=batch.total, rejected=len(batch.rejects))
        return ImportReport.refused(batch.total, failures)
    async with hub.change(actor, "imports.change", target=target) as work:
        await _require_platform(work.connection, platform)
        for part in in_batches(batch.records):
            await upsert_stations(work, platform, county, part, hub.keys)
        work.count(total=batch.total, accepted=len(batch.records), rejected=len(batch.rejects))
    return ImportReport(
        batch.total, len(batch.records), len(batch.rejects), stored=True, failures=tuple(failures)
    )


async def _require_platform(connection: AsyncConnection, code: str) -> None:
    """Make sure the platform is in the registry; until it is named there, its code is its name."""
    unnamed = [{"code": code, "name": code}]
    await upsert_rows(connection, platform_table, unnamed, key=["code"], keep=["name"])


def _station(checked: Checked) -> Station:
    if not isinstance(checked.record, Station):
        raise TypeError("only station records come here")
    return checked.record


async def _stored(
    connection: AsyncConnection, platform: str, checked: Sequence[Checked]
) -> dict[str, _Version]:
    found: dict[str, _Version] = {}
    for part in in_batches(sorted({_station(one).station_ref for one in checked}), _REFS_A_QUERY):
        query = select(station.c.station_ref, station.c.version_at, station.c.version_id, station.c.digest)
        query = query.where(station.c.platform == platform, station.c.station_ref.in_(part))
        for row in await connection.execute(query):
            found[row.station_ref] = _Version(row.version_at, row.version_id, bytes(row.digest))
    return found


async def _rows(
    connection: AsyncConnection, platform: str, county: str, winners: Sequence[tuple[Checked, _Version]]
) -> list[dict[str, Any]]:
    records = [_station(checked) for checked, _ in winners]
    points = _points(records)
    divisions = await _divisions(connection, county, records, points)
    return [
        {
            "id": new_id(),
            "platform": platform,
            "station_ref": record.station_ref,
            "partner": record.partner,
            "name": record.name or record.station_ref,
            "address": record.address,
            "stated_community": record.community_code,
            "division": division,
            "lng": point[0] if point else None,
            "lat": point[1] if point else None,
            "frame": record.frame if point else None,
            "headcount": record.headcount,
            "active_from": record.active_from,
            "active_to": record.active_to,
            "version_at": version.at,
            "version_id": version.id,
            "digest": version.digest,
            "retracted": record.op == "retract",
        }
        for record, division, point, (_, version) in zip(records, divisions, points, winners, strict=True)
    ]


def _points(records: Sequence[Station]) -> list[tuple[float, float] | None]:
    """Return each record's point in WGS 84, None where it has none."""
    found: list[tuple[float, float] | None] = [None] * len(records)
    sent = [
        (i, one.lng, one.lat, str(one.frame))
        for i, one in enumerate(records)
        if one.lng is not None and one.lat is not None and one.frame is not None
    ]
    if sent:
        rows, lngs, lats, frames = zip(*sent, strict=True)
        lng, lat = read_points(lngs, lats, frames)
        for i, x, y in zip(rows, lng.tolist(), lat.tolist(), strict=True):
            found[i] = (x, y)
    return found


async def _divisions(
    connection: AsyncConnection,
    county: str,
    records: Sequence[Station],
    points: Sequence[tuple[float, float] | None],
) -> list[str]:
    stated = [record.community_code for record in records]
    known = await names(connection, [code for code in stated if code])
    found = [code if code in known and code.startswith(county) else county for code in map(str, stated)]
    at = [i for i, point in enumerate(points) if point is not None]
    lng, lat = np.array([points[i] for i in at], dtype=np.float64).reshape(-1, 2).T
    # The finer level last, so that it has the last word.
    levels: tuple[AreaLevel, ...] = ("street", "community")
    for level in levels:
        areas = await current_or_none(connection, county, level)
        if areas is not None and at:
            codes = areas.index.codes
            for i, row in zip(at, areas.index.locate(lng, lat).tolist(), strict=True):
                if row >= 0:
                    found[i] = str(codes[row])
    return found
