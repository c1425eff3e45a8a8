"""The command line: one file a group of commands, loaded when it is used."""

import importlib

import click

from rider_hub.cli.cores import forbid_core_files

__all__ = ["main"]

#: Command → (module, attribute, one line of help). Loaded on use: `--help` must not wait for geopandas.
_COMMANDS = {
    "demo": ("rider_hub.demo.command", "demo", "Build the demo and serve it."),
    "serve": ("rider_hub.cli.serving", "serve", "Serve the hub's pages and API."),
    "migrate": ("rider_hub.cli.serving", "migrate", "Bring the database to the newest schema."),
    "import": ("rider_hub.cli.importing", "importing", "Import codes, boundaries, organizations, stations."),
    "boundaries": ("rider_hub.cli.importing", "boundaries", "Check boundary files."),
    "feed": ("rider_hub.cli.feeds", "feed", "Check, push and replay feeds."),
    "stream": ("rider_hub.cli.streaming", "stream", "Read streams by Kafka; try refused messages again."),
    "simulate": ("rider_hub.cli.simulating", "simulate", "Be a platform: push, be pulled, leave files."),
    "match": ("rider_hub.cli.matching", "match", "Match riders: files, or runs in the database."),
    "jobs": ("rider_hub.cli.jobs", "jobs", "List and run scheduled jobs."),
    "keys": ("rider_hub.cli.keys", "keys", "Make, rotate, export and look at the keys."),
    "sealed": ("rider_hub.cli.sealed", "sealed", "Certificates of sealed files."),
    "audit": ("rider_hub.cli.audit", "audit", "Verify and export the audit trail."),
    "rights": ("rider_hub.cli.rights", "rights", "A rider's copy, correction and erasure."),
    "openapi": ("rider_hub.cli.openapi", "openapi", "Print the OpenAPI document of the interface."),
    "user": ("rider_hub.cli.accounts", "user", "Staff accounts."),
}


class _Lazy(click.Group):
    """A group that imports a command's module when it is called or described in full."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write one line a command without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


@click.group(cls=_Lazy)
@click.version_option(package_name=None, version="0.1.0", prog_name="rider-hub")
def main() -> None:
    """Rider Hub: rider registrations, matching, love stations, service requests."""
    forbid_core_files()
