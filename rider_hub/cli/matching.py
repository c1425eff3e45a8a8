"""match: match files without a database, or preview, show, approve, apply and roll back runs."""

from typing import Any

import click

from rider_hub.access import Actor, Hub
from rider_hub.assignments import service
from rider_hub.assignments.files_command import match_files_command
from rider_hub.cli.running import as_user, echo_json, run_as

__all__ = ["match"]


@click.group()
def match() -> None:
    """Match riders to areas, organizations and love stations."""


match.add_command(match_files_command, "files")


@match.command("run")
@click.argument("county")
@as_user
def match_run(county: str, username: str) -> None:
    """Preview a match run for a county (6 digits); nothing changes until it is approved and applied."""

    async def work(hub: Hub, actor: Actor) -> dict[str, Any]:
        run_id = await service.preview_run(hub, actor, county)
        return dict(await service.show_run(hub, actor, run_id))

    echo_json(run_as(username, work))


@match.command("show")
@click.argument("run_id")
@as_user
def match_show(run_id: str, username: str) -> None:
    """Show a run: inputs, counts, state."""

    async def work(hub: Hub, actor: Actor) -> dict[str, Any]:
        return dict(await service.show_run(hub, actor, run_id))

    echo_json(run_as(username, work))


@match.command("approve")
@click.argument("run_id")
@as_user
def match_approve(run_id: str, username: str) -> None:
    """Approve a previewed run."""

    async def work(hub: Hub, actor: Actor) -> None:
        await service.approve_run(hub, actor, run_id)

    run_as(username, work)
    click.echo("approved")


@match.command("apply")
@click.argument("run_id")
@as_user
def match_apply(run_id: str, username: str) -> None:
    """Put an approved run in force."""

    async def work(hub: Hub, actor: Actor) -> dict[str, int]:
        return await service.apply_run(hub, actor, run_id)

    echo_json(run_as(username, work))


@match.command("rollback")
@click.argument("run_id")
@as_user
def match_rollback(run_id: str, username: str) -> None:
    """Undo an applied run for the riders it still owns."""

    async def work(hub: Hub, actor: Actor) -> dict[str, Any]:
        return await service.roll_back_run(hub, actor, run_id)

    echo_json(run_as(username, work))
