"""simulate: be a platform by every transport, with made-up riders and faults to order."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import msgspec

from connectors import sources
from connectors.records import FeedType, Registration, Station
from connectors.simulator import (
    Faults,
    Form,
    PlatformServer,
    Target,
    drop_files,
    history,
    parts,
    push_parts,
    source_rows,
)
from connectors.simulator.streaming import Stream, stream_parts
from connectors.sources import Manifest
from connectors.transport.kafka.cluster import Cluster
from connectors.transport.push_client import Retry, ndjson
from geo.datum import FRAMES
from rider_hub.access.inputs import takes
from rider_hub.cli.running import saying_errors
from rider_hub.cli.simulated_world import FEED_TYPES, Made, faults_of, made_up
from rider_hub.intake.senders import signing_key_bytes
from rider_hub.intake.streams import topics_of
from rider_hub.settings_kafka import StreamSettings

__all__ = ["simulate"]

_F = TypeVar("_F", bound=Callable[..., Any])
_ROWS_A_PART = 1000
#: A push is tried again for so long: half a minute between tries at most.
_TRIES = 120

_SOURCE = click.Choice(sources.names())
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)

_WORLD = (
    click.option("--county", default="110101", show_default=True, help="County the riders are in."),
    click.option(
        "--communities",
        type=_FILE,
        help="CSV of code,street,lng,lat (WGS 84) of real communities; without it, codes are made up"
        " from the county's and rows have no points.",
    ),
    click.option("--stations", default=5, show_default=True, help="How many stations there are."),
    click.option("--riders", default=100, show_default=True, help="How many riders there are."),
    click.option("--tier", type=click.Choice(["A", "B"]), default="A", show_default=True),
    click.option("--day", default=None, help="Rows lie in the 30 days before this date; by default today."),
    click.option("--seed", default=1, show_default=True, help="The same seed and day give the same rows."),
    click.option("--frame", type=click.Choice(FRAMES), help="Frame the rows state; by default the source's."),
)
_FAULTS = (
    click.option("--corrected-every", default=0, help="Send a correction of every n-th record."),
    click.option("--retracted-every", default=0, help="Retract every n-th record again."),
    click.option("--late-every", default=0, help="Send every n-th record after all others."),
    click.option("--shuffled", is_flag=True, help="Send records out of order."),
    click.option("--skew-s", default=0, help="Be a platform whose clock is so many seconds ahead."),
    click.option("--duplicate-every", default=0, help="Send every n-th row twice."),
    click.option("--bad-every", default=0, help="Give every n-th row an unreadable updated_at."),
    click.option("--renamed-every", default=0, help="Send updated_at of every n-th row under another name."),
    click.option("--unknown-every", default=0, help="Give every n-th row a column nobody agreed on."),
    click.option("--forbidden-every", default=0, help="Give every n-th row a forbidden field."),
    click.option(
        "--actual-frame",
        type=click.Choice(FRAMES),
        help="Wrong frame: points are in this one, whatever rows say.",
    ),
)
_SIZE = click.option("--part", "size", default=_ROWS_A_PART, show_default=True, help="Rows a push or file.")
_TYPE = click.option("--type", "feed_type", type=click.Choice(FEED_TYPES), default="registration")


def _with(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    def added(command: _F) -> _F:
        for option in reversed(options):
            command = option(command)
        return command

    return added


@click.group()
def simulate() -> None:
    """Be a platform: its riders are made up from a seed, its faults are yours to order.

    `rows` prints what it would send, `push`, `kafka`, `pull` and `files` deliver it. Every command takes the
    same options on riders and faults; 0 is never, n is every n-th. Nobody in these rows exists.
    """


@simulate.command("rows")
@click.option("--source", type=_SOURCE, help="Speak as this platform; without it, the standard.")
@_TYPE
@_with(*_WORLD, *_FAULTS)
@takes(rows=(Station, Registration))
def simulate_rows(*, source: str | None, feed_type: FeedType, **given: Any) -> None:
    """Print rows as NDJSON: a sample to look at, to check with `feed check`, or to push by hand."""

    def work() -> bytes:
        manifest = sources.load(source) if source else None
        return ndjson(_rows(manifest, feed_type, made_up(manifest, given), faults_of(given)))

    sys.stdout.buffer.write(saying_errors(work))
    sys.stdout.buffer.flush()


@simulate.command("push")
@click.argument("url")
@click.option("--platform", required=True, help="The name you are registered under.")
@click.option(
    "--key-file", type=_FILE, required=True, help="File with the signing key as `feed register` printed it."
)
@click.option("--source", type=_SOURCE, help="Speak as this platform; without it, the standard.")
@click.option(
    "--name", default="sim", show_default=True, help="Begins the key of each push: again = a retry."
)
@click.option("--sm3", is_flag=True, help="Sign by HMAC-SM3 instead of HMAC-SHA256.")
@click.option("--cut-every", default=0, help="Break every n-th push off half-way once, then send it.")
@_SIZE
@_with(*_WORLD, *_FAULTS)
@takes(rows=(Station, Registration))
def simulate_push(
    *,
    url: str,
    platform: str,
    key_file: Path,
    source: str | None,
    name: str,
    sm3: bool,
    size: int,
    **given: Any,
) -> None:
    """Push stations, then riders, to a hub's address; prints one receipt a line.

    A push without an answer, or with 429 or 5xx, is sent again under the same key until it is answered.
    """
    key = saying_errors(lambda: signing_key_bytes(key_file.read_text("ascii").strip()))

    async def work() -> None:
        manifest = sources.load(source) if source else None
        made, faults = made_up(manifest, given), faults_of(given)
        target = Target(
            url=url,
            platform=platform,
            key=key,
            name=name,
            alg="sm3" if sm3 else "sha256",
            retry=Retry(attempts=_TRIES),
        )
        for feed_type in FEED_TYPES:
            rows = _rows(manifest, feed_type, made, faults)
            async for receipt in push_parts(target, feed_type, parts(rows, size), faults):
                click.echo(json.dumps(receipt, ensure_ascii=False))

    saying_errors(lambda: asyncio.run(work()))


@simulate.command("kafka")
@click.argument("brokers")
@click.option("--platform", required=True, help="The name you are registered under.")
@click.option("--topic", "named", multiple=True, metavar="TYPE=TOPIC", help="By default <platform>.<type>.")
@click.option("--source", type=_SOURCE, help="Speak as this platform; without it, the standard.")
@click.option("--cut-every", default=0, help="Hear no answer to every n-th part, and send it again.")
@_SIZE
@_with(*_WORLD, *_FAULTS)
@takes(rows=(Station, Registration))
def simulate_kafka(
    *, brokers: str, platform: str, named: tuple[str, ...], source: str | None, size: int, **given: Any
) -> None:
    """Stream stations, then riders, to topics that are there; prints one line a part.

    BROKERS is host:port, several with commas. One row is one message, its key is the station's or the
    rider's reference.
    """

    async def work() -> None:
        manifest = sources.load(source) if source else None
        made, faults = made_up(manifest, given), faults_of(given)
        topics = topics_of(named, StreamSettings.dead_letter_suffix)
        target = Stream(cluster=Cluster(tuple(brokers.split(","))), platform=platform, topics=topics)
        for feed_type in FEED_TYPES:
            rows = parts(_rows(manifest, feed_type, made, faults), size)
            async for sent in stream_parts(target, feed_type, rows, manifest=manifest, faults=faults):
                click.echo(json.dumps(sent))

    saying_errors(lambda: asyncio.run(work()))


@simulate.command("pull")
@click.argument("source", type=_SOURCE)
@click.option("--port", default=0, help="Port of loopback to listen on; by default a free one.")
@click.option("--token", envvar="SIMULATE_TOKEN", help="Refuse requests without this bearer token.")
@click.option("--outage", multiple=True, type=int, help="Statuses to answer first, such as 503 or 429.")
@click.option("--cut-every", default=0, help="Break every n-th answer off in its middle.")
@_with(*_WORLD, *_FAULTS)
@takes(rows=(Station, Registration))
def simulate_pull(*, source: str, port: int, token: str | None, **given: Any) -> None:
    """Be a platform that is pulled: prints its address and serves pages until interrupted."""

    async def serve() -> None:
        manifest = sources.load(source)
        made, faults = made_up(manifest, given), faults_of(given)
        # What is late and out of order the server itself decides; it sorts what it has.
        records = {one: history(one, made.records(one), _without_order(faults)) for one in FEED_TYPES}
        async with PlatformServer(manifest, records, faults=faults, token=token, port=port) as server:
            click.echo(server.url)
            await asyncio.Event().wait()

    saying_errors(lambda: asyncio.run(serve()))


@simulate.command("files")
@click.argument("source", type=_SOURCE)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--form", type=click.Choice(["csv", "xlsx", "ndjson"]), default="csv", show_default=True)
@click.option("--torn-every", default=0, help="Let every n-th file stand half written for a while.")
@click.option("--pause-s", default=1.0, show_default=True, help="For how many seconds.")
@_SIZE
@_with(*_WORLD, *_FAULTS)
@takes(rows=(Station, Registration))
def simulate_files(*, source: str, folder: Path, form: str, pause_s: float, size: int, **given: Any) -> None:
    """Leave files in a folder, such as one the hub watches; prints their names."""

    def work() -> Sequence[Path]:
        manifest = sources.load(source)
        made, faults = made_up(manifest, given), faults_of(given)
        return [
            path
            for feed_type in FEED_TYPES
            for path in drop_files(
                folder,
                manifest,
                feed_type,
                parts(_rows(manifest, feed_type, made, faults), size),
                form=cast("Form", form),
                faults=faults,
                pause_s=pause_s,
            )
        ]

    for path in saying_errors(work):
        click.echo(path)


def _rows(manifest: Manifest | None, feed_type: FeedType, made: Made, faults: Faults) -> list[dict[str, Any]]:
    return source_rows(manifest, feed_type, history(feed_type, made.records(feed_type), faults), faults)


def _without_order(faults: Faults) -> Faults:
    return msgspec.structs.replace(faults, late_every=0, shuffled=False)
