"""import and boundaries: tables and boundary files come into the hub, with a report row by row."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from connectors.errors import FeedError
from connectors.records import Station
from connectors.transport.files import FileRow, read_rows
from geo.area_reading import read_areas
from geo.boundaries import check
from geo.datum import FRAMES
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.cli.import_report import plain, say, tell
from rider_hub.cli.running import as_user, echo_json, run_as, saying_errors
from rider_hub.clock import local_date
from rider_hub.divisions import changes, overlays
from rider_hub.divisions import service as divisions_service
from rider_hub.divisions.boundary_checks import (
    boundary_faults,
    boundary_notices,
    summary,
    with_trimmed_codes,
)
from rider_hub.divisions.changes import CODE_CHANGE
from rider_hub.divisions.faults import fault
from rider_hub.divisions.overlays import PARK
from rider_hub.divisions.rows import ImportReport
from rider_hub.divisions.service import CODE_TABLE
from rider_hub.errors import Failure, Invalid
from rider_hub.lovestations import service as lovestations_service
from rider_hub.lovestations.entries import LOVE_STATION
from rider_hub.organizations import service as organizations_service
from rider_hub.organizations.entries import INSTRUCTOR, ORGANIZATION, PLATFORM

__all__ = ["boundaries", "importing"]

_T = TypeVar("_T", bound=Callable[..., Any])
_COUNTY_DIGITS = 6

#: What is read of a boundary file beside its shapes; the columns may be named otherwise.
_AREA: dict[str, tuple[str, ...]] = {"code": (), "name": ()}

_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_json = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON alone.")
_keep_good = click.option("--keep-good", is_flag=True, help="Take the good rows even where others are bad.")
_frame = click.option("--frame", type=click.Choice(FRAMES), required=True, help="Frame of the coordinates.")
_row_frame = click.option("--frame", type=click.Choice(FRAMES), help="Frame of points whose row names none.")
_columns = (
    click.option("--code-column", default="code", show_default=True, help="Column of the codes."),
    click.option("--name-column", default="name", show_default=True, help="Column of the names."),
)


def _both_columns(command: _T) -> _T:
    for option in _columns:
        command = option(command)
    return command


@click.group("import")
def importing() -> None:
    """Import codes, boundaries, organizations, stations and love stations: whole or not at all."""


@importing.command("divisions")
@_file
@click.option("--title", required=True, help="Name of the edition.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Date of the edition.")
@click.option("--region", help="Code of the division the table describes whole; found where not given.")
@as_user
@_json
@takes(rows=(CODE_TABLE,))
def import_divisions(  # noqa: PLR0917 - click passes options by name
    file: Path, title: str, as_of: datetime, region: str | None, username: str, as_json: bool
) -> None:
    """Import a code table: code,name[,level][,parent]."""

    async def work(hub: Hub, actor: Actor) -> ImportReport:
        return await divisions_service.import_divisions(
            hub, actor, _rows(file), title=title, as_of=as_of.date(), region=region
        )

    tell(run_as(username, _reading(work)), as_json=as_json)


@importing.command("boundaries")
@_file
@click.option("--level", type=click.Choice(["street", "community"]), required=True)
@_frame
@click.option("--region", required=True, help="Code of the division whose inside the file covers.")
@click.option("--title", help="Name of the edition; the file's name where not given.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Date of the edition; today if not given.")
@click.option("--sketch", is_flag=True, help="The borders are drawn, not surveyed (示意边界).")
@_both_columns
@as_user
@_json
@takes(rows=(_AREA,))
def import_boundaries(  # noqa: PLR0917 - click passes options by name
    file: Path,
    level: Any,
    frame: str,
    region: str,
    title: str | None,
    as_of: datetime | None,
    sketch: bool,
    code_column: str,
    name_column: str,
    username: str,
    as_json: bool,
) -> None:
    """Import the polygons of streets or communities: GeoJSON, Shapefile (zip too) or GeoPackage."""

    async def work(hub: Hub, actor: Actor) -> ImportReport:
        return await divisions_service.import_boundaries(
            hub,
            actor,
            read_areas(file, frame, code=code_column, name=name_column),
            region=region,
            level=level,
            title=title or file.stem,
            as_of=as_of.date() if as_of else _today(hub),
            sketch=sketch,
        )

    tell(run_as(username, work), as_json=as_json)


@importing.command("organizations")
@_file
@_keep_good
@as_user
@_json
@takes(rows=(ORGANIZATION,))
def import_organizations(file: Path, keep_good: bool, username: str, as_json: bool) -> None:
    """Import party organizations and what they cover."""

    async def work(hub: Hub, actor: Actor) -> ImportReport:
        return await organizations_service.import_organizations(hub, actor, _rows(file), keep_good=keep_good)

    tell(run_as(username, _reading(work)), as_json=as_json)


@importing.command("platforms")
@_file
@_keep_good
@as_user
@_json
@takes(rows=(PLATFORM,))
def import_platforms(file: Path, keep_good: bool, username: str, as_json: bool) -> None:
    """Import platforms: code,name."""

    async def work(hub: Hub, actor: Actor) -> ImportReport:
        return await organizations_service.add_platforms(hub, actor, _rows(file), keep_good=keep_good)

    tell(run_as(username, _reading(work)), as_json=as_json)


@importing.command("instructors")
@_file
@_keep_good
@as_user
@_json
@takes(rows=(INSTRUCTOR,))
def import_instructors(file: Path, keep_good: bool, username: str, as_json: bool) -> None:
    """Import instructors' posts: code,title,division; never persons."""

    async def work(hub: Hub, actor: Actor) -> ImportReport:
        return await organizations_service.import_instructors(hub, actor, _rows(file), keep_good=keep_good)

    tell(run_as(username, _reading(work)), as_json=as_json)


@importing.command("parks")
@_file
@as_user
@_json
@takes(rows=(PARK,))
def import_parks(file: Path, username: str, as_json: bool) -> None:
    """Import parks, the sets of divisions a scope may name: code,name,division, a row a division."""

    async def work(hub: Hub, actor: Actor) -> ImportReport:
        return await overlays.import_parks(hub, actor, _rows(file))

    tell(run_as(username, _reading(work)), as_json=as_json)


@importing.command("code-changes")
@_file
@click.option(
    "--as-of", "as_of", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Day the new codes begin."
)
@as_user
@_json
@takes(rows=(CODE_CHANGE,))
def import_code_changes(file: Path, as_of: datetime, username: str, as_json: bool) -> None:
    """Import what became of division codes: from_code,to_code, a row a pair; scopes follow it."""

    async def work(hub: Hub, actor: Actor) -> ImportReport:
        return await changes.import_code_changes(hub, actor, _rows(file), as_of=as_of.date())

    tell(run_as(username, _reading(work)), as_json=as_json)


@importing.command("stations")
@_file
@click.option("--platform", required=True, help="Code of the platform whose stations they are.")
@click.option("--county", help="Code of their county (6 digits); the user's own where not given.")
@_row_frame
@_keep_good
@as_user
@_json
@takes(rows=(Station,))
def import_stations(  # noqa: PLR0917 - click passes options by name
    file: Path,
    platform: str,
    county: str | None,
    frame: Any,
    keep_good: bool,
    username: str,
    as_json: bool,
) -> None:
    """Import a platform's delivery stations, under the contract of the feed."""

    async def work(hub: Hub, actor: Actor) -> ImportReport:
        return await organizations_service.import_stations(
            hub,
            actor,
            _rows(file),
            platform=platform,
            county=county or _own_county(actor),
            frame=frame,
            keep_good=keep_good,
        )

    tell(run_as(username, _reading(work)), as_json=as_json)


@importing.command("love-stations")
@_file
@_row_frame
@_keep_good
@as_user
@_json
@takes(rows=(LOVE_STATION,))
def import_love_stations(
    file: Path, frame: str | None, keep_good: bool, username: str, as_json: bool
) -> None:
    """Import love stations with services and opening hours."""

    async def work(hub: Hub, actor: Actor) -> ImportReport:
        return await lovestations_service.import_love_stations(
            hub, actor, _rows(file), frame=frame, keep_good=keep_good
        )

    tell(run_as(username, _reading(work)), as_json=as_json)


@click.group()
def boundaries() -> None:
    """Check boundary files."""


@boundaries.command("check")
@_file
@_frame
@click.option(
    "--expect-codes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A table with a column of the codes that should be there.",
)
@_both_columns
@_json
@takes(rows=(_AREA, CODE_TABLE))
def boundaries_check(  # noqa: PLR0917 - click passes options by name
    file: Path, frame: str, expect_codes: Path | None, code_column: str, name_column: str, as_json: bool
) -> None:
    """Report invalid, overlapping and missing polygons; needs no database. Exit status 1 on any of them."""

    def work() -> tuple[dict[str, Any], list[Failure]]:
        areas = with_trimmed_codes(read_areas(file, frame, code=code_column, name=name_column))
        expected = None
        if expect_codes is not None:
            expected = {row.code for row in divisions_service.code_rows(_rows(expect_codes))}
        found = check(areas, expected)
        return dict(summary(found)), [*boundary_faults(found, areas), *boundary_notices(found)]

    report, faults = saying_errors(work)
    if as_json:
        echo_json(report | {"failures": [plain(one) for one in faults]})
    else:
        click.echo(
            f"共 {report['total']} 个面，{len(faults)} 处问题 / {report['total']} areas, {len(faults)} faults"
        )
        say(faults)
    if faults:
        raise SystemExit(1)


def _rows(file: Path) -> list[FileRow]:
    return list(read_rows(file))


def _reading(
    work: Callable[[Hub, Actor], Awaitable[ImportReport]],
) -> Callable[[Hub, Actor], Awaitable[ImportReport]]:
    """Make an unreadable file a report too: the file as a whole is at fault."""

    async def read(hub: Hub, actor: Actor) -> ImportReport:
        try:
            return await work(hub, actor)
        except FeedError as error:
            whole = Failure(row=0, path="", code=error.code, zh=error.zh, en=error.en)
            return ImportReport.refused(0, [whole])

    return read


def _own_county(actor: Actor) -> str:
    """Return the one county the actor works for; raises Invalid where it must be named."""
    counties = {code[:_COUNTY_DIGITS] for code in actor.scope.divisions if len(code) >= _COUNTY_DIGITS}
    if len(counties) != 1:
        zh, en = "请用 --county 写明区县代码。", "Name the county with --county."
        raise Invalid(zh, en, errors=[fault(0, "county", "field_required")])
    return counties.pop()


def _today(hub: Hub) -> date:
    return local_date(hub.clock.now())
