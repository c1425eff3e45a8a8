"""jobs: list what is scheduled, run one now."""

import click

from jobs.registry import registry
from jobs.running import run_slot
from rider_hub.access import Actor, Hub
from rider_hub.access.policy import require
from rider_hub.cli.running import as_user, run_as

__all__ = ["jobs"]


@click.group()
def jobs() -> None:
    """Scheduled jobs."""


@jobs.command("list")
def jobs_list() -> None:
    """List all jobs and when they are due."""
    for job in registry().values():
        click.echo(f"{job.name:22} {job.due.words:12} {job.title}：{job.purpose}")


@jobs.command("run")
@click.argument("name")
@as_user
def jobs_run(name: str, username: str) -> None:
    """Run a job now, as a slot of its own."""
    found = registry().get(name)
    if found is None:
        raise click.ClickException(f"没有任务 {name}。\nThere is no job {name}: see `rider-hub jobs list`.")

    async def work(hub: Hub, actor: Actor) -> bool:
        require(actor, "jobs.run")
        return await run_slot(hub, found, due_at=hub.clock.now(), started_by=actor.id)

    ran = run_as(username, work)
    click.echo("已运行 / done" if ran else "另一个进程正在运行 / another process runs it")
