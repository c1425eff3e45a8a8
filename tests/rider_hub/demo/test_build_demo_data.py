"""The script that cuts the data files loses nothing of what it keeps."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely

from rider_hub.demo import world_data

SCRIPT = Path(__file__).parents[3] / "scripts" / "build_demo_data.py"
SHELL = [[116.4, 39.9], [116.40123, 39.90001], [116.41, 39.92], [116.4, 39.9]]
HOLE = [[116.402, 39.903], [116.403, 39.904], [116.402, 39.9045], [116.402, 39.903]]
EXCLAVE = [[116.5, 39.5], [116.50001, 39.5], [116.50001, 39.50001], [116.5, 39.5]]
TABLES = {
    "provinces.csv": "code,name\n11,北京市\n12,天津市\n",
    "cities.csv": "code,name,provinceCode\n1101,市辖区,11\n1201,市辖区,12\n",
    "areas.csv": "code,name,cityCode,provinceCode\n110101,东城区,1101,11\n",
    "streets.csv": "code,name,areaCode,provinceCode,cityCode\n110101001,东华门街道,110101,11,1101\n",
    "villages_beijing.csv": "code,name,streetCode\n110101001001,多福巷社区居委会,110101001\n",
    "beijing_restaurants_wgs84.csv": "id,lng_wgs84,lat_wgs84,code9\n"
    "1,116.417711,39.854742,110101001\n2,116.4,39.9,110101001\n3,120,30,\n",
}


def run(source: Path, out: Path) -> None:
    """Run the script as docs/data.md says."""
    subprocess.run([sys.executable, SCRIPT, source, out], check=True, capture_output=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write a source folder with one street of two parts, one of them with a hole."""
    folder = tmp_path / "source"
    (folder / "codes").mkdir(parents=True)
    for name, text in TABLES.items():
        (folder / "codes" / name).write_text(text, encoding="utf-8")
    street = {
        "properties": {"code9": "110101001", "name_nbs": "东华门街道"},
        "geometry": {"type": "MultiPolygon", "coordinates": [[SHELL, HOLE], [EXCLAVE]]},
    }
    (folder / "beijing_streets_343.geojson").write_text(json.dumps({"features": [street]}), encoding="utf-8")
    return folder


def test_what_is_cut_reads_back_as_it_was(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vertices come back to the last bit, points to 1e-5 degree, codes and names as text."""
    run(source, tmp_path / "out")
    monkeypatch.setattr(world_data, "DATA", tmp_path / "out")
    street = world_data.read_street_polygons("110101").geometry.iloc[0]
    expected = shapely.MultiPolygon([(SHELL, [HOLE]), (EXCLAVE, [])])
    assert shapely.equals_identical(street, expected)
    assert np.array_equal(world_data.read_restaurants("110101"), [[116.4, 39.9], [116.41771, 39.85474]])
    codes = [row.code for row in world_data.read_divisions("110101")]
    assert codes == ["11", "1101", "110101", "110101001", "110101001001"]


def test_the_same_sources_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    """Cutting twice gives equal files: no time of day gets in."""
    run(source, tmp_path / "one")
    run(source, tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["beijing_restaurants.json.gz", "beijing_streets.json.gz", "divisions.csv.gz"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
