"""What every command shares: an open hub, the acting user, errors as sentences and an exit status."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import click

from connectors.batch import Failure
from connectors.errors import FeedError
from geo.errors import GeoError
from rider_hub.access import Actor, Hub
from rider_hub.access.opening import open_hub
from rider_hub.access.users import operator
from rider_hub.errors import HubError
from rider_hub.settings import Settings

__all__ = ["as_user", "echo_json", "run_as", "run_with_hub", "saying_errors"]

T = TypeVar("T")

as_user = click.option(
    "--as", "username", required=True, metavar="USER", help="Who acts; the audit trail records it."
)


def run_as(username: str, work: Callable[[Hub, Actor], Awaitable[T]]) -> T:
    """Run a use case as a user, on the hub the settings describe."""

    async def with_actor(hub: Hub) -> T:
        return await work(hub, await operator(hub, username))

    return run_with_hub(with_actor)


def run_with_hub(work: Callable[[Hub], Awaitable[T]]) -> T:
    """Run something on the hub the settings describe; errors the hub means become sentences and exit 1."""

    async def opened() -> T:
        async with open_hub(Settings.from_env()) as hub:
            return await work(hub)

    return saying_errors(lambda: asyncio.run(opened()))


def saying_errors(work: Callable[[], T]) -> T:
    """Call something; an error that was raised on purpose is told in Chinese and English, without a trace."""
    try:
        return work()
    except (HubError, FeedError, GeoError) as error:
        lines = [f"{error.zh}", f"{error.en}", *_rows(getattr(error, "errors", ()))]
        raise click.ClickException("\n".join(lines)) from error


def echo_json(value: Any) -> None:
    """Print a value as JSON alone on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def _rows(errors: Sequence[Failure]) -> list[str]:
    return [f"  {fault.row or ''} {fault.path} [{fault.code}] {fault.zh} / {fault.en}" for fault in errors]
