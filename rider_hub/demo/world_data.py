"""Reads the demo's three data files; generates nothing."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from rider_hub.demo.world_model import Division, Level

DATA = Path(__file__).parent / "data"
FRAME = "EPSG:4326"
LEVELS: dict[int, Level] = {2: "province", 4: "city", 6: "county", 9: "street", 12: "community"}
PARENT_DIGITS = {4: 2, 6: 4, 9: 6, 12: 9}


class UnknownCountyError(ValueError):
    """The county is not one of Beijing's 16 districts, the only ones the demo has data for."""

    def __init__(self, county: str, known: list[str]) -> None:
        self.county = county
        self.known = known
        self.code = "demo_county_unknown"
        self.zh = f"演示数据只含北京市16个区，没有 {county}；可用：{'、'.join(known)}"
        self.en = f"The demo has Beijing's 16 districts only, not {county}; choose one of {', '.join(known)}"
        super().__init__(self.en)


def read_divisions(county: str) -> tuple[Division, ...]:
    """Return the rows above, at and below a county, by code; raise UnknownCountyError where it has none."""
    names = _division_names()
    if len(county) != 6 or county not in names:  # noqa: PLR2004 - a county code has 6 digits
        raise UnknownCountyError(county, [code for code in names if len(code) == 6])  # noqa: PLR2004
    return tuple(
        Division(code, name, LEVELS[len(code)], code[: PARENT_DIGITS[len(code)]] if len(code) > 2 else None)  # noqa: PLR2004
        for code, name in names.items()
        if code.startswith(county) or county.startswith(code)
    )


def read_street_polygons(county: str) -> gpd.GeoDataFrame:
    """Return the county's streets (code, name, geometry) in wgs84, by code, vertices as in the source."""
    content = _read_json("beijing_streets.json.gz")
    units = content["units_per_degree"]
    rows = [row for row in content["streets"] if row["code"].startswith(county)]
    shapes = [shapely.multipolygons([_polygon(part, units) for part in row["parts"]]) for row in rows]
    columns = {"code": [row["code"] for row in rows], "name": [row["name"] for row in rows]}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=FRAME)


def read_restaurants(county: str) -> npt.NDArray[np.float64]:
    """Return the county's restaurant points, (N, 2) lng and lat in wgs84, by street and from west to east."""
    content = _read_json("beijing_restaurants.json.gz")
    units = content["units_per_degree"]
    found = [_points(flat, units) for code, flat in content["points"].items() if code.startswith(county)]
    return np.concatenate(found) if found else np.empty((0, 2))


def _division_names() -> dict[str, str]:
    with gzip.open(DATA / "divisions.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return {row["code"]: row["name"] for row in csv.DictReader(io.StringIO(file.read()))}


def _read_json(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress((DATA / name).read_bytes()))
    return content


def _points(flat: list[int], units: int) -> npt.NDArray[np.float64]:
    """Add up the steps; whole units divided once give the very doubles of the source."""
    whole = np.cumsum(np.asarray(flat, dtype=np.int64).reshape(-1, 2), axis=0)
    return whole / float(units)


def _polygon(rings: list[list[int]], units: int) -> shapely.Polygon:
    shell, *holes = [_points(ring, units) for ring in rings]
    return shapely.Polygon(shell, holes)
