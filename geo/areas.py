"""Points are found in polygons here, exactly; what the polygons stand for is not known here."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.area_arrays import Outlines, gathered, replaced, used
from geo.area_checks import checked_areas, checked_edit, checked_wkb
from geo.area_edit import fits, replace
from geo.area_files import digest_of, load_grid, save_grid, unreadable
from geo.area_grid import Grid, lay_grid
from geo.area_names import Names
from geo.area_points import first_holding, holding
from geo.errors import GeoError
from geo.points import Floats, Rows, checked_list
from geo.slices import in_slices

if TYPE_CHECKING:
    import geopandas as gpd
    import shapely

_MAX_LIMIT_M: Final = 10_000.0


class _State(NamedTuple):
    """What a question needs, taken at once; an edit makes a new one."""

    grid: Grid
    names: Names
    areas: int
    #: The content's name, once it was asked for.
    digest: list[str]

    @property
    def edited(self) -> bool:
        return self.grid.used["polys"] > self.areas

    @property
    def outlines(self) -> Outlines:
        """The polygons in the order of rows."""
        if self.edited:
            return gathered(self.grid.outlines, self.names.ids(self.grid.used["polys"]))
        return used(self.grid.outlines, self.areas)


class Edit(NamedTuple):
    """An edited area: its row, and west, south, east, north of its polygons before and after."""

    row: int
    boxes: Floats


class AreaIndex:
    """An index over areas that answers which of them a point lies in.

    A point on an area's border or vertex lies in it (shapely's ``intersects``). Where several areas hold a
    point, as on shared borders, `locate` gives the one with the smallest code in text order. One index may
    be asked by several threads, also while one of them edits it.
    """

    __slots__ = ("_codes", "_order", "_path", "_state")

    def __init__(self, outlines: Outlines, codes: tuple[str, ...]) -> None:
        order = np.array(sorted(range(len(codes)), key=codes.__getitem__), dtype=np.int64)
        self._set(lay_grid(outlines, len(codes), order), codes, order)

    def _set(
        self,
        grid: Grid,
        codes: tuple[str, ...],
        order: Rows,
        digest: str | None = None,
        path: Path | None = None,
    ) -> None:
        self._codes = codes
        self._order = order
        self._state = _State(grid, Names(len(codes)), len(codes), [digest] if digest else [])
        self._path = path

    @classmethod
    def build(cls, areas: "gpd.GeoDataFrame", code: str = "code") -> Self:
        """Build an index over a frame of areas.

        Parameters
        ----------
        areas : GeoDataFrame
            Valid polygons or multipolygons, EPSG:4326 or EPSG:4490; they may overlap.
        code : str
            Column of unique codes: text, or whole numbers, which become text.

        Raises
        ------
        GeoError
            With the rows and the cure, as listed in `geo.area_checks.checked_areas`.
        """
        return cls(*checked_areas(areas, code))

    @classmethod
    def from_wkb(cls, wkb: Sequence[bytes], codes: Sequence[str]) -> Self:
        """Build an index over polygons in well-known binary (longitude first, degrees of WGS84).

        Several times quicker than `build`: no object is made for each polygon. Slices of `wkb` are asked for
        in their order and not kept, so that a sequence may read each from a file.

        Raises
        ------
        GeoError
            As `build`, and ``areas_wkb`` where bytes are no well-known binary.
        """
        return cls(*checked_wkb(wkb, codes))

    @classmethod
    def load(cls, path: str | Path, *, verify: bool = True) -> Self:
        """Load an index that `save` wrote: its arrays stay in the file and are read as they are needed.

        Parameters
        ----------
        path : str or Path
            The file may be replaced meanwhile, but not written into.
        verify : bool
            Whether the whole file is read once against its checksum; its head always is.

        Raises
        ------
        GeoError
            ``index_unreadable`` where the file is missing, cut, changed or of another kind.
        """
        grid, codes, order, digest = load_grid(Path(path), verify=verify)
        index = cls.__new__(cls)
        index._set(grid, codes, order, digest, Path(path))  # noqa: SLF001 - made here
        return index

    def save(self, path: str | Path) -> None:
        """Write the index to exactly this path, whole or not at all; the same areas give the same bytes."""
        state = self._state
        grid = lay_grid(state.outlines, len(self), self._order) if state.edited else state.grid
        save_grid(Path(path), grid, self._codes, self._order, self._named(state))
        if not self._state.edited:
            self._path = Path(path)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process as the name of the file where there is one, else as the polygons."""
        if self._path is not None:
            return _loaded, (type(self), str(self._path), self.content_hash)
        return type(self), (self._state.outlines, self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def codes(self) -> NDArray[np.str_]:
        """The codes as text in the order of the frame given: ``codes[row]``; mind that -1 means none."""
        return np.array(self._codes, dtype=np.str_)

    @property
    def content_hash(self) -> str:
        """The SHA-256 of polygons and codes, as hexadecimal digits: one name for one content."""
        return self._named(self._state)

    def _named(self, state: _State) -> str:
        if not state.digest:
            state.digest.append(digest_of(state.outlines, self._codes))
        return state.digest[0]

    def locate(self, lng: ArrayLike, lat: ArrayLike) -> Rows:
        """Find the area of each point.

        Parameters
        ----------
        lng, lat : array_like of float64, degrees, WGS84

        Returns
        -------
        ndarray of int64, one a point
            Row of the area in the frame given; on borders and in overlaps that of the smallest code;
            -1 where no area holds the point. Empty in, empty out.

        Raises
        ------
        GeoError
            With the rows that are NaN, infinite or beyond 90 degrees of latitude.
        """
        return self.locate_checked(*checked_list(lng, lat, copy=False))

    def locate_checked(self, x: Floats, y: Floats) -> Rows:
        """Find the area of each point as `locate`, where `geo.points.checked_list` gave the points."""
        state = self._state
        return state.names.rows_of(first_holding(state.grid, x, y))

    def covering(self, lng: ArrayLike, lat: ArrayLike) -> tuple[Rows, Rows]:
        """Find every area of each point, for areas that may overlap.

        Returns
        -------
        tuple of (ndarray of int64, ndarray of int64)
            Pairs (point row, area row), ordered by point row, then by code; points in no area are absent.

        Raises
        ------
        GeoError
            As `locate`.
        """
        state = self._state
        points, ids = holding(state.grid, *checked_list(lng, lat, copy=False))
        return points, state.names.rows_of(ids)

    def border_distance_m(self, lng: ArrayLike, lat: ArrayLike, limit_m: float) -> Floats:
        """Measure the metres from each point to the nearest border of any area, inside or outside it.

        Borders between areas, outer borders and those of holes count alike. Each point is measured in a
        plane of its own that touches the WGS84 ellipsoid there: right within 0.1 % up to some kilometres.

        Returns
        -------
        ndarray of float64, one a point
            inf where no border lies within `limit_m`; a border at exactly `limit_m` counts as within.

        Raises
        ------
        GeoError
            As `locate`, and ``limit_range`` unless 0 <= limit_m <= 10,000.
        """
        from geo.kernels import borders  # noqa: PLC0415 - loads the compiler

        if not 0 <= limit_m <= _MAX_LIMIT_M:
            raise GeoError(
                "limit_range",
                "距离上限须在 0 到 10000 米之间；请改小。",
                "The limit must lie between 0 and 10,000 metres; make it smaller.",
            )
        x, y = checked_list(lng, lat, copy=False)
        metres, grid = np.empty(len(x)), self._state.grid
        arrays = grid.xy, grid.grid, grid.cell_entries, grid.entries
        in_slices(lambda a, b: borders.border_metres(*arrays, x, y, float(limit_m), metres, a, b), len(x))
        return metres

    def edit(self, row: int, shape: "shapely.Polygon | shapely.MultiPolygon") -> Edit:
        """Give an area another polygon; only the cells that the old or the new one touches are made anew.

        Two edits must not run at once. An edit costs what its polygon and the cells about it cost, however
        many areas there are; but an outer border that leaves the grid has all of it laid anew.

        Returns
        -------
        Edit
            What `geo.incremental` needs to name the points concerned.

        Raises
        ------
        GeoError
            As `build`, with the row given; ``area_row`` where there is no such row. Nothing is changed then.
        """
        if not 0 <= row < len(self):
            raise GeoError("area_row", "没有这一行；请核对行号。", "There is no such row; see its number.")
        outline, box = checked_edit(row, shape)
        grid, names, *_ = self._state
        old, new = names.id_of(row), grid.used["polys"]
        boxes = np.array([grid.bounds[old], box])
        if fits(grid, box):
            # Threads that meet the new id while the edit is made must know its row.
            names.note(new, row)
            edited = replace(grid, old, outline, lambda one: self._codes[names.row_of(one)])
            names.settle(new, row)
            self._state = _State(edited, names, len(self), [])
        else:
            changed = replaced(self._state.outlines, row, outline)
            self._set(lay_grid(changed, len(self), self._order), self._codes, self._order)
        self._path = None
        return Edit(row, boxes)


def _loaded(kind: type[AreaIndex], path: str, digest: str) -> AreaIndex:
    """Load an index in another process; what was read there once need not be read whole again."""
    index = kind.load(path, verify=False)
    if index.content_hash != digest:
        raise unreadable(Path(path))
    return index
