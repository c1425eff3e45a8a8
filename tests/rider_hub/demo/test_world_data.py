"""The data files hold what docs/data.md says, and are read as they were cut."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely

from rider_hub.demo import world_data
from rider_hub.demo.world_data import DATA, UnknownCountyError

COUNTIES = [
    "110101", "110102", "110105", "110106", "110107", "110108", "110109", "110111",
    "110112", "110113", "110114", "110115", "110116", "110117", "110118", "110119",
]  # fmt: skip
WITHOUT_POLYGON = {"110115403", "110115404", "110115405", "110115406", "110116400", "110118400"}


def test_the_files_stay_small() -> None:
    """All data files together take less than 1.5 MB."""
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 1_500_000


def test_every_data_file_is_attributed() -> None:
    """docs/data.md names each data file."""
    text = (Path(world_data.__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in text for path in DATA.iterdir())


def test_dongcheng_has_its_real_codes() -> None:
    """Dongcheng has 17 streets and 169 communities, each below its own parent."""
    rows = world_data.read_divisions("110101")
    assert Counter(row.level for row in rows) == {
        "province": 1,
        "city": 1,
        "county": 1,
        "street": 17,
        "community": 169,
    }
    codes = {row.code for row in rows}
    assert all(row.parent in codes for row in rows if row.level != "province")
    assert next(row.name for row in rows if row.code == "110101006") == "东四街道"


def test_every_street_of_beijing_has_a_polygon_but_six_zones() -> None:
    """343 streets have a valid polygon; the six development zones that have none are known."""
    streets = world_data.read_street_polygons("11")
    coded = {
        row.code for county in COUNTIES for row in world_data.read_divisions(county) if row.level == "street"
    }
    assert len(streets) == 343
    assert streets.is_valid.all()
    assert streets["code"].is_monotonic_increasing
    assert coded - set(streets["code"]) == WITHOUT_POLYGON


def test_neighbouring_streets_still_share_their_vertices() -> None:
    """Dongcheng's streets overlap and gape by less than a thousandth of their area."""
    shapes = world_data.read_street_polygons("110101").geometry.to_numpy()
    joined = shapely.union_all(shapes)
    assert shapely.area(shapes).sum() == pytest.approx(joined.area, rel=1e-3)
    assert joined.geom_type == "Polygon"


def test_restaurants_lie_in_their_county() -> None:
    """Each of Dongcheng's 4,837 restaurant points lies in one of its streets, but for rounding."""
    points = world_data.read_restaurants("110101")
    county = shapely.union_all(world_data.read_street_polygons("110101").geometry.to_numpy())
    assert points.shape == (4837, 2)
    assert shapely.dwithin(shapely.points(points), county, 1.5e-5).all()
    assert np.array_equal(points, np.round(points, 5))


def test_a_county_without_restaurants_gives_no_points() -> None:
    """Yanqing has no restaurant points, and that is no error."""
    assert world_data.read_restaurants("110119").shape == (0, 2)


@pytest.mark.parametrize("county", ["310101", "1101", "110101001", "", "東城"])
def test_a_county_without_data_is_refused_in_two_languages(county: str) -> None:
    """A county outside Beijing, or a code of another length, is refused with the counties that would do."""
    with pytest.raises(UnknownCountyError) as caught:
        world_data.read_divisions(county)
    assert caught.value.code == "demo_county_unknown"
    assert "110101" in caught.value.zh
    assert "110101" in caught.value.en
    assert caught.value.known == COUNTIES
