"""The command `match files` stands here: it reads options, calls the match and says how it ended."""

import sys
from pathlib import Path

import click

from geo.datum import FRAMES
from geo.errors import GeoError
from rider_hub.access.inputs import takes
from rider_hub.assignments.files import MatchFilesReport, match_files
from rider_hub.errors import HubError

__all__ = ["match_files_command"]

_POINT: dict[str, tuple[str, ...]] = {"lng": (), "lat": (), "frame": ()}
_RIDER = {"rider_ref": (), "station_ref": (), **_POINT}
_STATION = {"station_ref": (), **_POINT}
_LOVE_STATION = {"code": (), "opening_hours": (), **_POINT}
_AREA: dict[str, tuple[str, ...]] = {"code": (), "name": ()}

_FILE = click.Path(path_type=Path)
# Distances are metres; 1500 and 15 are the defaults of parameters/matching.toml.
_RADIUS_M, _BORDER_M = 1500.0, 15.0
_UNUSABLE = 2


@click.command("files")
@click.option("--riders", type=_FILE, required=True, help="CSV: rider_ref,lng,lat,frame[,station_ref]")
@click.option("--areas", type=_FILE, required=True, help="GeoJSON, Shapefile or GeoPackage: code,name")
@click.option("--areas-frame", type=click.Choice(FRAMES), default="wgs84", show_default=True)
@click.option("--stations", type=_FILE, help="CSV: station_ref,lng,lat,frame; for riders without a point")
@click.option("--love-stations", type=_FILE, help="CSV: code,lng,lat,frame[,opening_hours]")
@click.option("--radius-m", type=click.FloatRange(min=0), default=_RADIUS_M, show_default=True)
@click.option("--border-m", type=click.FloatRange(0, 10_000), default=_BORDER_M, show_default=True)
@click.option("--out", type=_FILE, required=True, help="CSV; refused rows go to the .rejects.csv beside it")
@takes(rows=(_RIDER, _AREA, _STATION, _LOVE_STATION))
def match_files_command(
    *,
    riders: Path,
    areas: Path,
    areas_frame: str,
    stations: Path | None,
    love_stations: Path | None,
    radius_m: float,
    border_m: float,
    out: Path,
) -> None:
    """Match a file of riders with areas and love stations; no database is needed.

    Exit status: 0 when every row was read, 1 when some were refused, 2 when nothing was written.
    """
    try:
        report = match_files(
            riders,
            areas,
            areas_frame=areas_frame,
            stations=stations,
            love_stations=love_stations,
            radius_m=radius_m,
            border_m=border_m,
            out=out,
        )
    except (HubError, GeoError) as fault:
        click.echo(f"{fault.code}: {fault.zh} / {fault.en}", err=True)
        sys.exit(_UNUSABLE)
    click.echo(_summary(report), err=True)
    sys.exit(1 if report.failures else 0)


def _summary(report: MatchFilesReport) -> str:
    return (
        f"{report.total} 行 rows: 匹配 matched {report.matched} (片区内 inside {report.inside}, "
        f"边界附近 border {report.border}, 片区外 outside {report.outside}; "
        f"附近有驿站 near a love station {report.near_love_station}), 退回 refused {report.rejected}, "
        f"问题 faults {len(report.failures)} → {report.out}, {report.rejects}"
    )
