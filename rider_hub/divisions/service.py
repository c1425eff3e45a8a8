"""Use cases: bringing in a code table, and a set of boundaries; all of it or nothing."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Final

import geopandas as gpd
import msgspec
import shapely

from geo.boundaries import check
from rider_hub.access import Actor, Hub
from rider_hub.divisions.boundary_checks import boundary_faults, boundary_notices, summary, with_trimmed_codes
from rider_hub.divisions.codes import CodeRow, check_codes
from rider_hub.divisions.editions import store_edition
from rider_hub.divisions.faults import fault
from rider_hub.divisions.model import AreaLevel, Division, Edition
from rider_hub.divisions.rows import ImportReport, Row, read_headings
from rider_hub.divisions.store import codes_inside, upper_codes
from rider_hub.storage import new_id

__all__ = ["CODE_TABLE", "code_rows", "import_boundaries", "import_divisions"]

CODE_TABLE: Final = {
    "code": ("代码", "区划代码", "统计用区划代码", "行政区划代码"),
    "name": ("名称", "区划名称", "单位名称"),
    "level": ("级别", "层级"),
    "parent": ("上级", "上级代码", "父级代码"),
}


async def import_divisions(
    hub: Hub,
    actor: Actor,
    rows: Iterable[Row],
    *,
    title: str,
    as_of: date,
    region: str | None = None,
) -> ImportReport:
    """Bring in a code table as one edition; any fault refuses it whole.

    `region` is what the table describes whole; where not given it is what the codes have in common.
    """
    async with hub.look(actor, "imports.change", target="codes") as look:
        known = await upper_codes(look.connection)
    checked = await asyncio.to_thread(check_codes, code_rows(rows), known)
    described = checked.region if region is None else region
    failures = checked.failures
    if not failures and not actor.scope.covers(described):
        failures = [fault(0, "code", "outside_scope")]
    if failures:
        report = ImportReport.refused(checked.total, failures)
        await _note_refused(hub, actor, f"codes:{described}", report)
        return report
    edition = Edition(new_id(), "codes", described, "", title, as_of, sketch=False)
    current = await store_edition(
        hub, actor, edition, _division_rows(checked.divisions, edition.id), {"total": checked.total}
    )
    return ImportReport(checked.total, checked.total, 0, stored=True, edition=edition.id, current=current)


async def import_boundaries(
    hub: Hub,
    actor: Actor,
    areas: gpd.GeoDataFrame,
    *,
    region: str,
    level: AreaLevel,
    title: str,
    as_of: date,
    sketch: bool = False,
) -> ImportReport:
    """Bring in the polygons of one level of a region as one edition; see geo.area_reading for files.

    Invalid, empty, repeated or unknown areas refuse it whole. Overlaps, gaps and divisions without a polygon
    are noted in the report and kept with the edition. `sketch` says the borders are drawn, not surveyed.
    """
    async with hub.look(actor, "imports.change", target=f"boundaries:{region}:{level}") as look:
        expected = await codes_inside(look.connection, region, level)
    areas = with_trimmed_codes(areas)
    found = await asyncio.to_thread(check, areas, expected)
    failures = boundary_faults(found, areas)
    if not expected:
        failures = [fault(0, "region", "codes_absent", region=region)]
    if not actor.scope.covers(region):
        failures = [fault(0, "region", "outside_scope")]
    notices = boundary_notices(found)
    if failures:
        report = ImportReport.refused(found.total, failures, notices)
        await _note_refused(hub, actor, f"boundaries:{region}:{level}", report)
        return report
    edition = Edition(new_id(), "boundaries", region, level, title, as_of, sketch=sketch)
    current = await store_edition(hub, actor, edition, _boundary_rows(areas, edition), summary(found))
    return ImportReport(
        found.total, found.total, 0, stored=True, notices=notices, edition=edition.id, current=current
    )


def code_rows(rows: Iterable[Row]) -> Iterator[CodeRow]:
    """Yield the rows of a code table as text, whatever the language of its headings."""
    for number, cells in read_headings(rows, CODE_TABLE):
        yield CodeRow(number, *(_text(cells.get(name)) for name in ("code", "name", "level", "parent")))


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _division_rows(divisions: Iterable[Division], edition_id: str) -> Iterator[dict[str, Any]]:
    return ({"edition_id": edition_id, **msgspec.structs.asdict(one)} for one in divisions)


def _boundary_rows(areas: gpd.GeoDataFrame, edition: Edition) -> Iterator[dict[str, Any]]:
    shapes = shapely.force_2d(areas.geometry.to_numpy())
    for code, name, shape in zip(areas["code"], areas["name"], shapes, strict=True):
        yield {
            "edition_id": edition.id,
            "code": code,
            "name": name,
            "level": edition.level,
            "shape": shapely.to_wkb(shape),
            "vertices": int(shapely.get_num_coordinates(shape)),
        }


async def _note_refused(hub: Hub, actor: Actor, target: str, report: ImportReport) -> None:
    """Leave a row in the trail: someone tried, and nothing was written."""
    async with hub.change(actor, "imports.change", target=target, purpose="refused") as work:
        work.count(total=report.total, rejected=report.rejected)
