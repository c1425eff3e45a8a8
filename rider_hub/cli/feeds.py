"""feed: check a file, take one in, replay what was mended, register senders."""

import sys
from pathlib import Path
from typing import Any

import click

from connectors import sources
from connectors.checker import CheckReport, check_file
from connectors.errors import FeedError
from connectors.problems import feed_error
from connectors.records import RECORD_TYPES, FeedType, Frame, Registration, Request, Station, Tier
from connectors.sources import Manifest
from connectors.transport.files import FileRow, decode_text, read_rows
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.cli.running import as_user, echo_json, run_as, run_with_hub, saying_errors
from rider_hub.intake.checking import check_batch
from rider_hub.intake.files import take_file
from rider_hub.intake.freshness import rhythm_of
from rider_hub.intake.mappings import mapping_toml, save_mapping
from rider_hub.intake.model import Sender
from rider_hub.intake.quarantine import replay
from rider_hub.intake.senders import export_feed_key, new_signing_key, register_sender
from rider_hub.intake.streams import change_streams, topics_of
from rider_hub.riders.indexes import county_key_id
from rider_hub.settings import Settings

__all__ = ["feed"]

#: The end of topics of dead letters, where no cluster is set here.
_SUFFIX = ".dlq"

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FEED_TYPES = ("station", "registration", "request")


@click.group()
def feed() -> None:
    """Check feeds, register senders, take files in, replay quarantined rows."""


@feed.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--type", "feed_type", type=click.Choice(_FEED_TYPES), required=True)
@click.option("--county", help="Also check codes against this county's tables, where a database is set.")
@click.option(
    "--source", type=click.Choice(sources.names()), help="Read the file by this platform's manifest."
)
@click.option(
    "--frame",
    type=click.Choice(["wgs84", "cgcs2000", "gcj02", "bd09"]),
    help="Frame of rows that state none.",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON alone on standard output.")
@takes(rows=tuple(RECORD_TYPES.values()))
def feed_check(
    *,
    file: Path,
    feed_type: FeedType,
    county: str | None,
    source: str | None,
    frame: Frame | None,
    as_json: bool,
) -> None:
    """Check a file against the Rider Feed Standard; exit status 1 where a row, or the file, is refused."""
    try:
        report = _checked(file, feed_type, county, source, frame)
    except FeedError as error:
        report = CheckReport.of_unreadable(error)
    if as_json:
        click.echo(report.to_json())
    else:
        if report.total:
            click.echo(f"共 {report.total} 行：可接收 {report.accepted}，不可接收 {report.rejected}。")
        for fault in report.failures:
            where = f"第 {fault.row} 行 {fault.path}" if fault.row else "文件 file"
            click.echo(f"{where} [{fault.code}] {fault.zh} / {fault.en}")
    if report.failures:
        raise SystemExit(1)


def _checked(
    file: Path, feed_type: FeedType, county: str | None, source: str | None, frame: Frame | None
) -> CheckReport:
    """Check by the contract, and against the county's tables where one and a database are there."""
    if county and _has_database():
        sender = Sender(platform=source or "", county=county, tier="B", manifest=source, frame=frame)
        rows = list(read_rows(file, form=sender.file_form(feed_type)))
        if not rows:
            raise feed_error("rows_missing")
        return run_with_hub(lambda hub: _check_references(hub, rows, feed_type, sender))
    if county:
        click.echo("未核对区划代码（没有数据库）。 Codes were not checked.", err=True)
    return check_file(file, feed_type, frame=frame, mapping=sources.load(source) if source else None)


def _has_database() -> bool:
    settings = saying_errors(Settings.from_env)
    return bool(settings.database_url) or (settings.data_dir / "rider_hub.db").exists()


async def _check_references(
    hub: Hub, rows: list[FileRow], feed_type: FeedType, sender: Sender
) -> CheckReport:
    async with hub.database.read() as connection:
        batch = await check_batch(connection, sender, feed_type, rows, hub.clock.now(), keys=hub.keys)
    total = len(batch.outcomes)
    return CheckReport(total, total - batch.rejected, batch.rejected, batch.failures)


@feed.command("register")
@click.argument("platform")
@click.option("--county", required=True)
@click.option(
    "--source", type=click.Choice(sources.names()), help="Manifest; none: the platform sends the standard."
)
@click.option("--tier", type=click.Choice(["A", "B"]), default="A", show_default=True)
@click.option("--basis", type=click.Choice(["separate_consent", "legal_duty"]), help="Needed for tier B.")
@click.option("--document", help="Number of the agreement.")
@click.option(
    "--frame",
    type=click.Choice(["wgs84", "cgcs2000", "gcj02", "bd09"]),
    help="Frame of rows that state none.",
)
@click.option(
    "--every",
    "every_hours",
    multiple=True,
    metavar="TYPE=HOURS",
    help="How often a feed is expected at least.",
)
@click.option(
    "--leave-share", type=click.FloatRange(0, 1), help="Share of riders a snapshot may let leave unasked."
)
@click.option("--snapshot-files", is_flag=True, help="Registration files of the folder are whole snapshots.")
@click.option("--url", help="Where the hub pulls from.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Folder the hub reads files from."
)
@as_user
@takes()
def feed_register(
    *,
    platform: str,
    county: str,
    source: str | None,
    tier: Tier,
    basis: str | None,
    document: str | None,
    frame: Frame | None,
    url: str | None,
    folder: Path | None,
    every_hours: tuple[str, ...],
    leave_share: float | None,
    snapshot_files: bool,
    username: str,
) -> None:
    """Register a platform's agreement to send; its signing key is printed this once."""
    settings: dict[str, Any] = {
        "url": url,
        "folder": str(folder.absolute()) if folder else None,
        "every_hours": saying_errors(lambda: rhythm_of(every_hours)) or None,
        "leave_share": leave_share,
        "snapshots": ["registration"] if snapshot_files else None,
    }

    async def work(hub: Hub, actor: Actor) -> str:
        return await register_sender(
            hub,
            actor,
            platform=platform,
            county=county,
            manifest=source,
            tier=tier,
            basis=basis,
            basis_document=document,
            frame=frame,
            settings={name: value for name, value in settings.items() if value is not None},
        )

    click.echo(run_as(username, work))


@feed.command("topics")
@click.argument("platform")
@click.argument("topics", nargs=-1, metavar="[TYPE=TOPIC]...")
@as_user
@takes()
def feed_topics(platform: str, topics: tuple[str, ...], username: str) -> None:
    """Set the Kafka topics a platform streams to, such as registration=ding.riders; none ends its streams."""

    async def work(hub: Hub, actor: Actor) -> None:
        suffix = hub.settings.streams.dead_letter_suffix if hub.settings.streams else _SUFFIX
        await change_streams(hub, actor, platform, topics_of(topics, suffix))

    run_as(username, work)
    click.echo("已设置 / set")


@feed.command("new-key")
@click.argument("platform")
@as_user
def feed_new_key(platform: str, username: str) -> None:
    """Give a sender a new signing key, printed this once; the one before stays live until the next change."""

    async def work(hub: Hub, actor: Actor) -> str:
        return await new_signing_key(hub, actor, platform)

    click.echo(run_as(username, work))


@feed.command("county-key")
@click.argument("county")
@as_user
def feed_county_key(county: str, username: str) -> None:
    """Print a county's feed key as hex: what its senders hash identity numbers with; on the record.

    The key's id, which senders put before each hash, goes to standard error.
    """

    async def work(hub: Hub, actor: Actor) -> tuple[str, str]:
        return await export_feed_key(hub, actor, county), county_key_id(hub.keys, county)

    key, key_id = run_as(username, work)
    click.echo(key)
    click.echo(f"密钥编号 / key id: {key_id}", err=True)


@feed.command("push")
@click.argument("file", type=_FILE)
@click.option("--platform", required=True)
@click.option("--type", "feed_type", type=click.Choice(_FEED_TYPES), required=True)
@click.option(
    "--mode",
    type=click.Choice(["changes", "snapshot"]),
    help="changes 增量; snapshot 全量: who is not in it has left. A terminal is asked.",
)
@click.option("--as-of", help="Of when a snapshot is, with an offset: 2026-11-01T02:00:00+08:00.")
@click.option("--scope", help="county (the whole feed, default) or station:REF.")
@click.option("--total", help="Rows of all parts of a snapshot; default: those of the file.")
@click.option("--snapshot", "name", help="The snapshot's name, where it comes in several files.")
@as_user
@takes(rows=(Station, Registration, Request))
def feed_push(
    *, file: Path, platform: str, feed_type: FeedType, username: str, mode: str | None, **said: str | None
) -> None:
    """Take a platform's file in and print the receipt."""
    words = _words_of(feed_type, mode, said)

    async def work(hub: Hub, actor: Actor) -> dict[str, Any]:
        return dict((await take_file(hub, actor, platform, feed_type, file, words=words)).to_json())

    receipt = run_as(username, work)
    echo_json(receipt)
    if receipt["rejected"]:
        raise SystemExit(1)


def _words_of(feed_type: FeedType, mode: str | None, said: dict[str, str | None]) -> dict[str, str]:
    """Return what is said of a file in the names of a push's headers; a person at a terminal is asked."""
    asks = mode is None and feed_type == "registration" and sys.stdin.isatty()
    if asks:
        choice = click.Choice(["changes", "snapshot"])
        mode = click.prompt("增量 changes，还是全量 snapshot（不在文件中的骑手将视为已离开）", type=choice)
    if asks and mode == "snapshot" and not said["as_of"]:
        said["as_of"] = click.prompt("全量截至时间（如 2026-11-01T02:00:00+08:00）")
    names = {"as_of": "rfs-as-of", "scope": "rfs-scope", "total": "rfs-total", "name": "rfs-snapshot"}
    given = {header: text for key, header in names.items() if (text := said[key])}
    return {"rfs-mode": mode or "changes", **given}


@feed.command("mapping-export")
@click.argument("platform")
@click.option("--number", type=click.IntRange(1), help="Which one; default: the one in force.")
@as_user
@takes()
def feed_mapping_export(platform: str, number: int | None, username: str) -> None:
    """Print a platform's mapping as a manifest, as it may stand in connectors/sources."""

    async def work(hub: Hub, actor: Actor) -> str:
        return await mapping_toml(hub, actor, platform, number)

    click.echo(run_as(username, work), nl=False)


@feed.command("mapping-import")
@click.argument("platform")
@click.argument("file", type=_FILE)
@click.option("--note", default="", help="Why, for whoever reads the list of versions.")
@as_user
@takes(Manifest)
def feed_mapping_import(platform: str, file: Path, note: str, username: str) -> None:
    """Save a manifest as a platform's mapping, in force from now on; its number is printed."""
    text = saying_errors(lambda: decode_text(file.read_bytes()))

    async def work(hub: Hub, actor: Actor) -> int:
        return await save_mapping(hub, actor, platform, text, note)

    click.echo(str(run_as(username, work)))


@feed.command("replay")
@click.argument("receipt_id")
@as_user
def feed_replay(receipt_id: str, username: str) -> None:
    """Send the quarantined rows of a receipt the same way again."""

    async def work(hub: Hub, actor: Actor) -> list[dict[str, Any]]:
        return [dict(each.to_json()) for each in await replay(hub, actor, receipt_id=receipt_id)]

    echo_json(run_as(username, work))
