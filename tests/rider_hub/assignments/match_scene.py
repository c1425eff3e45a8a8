"""Files to match and what came of them; only tests use them."""

import csv
import json
from pathlib import Path

import shapely

from rider_hub.assignments.files import MatchFilesReport, match_files
from tests.geo.shapes import DATA

STREETS = DATA / "streets_sample.geojson"
HEADER = ["rider_ref", "area_code", "area_status"]
LOVE = ["love_station_1", "metres_1", "love_station_2", "metres_2", "love_station_3", "metres_3"]
# Two squares side by side, about 853 m by 1110 m each.
SQUARES = {"b": shapely.box(116.40, 39.90, 116.41, 39.91), "a": shapely.box(116.41, 39.90, 116.42, 39.91)}


def areas_file(folder: Path) -> Path:
    """Write the two squares as GeoJSON."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": code},
            "geometry": shapely.geometry.mapping(shape),
        }
        for code, shape in SQUARES.items()
    ]
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def csv_file(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    """Write a file of text."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def run(folder: Path, riders: str | Path, **options: object) -> tuple[MatchFilesReport, list[list[str]]]:
    """Match riders (text of a CSV, or its path) with the squares; give the report and the rows written."""
    path = riders if isinstance(riders, Path) else csv_file(folder, "riders.csv", riders)
    report = match_files(
        path, options.pop("areas", None) or areas_file(folder), out=folder / "o.csv", **options
    )
    return report, rows_of(folder / "o.csv")


def rows_of(path: Path) -> list[list[str]]:
    """Read a CSV file whole."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def refused(folder: Path) -> list[tuple[str, str, str]]:
    """Read row, path and code of the refused rows."""
    rows = rows_of(folder / "o.rejects.csv")
    assert rows[0] == ["row", "path", "code", "zh", "en"]
    assert all(zh and en for *_, zh, en in rows[1:])
    return [(row[0], row[1], row[2]) for row in rows[1:]]
