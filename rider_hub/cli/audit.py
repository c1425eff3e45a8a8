"""audit: verify the chain of the trail, and write parts of it for auditors."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from rider_hub.access import Actor, Hub
from rider_hub.access.heads import read_heads
from rider_hub.access.inputs import takes
from rider_hub.access.opening import open_hub
from rider_hub.access.trail_export import export_trail
from rider_hub.access.verify import Report, verify
from rider_hub.cli.running import as_user, echo_json, run_as, saying_errors
from rider_hub.clock import SHANGHAI
from rider_hub.settings import Settings

__all__ = ["audit"]

_DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@click.group()
def audit() -> None:
    """Verify and export the audit trail."""


@audit.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON alone.")
@click.pass_context
def audit_verify(context: click.Context, *, as_json: bool) -> None:
    """Walk every row and seal and the head file; exit status 1 where anything is wrong."""
    report = saying_errors(lambda: asyncio.run(_verify(Settings.from_env())))
    if as_json:
        echo_json(asdict(report))
    else:
        for one in report.findings:
            click.echo(f"[{one.code}] {one.zh} / {one.en}")
        click.echo(
            f"{report.rows} rows, {report.seals} seals, {report.heads} heads, {report.unsealed} not yet "
            f"sealed, pruned through seal {report.pruned_through}: {report.faults} findings."
        )
    context.exit(1 if report.faults else 0)


async def _verify(settings: Settings) -> Report:
    async with open_hub(settings, seals=False) as hub:
        # Before the snapshot: a head written meanwhile would seem to be of seals that are missing.
        heads = await asyncio.to_thread(read_heads, settings.audit_heads)
        async with hub.database.read(snapshot=True) as connection:
            return await verify(connection, hub.keys, heads)


@audit.command("export")
@click.option("--from", "start", required=True, type=click.DateTime(_DATES), help="Beijing time, included.")
@click.option("--to", "end", required=True, type=click.DateTime(_DATES), help="Beijing time, not included.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A file that is not there yet.")
@as_user
@takes()
def audit_export(start: datetime, end: datetime, out: Path, username: str) -> None:
    """Write whole seals with their rows as JSON lines; docs/audit.md says how to verify them."""

    async def work(hub: Hub, actor: Actor) -> dict[str, int]:
        span = (start.replace(tzinfo=SHANGHAI), end.replace(tzinfo=SHANGHAI))
        return await export_trail(hub, actor, *span, out)

    counts = run_as(username, work)
    click.echo(f"{out}: {counts['seals']} seals, {counts['rows']} rows.")
    if counts["own_rows"]:
        click.echo(
            f"其中 {counts['own_rows']} 条是导出人本人的操作，应由另一位审计管理员复核。\n"
            f"{counts['own_rows']} rows are the exporter's own acts, for another audit administrator."
        )
