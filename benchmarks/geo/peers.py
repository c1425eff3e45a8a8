"""The peers, each as its documentation would have it; areas by row, stations by row, -1 for none."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.geo.folder import points

__all__ = ["PEERS"]

RADIUS_M = 1500.0
#: Metres for the peers, whose nearest neighbours are planar.
PLANE = "EPSG:32650"
Steps = tuple[Callable[[], Any], Callable[[Any], Any]]


def _first(rows: Any, values: Any, count: int) -> Any:
    """Give the smallest value of each row, -1 where there is none."""
    found = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(found, np.asarray(rows), np.asarray(values))
    found[found == np.iinfo(np.int64).max] = -1
    return found


def _plane(lng: Any, lat: Any) -> Any:
    from pyproj import Transformer  # noqa: PLC0415 - each engine imports its own

    return Transformer.from_crs(4326, PLANE, always_xy=True).transform(lng, lat)


def geopandas_peer(folder: Path) -> Steps:
    """Join with sjoin and sjoin_nearest."""
    riders = points(folder, "riders")
    import geopandas as gpd  # noqa: PLC0415

    def load() -> Any:
        areas = gpd.read_parquet(folder / "areas.parquet")
        stations = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*points(folder, "stations")), crs=4326)
        stations = stations.to_crs(PLANE)
        return areas, stations, areas.sindex, stations.sindex

    def match(loaded: Any) -> Any:
        areas, stations, *_ = loaded
        lng, lat = riders
        people = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lng, lat), crs=4326)
        inside = people.sjoin(areas[["geometry"]], predicate="intersects")
        near = people.to_crs(PLANE).sjoin_nearest(stations, max_distance=RADIUS_M)
        return (
            _first(inside.index, inside["index_right"], len(lng)),
            _first(near.index, near["index_right"], len(lng)),
        )

    return load, match


def dask_geopandas_peer(folder: Path) -> Steps:
    """Join as geopandas does, riders in partitions, over threads."""
    riders = points(folder, "riders")
    import dask  # noqa: PLC0415
    import dask_geopandas as dgpd  # noqa: PLC0415
    import geopandas as gpd  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    load, _ = geopandas_peer(folder)

    def both(riders: Any, areas: Any, stations: Any) -> Any:
        inside = riders.sjoin(areas[["geometry"]], predicate="intersects")["index_right"]
        near = riders.to_crs(PLANE).sjoin_nearest(stations, max_distance=RADIUS_M)["index_right"]
        return pd.concat(
            [inside.groupby(level=0).min(), near.groupby(level=0).min()], axis=1, keys=["area", "station"]
        )

    def match(loaded: Any) -> Any:
        areas, stations, *_ = loaded
        lng, lat = riders
        frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lng, lat), crs=4326)
        people = dgpd.from_geopandas(frame, npartitions=4 * (os.cpu_count() or 1))
        meta = pd.DataFrame({"area": pd.Series(dtype="float64"), "station": pd.Series(dtype="float64")})
        with dask.config.set(scheduler="threads"):
            found = people.map_partitions(both, areas, stations, meta=meta).compute()
        found = found.reindex(range(len(lng))).fillna(-1).astype("int64")
        return found["area"].to_numpy(), found["station"].to_numpy()

    return load, match


def shapely_peer(folder: Path) -> Steps:
    """Ask two STRtrees from as many threads as there are processors."""
    riders = points(folder, "riders")
    import pyarrow.parquet as pq  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    def load() -> Any:
        shapes = shapely.from_wkb(
            pq.read_table(folder / "areas.parquet")["geometry"].to_numpy(zero_copy_only=False)
        )
        trees = shapely.STRtree(shapes), shapely.STRtree(shapely.points(*_plane(*points(folder, "stations"))))
        for tree in trees:
            tree.query(shapely.Point(0, 0))
        return trees

    def match(trees: Any) -> Any:
        areas, stations = trees
        lng, lat = riders
        edges = np.linspace(0, len(lng), 4 * (os.cpu_count() or 1) + 1).astype(int)

        def part(nth: int) -> Any:
            x, y = lng[edges[nth] : edges[nth + 1]], lat[edges[nth] : edges[nth + 1]]
            inside = areas.query(shapely.points(x, y), predicate="intersects")
            near = stations.query_nearest(
                shapely.points(*_plane(x, y)), max_distance=RADIUS_M, all_matches=False
            )
            return _first(*inside, len(x)), _first(*near, len(x))

        with ThreadPoolExecutor() as threads:
            found = list(threads.map(part, range(len(edges) - 1)))
        return tuple(np.concatenate(one) for one in zip(*found, strict=True))

    return load, match


def duckdb_peer(folder: Path) -> Steps:
    """Join with the spatial extension; metres in the plane."""
    riders = points(folder, "riders")
    import duckdb  # noqa: PLC0415
    import duckdb_extension_spatial  # noqa: PLC0415

    database = duckdb.connect()
    (file,) = Path(duckdb_extension_spatial.__file__).parent.rglob("spatial.duckdb_extension")
    database.execute(f"LOAD '{file}'")

    def load() -> Any:
        database.execute(
            "CREATE TABLE areas AS SELECT row_number() OVER () - 1 AS area, geometry FROM read_parquet(?)",
            [str(folder / "areas.parquet")],
        )
        x, y = _plane(*points(folder, "stations"))
        stations = {"station": np.arange(len(x)), "x": x, "y": y}
        import pandas as pd  # noqa: PLC0415

        frame = pd.DataFrame(stations)  # noqa: F841 - named in the query
        database.execute("CREATE TABLE stations AS SELECT station, ST_Point(x, y) AS at FROM frame")
        return None

    def match(_: Any) -> Any:
        import pandas as pd  # noqa: PLC0415

        lng, lat = riders
        x, y = _plane(lng, lat)
        people = pd.DataFrame({"rider": np.arange(len(lng)), "lng": lng, "lat": lat, "x": x, "y": y})  # noqa: F841
        inside = database.execute(
            "SELECT rider, area FROM (SELECT rider, ST_Point(lng, lat) AS at FROM people) r "
            "JOIN areas ON ST_Intersects(r.at, areas.geometry)"
        ).fetchnumpy()
        near = database.execute(
            "SELECT rider, arg_min(station, ST_Distance(r.at, s.at)) AS station "
            "FROM (SELECT rider, ST_Point(x, y) AS at FROM people) r "
            "JOIN stations s ON ST_DWithin(r.at, s.at, 1500.0) GROUP BY rider"
        ).fetchnumpy()
        return (
            _first(inside["rider"], inside["area"], len(lng)),
            _first(near["rider"], near["station"], len(lng)),
        )

    return load, match


PEERS = {
    "geopandas": geopandas_peer,
    "dask-geopandas": dask_geopandas_peer,
    "shapely STRtree": shapely_peer,
    "DuckDB spatial": duckdb_peer,
}
