"""A frame of areas is checked here before an index is built on it; nothing is repaired here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.area_arrays import Outlines, Shapes, outlines_of, outlines_of_wkb, shapes_of, used
from geo.datum import in_china_box
from geo.errors import GeoError
from geo.points import MAX_LAT, Floats, Rows, refuse_rows
from geo.slices import in_slices

if TYPE_CHECKING:
    import geopandas as gpd
    from pyproj import CRS

_POLYGON, _MULTIPOLYGON = 3, 6
# WGS 84 and CGCS2000 in degrees.
_GEOGRAPHIC_EPSG = (4326, 4490)
_WORTH = 512


def checked_areas(areas: "gpd.GeoDataFrame", code: str) -> tuple[Outlines, tuple[str, ...]]:
    """Give the polygons (two-dimensional) and the codes of a sound frame of areas, in its order.

    Parameters
    ----------
    areas : GeoDataFrame
        Polygons or multipolygons, EPSG:4326 or EPSG:4490 (x = longitude).
    code : str
        Column of codes: text, or whole numbers, which become text.

    Returns
    -------
    tuple of (Outlines, tuple of str)

    Raises
    ------
    GeoError
        ``areas_not_frame``, ``areas_empty``, ``areas_crs``, ``areas_code_column`` for the frame as a whole;
        ``areas_code_missing``, ``areas_code_duplicate``, ``areas_shape_missing``, ``areas_shape_kind``,
        ``areas_not_finite``, ``areas_swapped``, ``areas_latitude``, ``areas_invalid`` with the rows.
    """
    import geopandas as gpd  # noqa: PLC0415 - a look-up in a kept index needs none of it

    if not isinstance(areas, gpd.GeoDataFrame) or areas.active_geometry_name is None:
        raise GeoError(
            "areas_not_frame",
            "需要带几何列的 GeoDataFrame；请用 read_areas 读取边界文件。",
            "A GeoDataFrame with a geometry column is needed; read the boundary file with read_areas.",
        )
    if areas.empty:
        raise _no_area()
    _check_crs(areas.crs)
    codes = checked_codes(areas, code)
    return _checked_shapes(np.asarray(areas.geometry.array, dtype=object)), codes


def checked_wkb(wkb: Sequence[bytes], codes: Sequence[str]) -> tuple[Outlines, tuple[str, ...]]:
    """Give the outlines and codes of polygons in well-known binary, as `checked_areas`.

    Raises
    ------
    GeoError
        ``areas_wkb``, ``areas_lengths``, and as `checked_areas`.
    """
    if len(wkb) != len(codes):
        raise GeoError(
            "areas_lengths",
            "边界与代码的个数不同；请一一对应。",
            "Boundaries and codes differ in number; give one of each for every area.",
        )
    if not len(wkb):
        raise _no_area()
    texts = tuple(_text(code) for code in codes)
    _check_codes(texts)
    outlines = outlines_of_wkb(wkb)
    if outlines is None:
        # Something is missing, or written in another way; shapely knows them all.
        try:
            shapes = shapely.from_wkb(np.array([*wkb], dtype=object))
        except (shapely.GEOSException, TypeError) as fault:
            raise GeoError(
                "areas_wkb",
                "边界不是有效的 WKB；请重新导出。",
                "A boundary is no well-known binary; export it again.",
            ) from fault
        return _checked_shapes(np.asarray(shapes, dtype=object)), texts
    _check_outlines(outlines, len(wkb))
    return outlines, texts


def checked_edit(row: int, shape: object) -> tuple[Outlines, Floats]:
    """Give the outline and bounds of one polygon that is to replace that of a row.

    Raises
    ------
    GeoError
        As `checked_areas`, with that row.
    """
    try:
        outlines = _checked_shapes(np.array([shape], dtype=object))
    except GeoError as fault:
        raise fault.at((row,)) from fault
    outlines = used(outlines, 1)
    return outlines, np.concatenate([outlines.xy.min(axis=0), outlines.xy.max(axis=0)])


def is_lng_lat(crs: "CRS | None") -> bool:
    """Tell whether a coordinate system is WGS 84 or CGCS2000 in degrees, whatever its axis order."""
    return crs is not None and any(crs.equals(epsg, ignore_axis_order=True) for epsg in _GEOGRAPHIC_EPSG)


def checked_codes(areas: "gpd.GeoDataFrame", code: str) -> tuple[str, ...]:
    """Give the codes as text, refusing missing and repeated ones.

    Raises
    ------
    GeoError
        ``areas_code_column``, ``areas_code_missing`` or ``areas_code_duplicate``, as in `checked_areas`.
    """
    codes = code_texts(areas, code)
    _check_codes(codes)
    return codes


def _check_codes(codes: tuple[str, ...]) -> None:
    refuse_rows(
        np.array([not text for text in codes], dtype=bool),
        "areas_code_missing",
        "代码为空，或不是文字与整数；请补上代码。",
        "A code is empty, or neither text nor a whole number; fill it in.",
    )
    if len(set(codes)) == len(codes):
        return
    _, at, counts = np.unique(np.array(codes), return_inverse=True, return_counts=True)
    refuse_rows(
        counts[at] > 1,
        "areas_code_duplicate",
        "代码重复；每个代码只保留一行，多块合为一个多面。",
        "A code stands in several rows; keep one row a code, its pieces joined as a multipolygon.",
    )


def code_texts(areas: "gpd.GeoDataFrame", code: str) -> tuple[str, ...]:
    """Give the codes as text, "" where one is missing.

    Raises
    ------
    GeoError
        ``areas_code_column`` where the frame has no such column.
    """
    if code not in areas.columns:
        raise GeoError(
            "areas_code_column",
            f"缺少代码列 {code}；请改列名或另指代码列。",
            f"The column of codes, {code}, is missing; rename the column or name another one.",
        )
    return tuple(_text(value) for value in areas[code].tolist())


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return str(int(value))
    # A column of whole numbers with one gap is read as floats; the numbers are still whole.
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ""


def _check_crs(crs: "CRS | None") -> None:
    if not is_lng_lat(crs):
        raise GeoError(
            "areas_crs",
            "坐标参考须为 EPSG:4326 或 EPSG:4490（经纬度）；请用 to_crs(4326)，或用 read_areas 写明坐标系。",
            "The CRS must be EPSG:4326 or EPSG:4490 in degrees; use to_crs(4326), or read_areas and a frame.",
        )


def _no_area() -> GeoError:
    return GeoError(
        "areas_empty",
        "边界数据没有任何面；请换用有内容的文件。",
        "There is no area at all; give a file that holds some.",
    )


def _checked_shapes(shapes: Shapes) -> Outlines:
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    refuse_rows(
        missing,
        "areas_shape_missing",
        "没有几何或几何为空；请补上边界或去掉该行。",
        "A row has no geometry or an empty one; give its boundary or leave the row out.",
    )
    refuse_rows(
        ~np.isin(shapely.get_type_id(shapes), (_POLYGON, _MULTIPOLYGON)),
        "areas_shape_kind",
        "几何不是面；请转换为面或多面。",
        "A geometry is no polygon; turn it into a polygon or multipolygon.",
    )
    outlines = outlines_of(shapes)
    _check_outlines(outlines, len(shapes))
    return outlines


def _check_outlines(outlines: Outlines, count: int) -> None:
    sound = used(outlines, count)
    # Ends of polygons by their last vertex, so that only a faulty frame pays for naming its rows.
    finite = np.isfinite(sound.xy).all(axis=1)
    if not finite.all():
        unsound = np.zeros(count, dtype=bool)
        ends = sound.rings[sound.polys[:, 1] - 1, 1]
        unsound[np.searchsorted(ends, np.flatnonzero(~finite), side="right")] = True
        refuse_rows(
            unsound,
            "areas_not_finite",
            "边界顶点为空或无穷大；请重新导出该边界。",
            "A vertex is NaN or infinite; export that boundary again.",
        )
    first = sound.rings[sound.polys[:, 0], 0]
    low, high = np.minimum.reduceat(sound.xy, first), np.maximum.reduceat(sound.xy, first)
    _check_axes(np.hstack([low, high]))
    _check_valid(outlines, count)


def _check_valid(outlines: Outlines, count: int) -> None:
    """Let shapely judge the polygons that are not plainly simple rings."""
    from geo.kernels import simple as kernels  # noqa: PLC0415 - loads the compiler

    sure = np.empty(count, dtype=np.uint8)
    in_slices(lambda a, b: kernels.simple(*outlines, sure, a, b), count, worth=_WORTH)
    unsure: Rows = np.flatnonzero(sure == 0)
    shapes = shapes_of(outlines, unsure) if len(unsure) else np.empty(0, dtype=object)
    bad = ~shapely.is_valid(shapes)
    if bad.any():
        invalid = np.zeros(count, dtype=bool)
        invalid[unsure[bad]] = True
        reason = shapely.is_valid_reason(shapes[bad][0]).split("[")[0].strip()
        refuse_rows(
            invalid,
            "areas_invalid",
            f"边界无效（首个原因：{reason}）；请在制图软件中修复后再用。",
            f"A boundary is invalid (first reason: {reason}); repair it in a GIS before use.",
        )


def _check_axes(bounds: Floats) -> None:
    """Refuse latitudes beyond 90 degrees, and frames that lie in China only when read the other way round."""
    west, south, east, north = bounds.T
    beyond = (south < -MAX_LAT) | (north > MAX_LAT)
    swapped = in_china_box(south, west) & in_china_box(north, east)
    given = in_china_box(west, south) & in_china_box(east, north)
    if swapped.all() and not given.any():
        refuse_rows(
            swapped,
            "areas_swapped",
            "经度与纬度写反了；请按经度在前、纬度在后导出。",
            "Longitude and latitude are swapped; export with longitude first.",
        )
    refuse_rows(
        beyond,
        "areas_latitude",
        "纬度超出 ±90 度；请检查坐标是否为米制，或经纬度写反。",
        "A latitude lies outside ±90 degrees; see whether it is in metres, or swapped with the longitude.",
    )
