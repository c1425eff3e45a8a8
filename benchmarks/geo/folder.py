"""A scene lies in a folder as every engine can read it: GeoParquet of areas, Parquet of points."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from benchmarks.geo.scene import SIZES, Floats, make_scene

__all__ = ["points", "write_scene"]


def write_scene(name: str, folder: Path) -> None:
    """Write the scene of a size."""
    scene = make_scene(SIZES[name])
    areas = gpd.GeoDataFrame({"code": scene.codes}, geometry=shapely.polygons(scene.rings), crs=4326)
    areas.to_parquet(folder / "areas.parquet", geometry_encoding="WKB")
    for what, (lng, lat) in {"riders": scene.riders, "stations": scene.stations}.items():
        pd.DataFrame({"lng": lng, "lat": lat}).to_parquet(folder / f"{what}.parquet")
        np.save(folder / f"{what}.npy", np.vstack([lng, lat]))


def points(folder: Path, what: str) -> tuple[Floats, Floats]:
    """Read longitudes and latitudes."""
    lng, lat = np.load(folder / f"{what}.npy")
    return lng, lat
