"""Puts a boundary report into faults, notices and figures; measures nothing itself."""

from collections.abc import Mapping
from typing import Any, Final

import geopandas as gpd

from geo.boundaries import BoundaryReport
from rider_hub.divisions.codes import code_fault, trimmed
from rider_hub.divisions.faults import fault
from rider_hub.errors import Failure

__all__ = ["boundary_faults", "boundary_notices", "summary", "with_trimmed_codes"]

#: Overlaps, gaps and missing divisions listed; the counts are whole.
_LISTED: Final = 200


def with_trimmed_codes(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the areas with 12-digit codes cut to the level they mean; malformed ones stay to be named."""
    codes = [str(code).strip() for code in areas["code"]]
    return areas.assign(code=[code if code_fault(code) else trimmed(code) for code in codes])


def boundary_faults(report: BoundaryReport, areas: gpd.GeoDataFrame) -> list[Failure]:
    """Return what refuses a set of boundaries, by row from 1."""
    if report.total == 0:
        return [fault(0, "", "file_empty")]
    codes = list(areas["code"])
    faults = [fault(row + 1, "code", "field_required") for row in report.uncoded]
    faults += [fault(row + 1, "geometry", "polygon_missing") for row in report.empty]
    faults += [fault(one.row + 1, "geometry", "polygon_invalid", reason=one.reason) for one in report.invalid]
    unexpected, repeated = set(report.unexpected), set(report.duplicates)
    for row, code in enumerate(codes, 1):
        if code in unexpected:
            faults.append(fault(row, "code", code_fault(code) or "division_unknown"))
        if code in repeated and codes.index(code) != row - 1:
            faults.append(fault(row, "code", "polygon_duplicate"))
    return sorted(faults, key=lambda one: one.row)


def boundary_notices(report: BoundaryReport) -> tuple[Failure, ...]:
    """Return what is to be looked at and refuses nothing."""
    found = [fault(0, "code", "polygon_absent", code=code) for code in report.missing]
    found += [
        fault(0, "geometry", "polygon_overlap", code=one.code, other=one.other, m2=one.m2)
        for one in report.overlaps
    ]
    found += [fault(0, "geometry", "polygon_gap", m2=one.m2) for one in report.gaps]
    return tuple(found[:_LISTED])


def summary(report: BoundaryReport) -> Mapping[str, Any]:
    """Return the report as plain figures, to be kept with the edition and printed by the check."""
    return {
        "total": report.total,
        "usable": report.usable,
        "uncoded": [row + 1 for row in report.uncoded],
        "empty": [row + 1 for row in report.empty],
        "duplicates": list(report.duplicates),
        "invalid": [{"row": one.row + 1, "code": one.code, "reason": one.reason} for one in report.invalid],
        "missing": list(report.missing),
        "unexpected": list(report.unexpected),
        "overlaps": [
            {"code": one.code, "other": one.other, "m2": round(one.m2, 1)} for one in report.overlaps
        ],
        "gaps": [
            {"m2": round(one.m2, 1), "lng": round(one.lng, 6), "lat": round(one.lat, 6)}
            for one in report.gaps
        ],
    }
