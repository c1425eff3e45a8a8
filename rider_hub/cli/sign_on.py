"""user link and unlink: which account an identity of the OpenID provider opens."""

import click

from rider_hub.access.sso.links import link_identity, unlink_identity
from rider_hub.cli.running import as_user, run_as

__all__ = ["link", "unlink"]


@click.command()
@click.argument("account")
@click.option("--subject", required=True, help="The number the log-in page showed the person.")
@as_user
def link(account: str, subject: str, username: str) -> None:
    """Let an identity of the OpenID provider open an account."""
    run_as(username, lambda hub, actor: link_identity(hub, actor, username=account, subject=subject))
    click.echo(f"Linked {account}.")


@click.command()
@click.argument("account")
@as_user
def unlink(account: str, username: str) -> None:
    """Take the provider's identity from an account; its sessions go on until they end."""
    run_as(username, lambda hub, actor: unlink_identity(hub, actor, username=account))
    click.echo(f"Unlinked {account}.")
