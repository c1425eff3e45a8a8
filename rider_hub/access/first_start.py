"""The first start: a hub without accounts prints a one-time token, and whoever has it makes the first one.

No default account and no shared secret: only the token's hash is kept, it ends after an hour, and each start
makes a new one.
"""

import secrets
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, select

from rider_hub.access.account_rules import check_username, invalid
from rider_hub.access.account_tables import setup_token
from rider_hub.access.actor import Actor, Role
from rider_hub.access.hub import Hub
from rider_hub.access.password_rules import check_strength
from rider_hub.access.rider_sessions import token_hash
from rider_hub.access.scope import Scope
from rider_hub.access.users import add_user, any_user
from rider_hub.errors import Absent, Failure, Invalid
from rider_hub.storage import upsert_rows

__all__ = ["console", "first_administrator", "first_faults", "is_first_start", "offer_setup"]

_LIFETIME = timedelta(hours=1)
_ONLY = 1


def console() -> Actor:
    """Return the operator at the console of the machine, who holds the key file and makes first accounts."""
    roles = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN})
    return Actor("operator:console", "控制台", roles, Scope.all())


async def is_first_start(hub: Hub) -> bool:
    """Say whether the hub has no account yet."""
    return not await any_user(hub)


async def offer_setup(hub: Hub) -> str | None:
    """Return a new one-time token for the page /setup; None where there is an account."""
    if not await is_first_start(hub):
        return None
    token = secrets.token_urlsafe(24)
    row = {"id": _ONLY, "token_hash": token_hash(token), "made_at": hub.clock.now()}
    async with hub.change(console(), "users.change", target="setup token") as work:
        await upsert_rows(work.connection, setup_token, [row], key=["id"])
    return token


async def first_faults(hub: Hub, token: str, *, username: str, password: str) -> list[Failure]:
    """Return everything that is wrong with what the first administrator filled in, each by its field."""
    faults: list[Failure] = []
    async with hub.database.read() as connection:
        held = (await connection.execute(select(setup_token.c.id).where(_is_token(hub, token)))).first()
    if held is None:
        faults += _token_wrong().errors
    try:
        check_username(username)
    except Invalid as error:
        faults += error.errors
    try:
        check_strength(password, username, path="new")
    except Invalid as error:
        faults += error.errors
    return faults


def _is_token(hub: Hub, token: str) -> ColumnElement[bool]:
    return and_(
        setup_token.c.token_hash == token_hash(token.strip()),
        setup_token.c.made_at > hub.clock.now() - _LIFETIME,
    )


def _token_wrong() -> Invalid:
    return invalid(
        "token",
        "token_wrong",
        "口令不对或已过期。重启服务会在控制台显示新的口令。",
        "The token is wrong or over: restart the service, and the console shows a new one.",
    )


async def first_administrator(
    hub: Hub, token: str, *, username: str, display_name: str, password: str
) -> None:
    """Make the first system administrator for whoever shows the console's token; the token is used up.

    Raises Absent where the hub has an account, Invalid for a wrong or old token, a weak password, a bad name.
    """
    if not await is_first_start(hub):
        raise Absent
    if faults := await first_faults(hub, token, username=username, password=password):
        raise Invalid("请改正以下内容。", "Mend the following.", errors=faults)
    async with hub.database.write() as connection:
        # Taken in one statement: of two who hold the token, one alone makes an account.
        taken = (await connection.execute(delete(setup_token).where(_is_token(hub, token)))).rowcount == 1
    if not taken:
        raise _token_wrong()
    await add_user(
        hub,
        console(),
        username=username,
        display_name=display_name,
        password=password,
        roles=[Role.SYSTEM_ADMIN],
        scope_title="系统管理",
    )
