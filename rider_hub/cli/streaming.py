"""stream: read what platforms stream by Kafka, and try again what was refused of it."""

import asyncio
import signal
import sys
from typing import Any

import click

from connectors.records import Registration, Request, Station
from connectors.transport.kafka.places import ClusterError
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.access.opening import open_hub
from rider_hub.cli.running import as_user, echo_json, run_as, saying_errors
from rider_hub.errors import HubError, SettingsError
from rider_hub.intake.stream_process import PROCESS, read_streams
from rider_hub.intake.stream_replay import replay_stream
from rider_hub.logs import configure
from rider_hub.settings import Settings
from rider_hub.settings_kafka import StreamSettings

__all__ = ["stream"]


@click.group(invoke_without_command=True)
@click.pass_context
@takes(rows=(Station, Registration, Request))
def stream(context: click.Context) -> None:
    """Read all streams until told to stop; several such processes share the work. It opens no port."""
    if context.invoked_subcommand is None:
        configure(json=not sys.stderr.isatty())
        saying_errors(lambda: asyncio.run(_read()))


async def _read() -> None:
    settings = Settings.from_env()
    streams = _streams(settings)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with open_hub(settings, name=PROCESS) as hub:
        click.echo("正在读取数据流 / reading streams", err=True)
        await read_streams(hub, streams, stop)


@stream.command("replay")
@click.option("--platform", required=True)
@as_user
@takes(rows=(Station, Registration, Request))
def stream_replay(platform: str, username: str) -> None:
    """Try again what was refused of a platform's streams: from quarantine, else from the topic itself."""

    async def work(hub: Hub, actor: Actor) -> dict[str, Any]:
        try:
            return (await replay_stream(hub, actor, _streams(hub.settings).cluster, platform)).to_json()
        except ClusterError as error:
            raise _unreachable() from error

    done = run_as(username, work)
    echo_json(done)
    if done["rejected"] or done["gone"]:
        raise SystemExit(1)


def _streams(settings: Settings) -> StreamSettings:
    if settings.streams is None:
        raise SettingsError("没有设置 RIDER_HUB_KAFKA_BROKERS。", "RIDER_HUB_KAFKA_BROKERS is not set.")
    return settings.streams


def _unreachable() -> HubError:
    return HubError(
        "连不上 Kafka。请检查 RIDER_HUB_KAFKA_* 的设置和网络。",
        "Kafka can't be reached: check RIDER_HUB_KAFKA_* and the network.",
        code="kafka_unreachable",
    )
