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
    """Name the identity of the OpenID provider that opens an account once its holder confirms it."""
    run_as(username, lambda hub, actor: link_identity(hub, actor, username=account, subject=subject))
    click.echo(f"Linked {account}; its holder confirms it under 我的账号 after signing in by password.")


@click.command()
@click.argument("account")
@as_user
def unlink(account: str, username: str) -> None:
    """Take the provider's identity from an account and end its sessions."""
    run_as(username, lambda hub, actor: unlink_identity(hub, actor, username=account))
    click.echo(f"Unlinked {account}.")
