"""Points become WGS84 by the frame stated here, and frames are tested by the rows' words; none is guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from geo.area_reading import read_areas
from geo.areas import AreaIndex
from geo.datum import FRAMES, convert
from geo.errors import GeoError
from geo.points import MAX_LAT, Floats, Rows, as_degrees, checked_list, refuse_rows

__all__ = ["READINGS", "FrameEvidence", "frame_evidence", "read_areas", "read_points"]

_SWAPPED: Final = "_swapped"
# cgcs2000 reads as wgs84 does. The first of equally good readings is the one suggested.
READINGS: Final = ("wgs84", "gcj02", "bd09", "wgs84_swapped", "gcj02_swapped", "bd09_swapped")


@dataclass(frozen=True, slots=True)
class FrameEvidence:
    """How often the rows' own area and their point agree, for each way of reading the points.

    Attributes
    ----------
    rows : int
        Rows that state an area the index knows; only these are counted.
    agreeing : mapping of str to int
        For each of `READINGS`, the rows whose point then lies in the area stated.
    suggested : str or None
        The reading with most agreement, the first in `READINGS` among equals; None where nothing agrees.
    """

    rows: int
    agreeing: Mapping[str, int]
    suggested: str | None

    def share(self, reading: str) -> float:
        """Give the share of counted rows that agree under a reading; 0.0 where no row counts."""
        return self.agreeing[reading] / self.rows if self.rows else 0.0


def read_points(lng: ArrayLike, lat: ArrayLike, frame: str | Sequence[str]) -> tuple[Floats, Floats]:
    """Read points as the frame stated, one for all or one a row, and give them in WGS84.

    Parameters
    ----------
    lng, lat : array_like of float64, degrees
    frame : str or sequence of str
        One of `geo.datum.FRAMES`, or as many as there are points.

    Returns
    -------
    tuple of ndarray of float64, degrees, WGS84
        Row for row; empty in, empty out.

    Raises
    ------
    GeoError
        ``frame_unknown`` with the rows whose frame is another word, ``frame_lengths``, and as
        `geo.datum.convert` for bad points.
    """
    x, y = checked_list(lng, lat)
    if isinstance(frame, str):
        return convert(x, y, frame, "wgs84")
    frames = np.asarray(frame, dtype=np.str_)
    if frames.shape != x.shape:
        raise GeoError(
            "frame_lengths",
            "坐标系与点的个数不同；请每行写明一个。",
            "Frames and points differ in length; state one frame a row.",
        )
    refuse_rows(
        ~np.isin(frames, FRAMES),
        "frame_unknown",
        f"不认识的坐标系；请写明 {'、'.join(FRAMES)} 之一。",
        f"Unknown coordinate frame; state one of {', '.join(FRAMES)}.",
    )
    for name in FRAMES:
        rows = frames == name
        x[rows], y[rows] = convert(x[rows], y[rows], name, "wgs84")
    return x, y


def frame_evidence(
    lng: ArrayLike, lat: ArrayLike, stated_area_code: Sequence[str | None], index: AreaIndex
) -> FrameEvidence:
    """Count how well points and the areas their rows state agree, for each frame and with swapped axes.

    The areas must be small enough to tell the frames apart: streets do, counties do not (the frames lie
    some 500 m apart).

    Parameters
    ----------
    lng, lat : array_like of float64
        As sent, in an unproved frame; latitudes beyond 90 count as disagreeing, not as an error.
    stated_area_code : sequence of str or None, one a point
        Codes of `index`; None, "" and codes the index does not know are left out of the count.
    index : AreaIndex
        Areas in WGS84.

    Raises
    ------
    GeoError
        ``stated_lengths`` where codes and points differ in number, ``point_not_finite`` with rows.
    """
    x, y = as_degrees(lng, lat)
    if x.ndim != 1 or len(stated_area_code) != len(x):
        raise GeoError(
            "stated_lengths",
            "自述的区划与点的个数不同；请一一对应，没有的写 None。",
            "Stated areas and points differ in length; give one each, None where a row states nothing.",
        )
    row_of = {code: row for row, code in enumerate(index.codes.tolist())}
    stated = np.array([row_of.get(code or "", -1) for code in stated_area_code], dtype=np.int64)
    counted = stated >= 0
    x, y, stated = x[counted], y[counted], stated[counted]
    agreeing = {reading: _agreeing(x, y, stated, reading, index) for reading in READINGS}
    best = max(READINGS, key=lambda reading: agreeing[reading])
    return FrameEvidence(len(stated), MappingProxyType(agreeing), best if agreeing[best] else None)


def _agreeing(x: Floats, y: Floats, stated: Rows, reading: str, index: AreaIndex) -> int:
    frame = reading.removesuffix(_SWAPPED)
    lng, lat = (y, x) if frame != reading else (x, y)
    possible = np.abs(lat) <= MAX_LAT
    lng, lat, stated = lng[possible], lat[possible], stated[possible]
    # Areas may overlap: agreeing with any of them is agreeing.
    points, areas = index.covering(*convert(lng, lat, frame, "wgs84"))
    return int(np.count_nonzero(areas == stated[points]))
