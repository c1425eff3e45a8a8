"""user: staff accounts at the command line; each change is audited under --as."""

from collections.abc import Awaitable, Callable
from typing import Any

import click

from rider_hub.access import Actor, Hub, Role
from rider_hub.access import accounts as use_cases
from rider_hub.access.account_listing import list_accounts
from rider_hub.access.account_rules import Department, Standing
from rider_hub.access.actor import STAFF_ROLES
from rider_hub.access.first_start import console
from rider_hub.access.inputs import takes
from rider_hub.access.users import add_user, any_user, operator
from rider_hub.cli import sign_on
from rider_hub.cli.running import as_user, run_as, run_with_hub
from rider_hub.errors import Invalid

__all__ = ["user"]

_ROLE = click.Choice(sorted(role.value for role in STAFF_ROLES))


def _scoped(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what an account may do, and where."""
    options = [
        click.option(
            "--division", "divisions", multiple=True, help="Code of a division in scope; repeatable."
        ),
        click.option("--platform", "platforms", multiple=True),
        click.option("--partner", "partners", multiple=True, help="Name of a partner as platforms state it."),
        click.option("--park", "parks", multiple=True, help="Code of a park whose divisions are in scope."),
        click.option(
            "--organization", "organizations", multiple=True, help="Party organization the person works for."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def user() -> None:
    """Staff accounts."""


user.add_command(sign_on.link)
user.add_command(sign_on.unlink)


@user.command("add")
@click.argument("account")
@click.option("--name", required=True, help="Shown on pages.")
@click.option("--role", "roles", multiple=True, type=_ROLE, help="See docs/accounts.md on who gives roles.")
@_scoped
@click.option("--department", type=click.Choice([each.value for each in Department]))
@click.option("--standing", type=click.Choice([each.value for each in Standing]))
@click.option("--phone/--no-phone", "with_phone", default=False, help="Ask for the person's phone, hidden.")
@click.option("--as", "acting", metavar="USER", help="Who adds; not needed for the first account.")
@click.password_option()
@takes()
def user_add(
    *,
    account: str,
    name: str,
    roles: tuple[str, ...],
    department: str | None,
    standing: str | None,
    with_phone: bool,
    acting: str | None,
    password: str,
    **scope: Any,
) -> None:
    """Add a staff account. Only the first one may be added without --as.

    With --as the password is temporary: the person changes it at the first log-in.
    """
    phone = click.prompt("Phone", hide_input=True) if with_phone else None

    async def add(hub: Hub) -> None:
        actor = await operator(hub, acting) if acting else await _first_actor(hub)
        await add_user(
            hub,
            actor,
            username=account,
            display_name=name,
            password=password,
            roles=[Role(role) for role in roles],
            department=Department(department) if department else None,
            standing=Standing(standing) if standing else None,
            phone=phone,
            temporary=bool(acting),
            **scope,
        )

    run_with_hub(add)
    click.echo(f"Added {account}.")


@user.command("grant")
@click.argument("account")
@click.option("--role", "roles", multiple=True, type=_ROLE)
@_scoped
@as_user
@takes()
def user_grant(*, account: str, roles: tuple[str, ...], username: str, **scope: Any) -> None:
    """Give an account these roles and this scope in place of the ones it has."""

    async def work(hub: Hub, actor: Actor) -> None:
        await use_cases.grant(hub, actor, account, roles=[Role(role) for role in roles], **scope)

    run_as(username, work)
    click.echo(f"{account}: {', '.join(roles) or 'no role'}.")


@user.command("list")
@as_user
def user_list(username: str) -> None:
    """List the accounts: user name, state, roles, scope, second factor."""

    async def work(hub: Hub, actor: Actor) -> None:
        async with hub.look(actor, "users.view") as look:
            found = await list_accounts(look, hub.keys)
        for one in found:
            factor = "2fa" if one.factor_since else "-"
            click.echo(
                f"{one.username:20} {one.state:10} {factor:4} {','.join(one.roles)}  {one.scope_title}"
            )

    run_as(username, work)


@user.command("disable")
@click.argument("account")
@as_user
def user_disable(account: str, username: str) -> None:
    """Disable an account and end its sessions."""
    _run(username, use_cases.disable, account)
    click.echo(f"Disabled {account}.")


@user.command("unlock")
@click.argument("account")
@as_user
def user_unlock(account: str, username: str) -> None:
    """Let an account be tried again before its lock ends."""
    _run(username, use_cases.unlock, account)
    click.echo(f"Unlocked {account}.")


@user.command("release")
@click.argument("account")
@as_user
def user_release(account: str, username: str) -> None:
    """Let an account without a second factor in again after a reset; another person than who reset it."""
    _run(username, use_cases.release, account)
    click.echo(f"Released {account}.")


@user.command("reset")
@click.argument("account")
@click.option("--second-factor", is_flag=True, help="Take the second factor away; else a temporary password.")
@as_user
def user_reset(account: str, username: str, *, second_factor: bool) -> None:
    """Give an account a temporary password, printed once, or take its second factor away."""
    if second_factor:
        _run(username, use_cases.reset_second_factor, account)
        click.echo(f"{account} sets up a second factor at the next log-in.")
        return
    click.echo(_run(username, use_cases.reset_password, account))


def _run(username: str, done: Callable[[Hub, Actor, str], Awaitable[Any]], account: str) -> Any:
    async def work(hub: Hub, actor: Actor) -> Any:
        return await done(hub, actor, account)

    return run_as(username, work)


async def _first_actor(hub: Hub) -> Actor:
    if await any_user(hub):
        raise Invalid("已有账号，请用 --as 指明由谁新增。", "There are accounts: name who adds with --as.")
    return console()
