"""Cut the demo's data files from the public sources that docs/data.md names; no rule of the hub lives here.

Usage: python scripts/build_demo_data.py SOURCE_FOLDER [OUT_FOLDER]

SOURCE_FOLDER holds
- beijing_streets_343.geojson: the 343 street polygons, joined, with code9 and name_nbs;
- provinces.csv, cities.csv, areas.csv, streets.csv, villages_beijing.csv: the division codes;
- beijing_restaurants_wgs84.csv: the restaurant points with wgs84 coordinates and street code.
They may lie in sub-folders. The same sources give the same bytes: no time is written into the archives.
"""

import csv
import gzip
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

UNITS_PER_DEGREE = 100_000  # the street polygons' own resolution is 1e-5 degree, so nothing of them is lost
BEIJING = "11"
Point = tuple[int, int]


def main(arguments: list[str]) -> int:
    """Write the three files and print their sizes."""
    source = Path(arguments[0])
    out = Path(arguments[1]) if len(arguments) > 1 else Path("rider_hub/demo/data")
    out.mkdir(parents=True, exist_ok=True)
    write(out / "beijing_streets.json.gz", streets(find(source, "beijing_streets_343.geojson")))
    write(out / "beijing_restaurants.json.gz", restaurants(find(source, "beijing_restaurants_wgs84.csv")))
    write(out / "divisions.csv.gz", divisions(source))
    return 0


def find(source: Path, name: str) -> Path:
    """Return the one file of that name below the source folder."""
    found = sorted(source.rglob(name))
    if len(found) != 1:
        sys.exit(f"{name}: expected once below {source}, found {len(found)} times")
    return found[0]


def write(path: Path, text: str) -> None:
    """Compress the text without a time stamp."""
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    print(f"{path.name}: {path.stat().st_size} bytes")


def streets(path: Path) -> str:
    """Return the polygons as rings of whole units, each point as the step from the one before."""
    rows = []
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        shape = feature["geometry"]
        parts = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
        rings = [[steps([to_units(*point[:2]) for point in ring]) for ring in part] for part in parts]
        properties = feature["properties"]
        rows.append({"code": properties["code9"], "name": properties["name_nbs"], "parts": rings})
    rows.sort(key=lambda row: str(row["code"]))
    return dump({"frame": "wgs84", "units_per_degree": UNITS_PER_DEGREE, "streets": rows})


def restaurants(path: Path) -> str:
    """Return the points of each street, from west to east, in the same steps; ids and names are left out."""
    points: dict[str, list[Point]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["code9"]:
                points.setdefault(row["code9"], []).append(
                    to_units(float(row["lng_wgs84"]), float(row["lat_wgs84"])),
                )
    rows = {code: steps(sorted(points[code])) for code in sorted(points)}
    return dump({"frame": "wgs84", "units_per_degree": UNITS_PER_DEGREE, "points": rows})


def divisions(source: Path) -> str:
    """Return code,name of every province and of Beijing's cities, counties, streets and communities."""
    rows: list[tuple[str, str]] = []
    for name in ("provinces.csv", "cities.csv", "areas.csv", "streets.csv", "villages_beijing.csv"):
        with find(source, name).open(encoding="utf-8", newline="") as file:
            rows += [
                (row["code"], row["name"])
                for row in csv.DictReader(file)
                if name == "provinces.csv" or row["code"].startswith(BEIJING)
            ]
    rows.sort()
    return "code,name\n" + "".join(f"{code},{name}\n" for code, name in rows)


def to_units(lng: float, lat: float) -> Point:
    """Return a position in whole units."""
    return round(lng * UNITS_PER_DEGREE), round(lat * UNITS_PER_DEGREE)


def steps(points: list[Point]) -> list[int]:
    """Return x, y of the first point, then of each step to the next."""
    flat = list(points[0])
    for before, after in pairwise(points):
        flat += [after[0] - before[0], after[1] - before[1]]
    return flat


def dump(value: dict[str, Any]) -> str:
    """Return JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
