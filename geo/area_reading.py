"""Files of areas become one frame of code, name and WGS84 polygon here; the checks name what is faulty."""

from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS

from geo.area_checks import code_texts, is_lng_lat
from geo.area_sources import area_source, unreadable
from geo.datum import FRAMES, convert
from geo.errors import GeoError
from geo.points import MAX_LAT

_WGS84: Final = 4326
# Swapped axes stay below this and are named by the checks; what exceeds it is metres.
_NO_DEGREE: Final = 360.0
_IN_WGS84: Final = ("wgs84", "cgcs2000")


def read_areas(path: str | Path, frame: str, *, code: str = "code", name: str = "name") -> gpd.GeoDataFrame:
    """Read a file of areas whose frame is stated.

    GeoJSON (UTF-8 or GB18030), Shapefile (plain or zipped) and GeoPackage are read. A projected file on
    the WGS 84 or CGCS2000 datum is brought back to degrees; vertices in gcj02 or bd09 are converted one by
    one, so shared borders stay shared. Nothing is repaired: missing, invalid or repeated areas are kept
    for `geo.boundaries.check` and `AreaIndex.build` to name.

    Parameters
    ----------
    path : str or Path
    frame : {"wgs84", "cgcs2000", "gcj02", "bd09"}
        What the coordinates are, whatever the file's own CRS says of gcj02 and bd09.
    code, name : str
        Columns of the file; a file without the name column gets empty names.

    Returns
    -------
    GeoDataFrame
        Columns code (text, "" where missing), name (text), geometry; EPSG:4326; the file's order.

    Raises
    ------
    GeoError
        ``frame_unknown``, ``areas_unreadable``, ``areas_empty``, ``areas_code_column``, ``areas_datum``,
        or ``areas_not_degrees``, each with the cure.
    """
    if frame not in FRAMES:
        raise GeoError(
            "frame_unknown",
            f"不认识的坐标系；请写明 {'、'.join(FRAMES)} 之一。",
            f"Unknown coordinate frame; state one of {', '.join(FRAMES)}.",
        )
    file = Path(path)
    table = _table(file)
    if not isinstance(table, gpd.GeoDataFrame) or table.empty:
        raise GeoError(
            "areas_empty",
            f"文件 {file.name} 没有任何面；请换用有内容的边界文件。",
            f"File {file.name} holds no area; give a boundary file that does.",
        )
    codes = code_texts(table, code)
    names = table[name].map(_name_text) if name in table.columns else pd.Series("", index=table.index)
    shapes = gpd.GeoSeries(_in_wgs84(_in_degrees(table.geometry, frame, file), frame), crs=_WGS84)
    return gpd.GeoDataFrame({"code": list(codes), "name": names.tolist()}, geometry=shapes, crs=_WGS84)


def _table(file: Path) -> pd.DataFrame:
    """Read the first layer, in GB18030 where a Shapefile is not in the encoding it should be."""
    source = area_source(file)
    try:
        if _states_no_encoding(source):
            try:
                return pyogrio.read_dataframe(source, encoding="UTF-8")
            except UnicodeDecodeError:
                return pyogrio.read_dataframe(source, encoding="GB18030")
        return pyogrio.read_dataframe(source)
    except (
        DataSourceError,
        DataLayerError,
        OSError,
        ValueError,
        RuntimeError,
        shapely.GEOSException,
    ) as fault:
        raise unreadable(file) from fault


def _states_no_encoding(source: Path | bytes | str) -> bool:
    """Tell a Shapefile without a usable .cpg, for which GDAL falls back to Latin-1."""
    about = pyogrio.read_info(source)
    return bool(about["driver"] == "ESRI Shapefile" and about["encoding"] == "ISO-8859-1")


def _name_text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _in_degrees(shapes: gpd.GeoSeries, frame: str, file: Path) -> gpd.GeoSeries:
    """Bring projected coordinates back to degrees; a file without a CRS is taken to be in degrees."""
    crs: CRS | None = shapes.crs
    if crs is not None and not is_lng_lat(crs):
        if frame not in _IN_WGS84 or not is_lng_lat(crs.geodetic_crs):
            raise GeoError(
                "areas_datum",
                f"文件 {file.name} 的坐标参考不在 WGS 84 或 CGCS2000 上；请先转换到 EPSG:4490 再导入。",
                f"The CRS of {file.name} is not on WGS 84 or CGCS2000; convert it to EPSG:4490 first.",
            )
        shapes = shapes.to_crs(crs.geodetic_crs)
    bounds = shapes.total_bounds
    if np.isfinite(bounds).all() and np.abs(bounds).max() > _NO_DEGREE:
        raise GeoError(
            "areas_not_degrees",
            f"文件 {file.name} 的坐标不是度；请补上坐标参考（.prj）或导出为经纬度。",
            f"Coordinates of {file.name} are not degrees; add its CRS (.prj) or export degrees.",
        )
    return shapes


def _in_wgs84(shapes: gpd.GeoSeries, frame: str) -> list[object]:
    """Give the geometries with each sound vertex converted; unsound ones stay for the checks to name."""
    flat = shapely.force_2d(np.asarray(shapes.array, dtype=object))
    if frame in _IN_WGS84:
        return list(flat)
    vertices = shapely.get_coordinates(flat)
    sound = np.isfinite(vertices).all(axis=1) & (np.abs(vertices[:, 1]) <= MAX_LAT)
    vertices[sound] = np.column_stack(convert(vertices[sound, 0], vertices[sound, 1], frame, "wgs84"))
    return list(shapely.set_coordinates(flat, vertices))
