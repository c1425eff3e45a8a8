"""Which account an identity of the provider opens: named by an administrator, confirmed by its holder.

Two people, since one alone could otherwise link an identity of their own to somebody else's account.
"""

from typing import Any

from sqlalchemy import ColumnElement, RowMapping, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.actor import Actor
from rider_hub.access.hub import Hub
from rider_hub.access.own_account import drop_sessions
from rider_hub.access.row_macs import change_row, check_row, signed
from rider_hub.access.sso.tables import linked_identity
from rider_hub.access.tables import user
from rider_hub.errors import Absent, Conflict, Failure, Invalid
from rider_hub.settings_sso import SignOnSettings
from rider_hub.storage import insert_rows

__all__ = [
    "account_of",
    "confirm_identity",
    "link_identity",
    "refuse_identity",
    "unconfirmed_subject",
    "unlink_identity",
]

_MAX_SUBJECT = 255


async def link_identity(hub: Hub, actor: Actor, *, username: str, subject: str) -> None:
    """Name the provider's `subject` that is to open an account once its holder confirms it.

    Raises Absent where there is no such account in use, Invalid where no provider is set or the subject is
    none, Conflict where the identity or the account is linked already.
    """
    issuer = _issuer(hub.settings.sign_on)
    if not (0 < len(subject) <= _MAX_SUBJECT and subject.isprintable()):
        zh, en = "身份编号为 1 到 255 个字符。", "A subject has 1 to 255 characters."
        raise Invalid(zh, en, errors=[Failure(row=0, path="subject", code="subject_invalid", zh=zh, en=en)])
    async with hub.change(actor, "users.grant", target=username) as work:
        query = select(user.c.id).where(user.c.username == username, user.c.disabled_at.is_(None))
        user_id = (await work.connection.execute(query)).scalar()
        if user_id is None:
            raise Absent
        taken = select(linked_identity).where(
            linked_identity.c.issuer == issuer,
            (linked_identity.c.subject == subject) | (linked_identity.c.user_id == user_id),
        )
        if (await work.connection.execute(taken)).first():
            raise Conflict(
                "这个身份或这个账号已有关联，请先解除。",
                "The identity or the account is linked already: unlink first.",
            )
        row = {"issuer": issuer, "subject": subject, "user_id": user_id, "linked_at": work.now}
        await insert_rows(work.connection, linked_identity, [signed(hub.keys, linked_identity, row)])


async def unlink_identity(hub: Hub, actor: Actor, *, username: str) -> None:
    """Take the provider's identity from an account and end its sessions; raises Absent where it has none."""
    issuer = _issuer(hub.settings.sign_on)
    async with hub.change(actor, "users.grant", target=username) as work:
        query = select(user.c.id).where(user.c.username == username)
        user_id = (await work.connection.execute(query)).scalar() or ""
        gone = delete(linked_identity).where(_of(issuer, user_id))
        if not (await work.connection.execute(gone)).rowcount:
            raise Absent
        await change_row(work.connection, hub.keys, user, user.c.id == user_id, {}, epoch=1)
        await drop_sessions(work.connection, user_id)


async def unconfirmed_subject(hub: Hub, connection: AsyncConnection, user_id: str) -> str | None:
    """Return the identity that waits for the yes of an account's holder, None where there is none."""
    if hub.settings.sign_on is None:
        return None
    query = select(linked_identity.c.subject).where(
        _of(hub.settings.sign_on.issuer, user_id), linked_identity.c.confirmed_at.is_(None)
    )
    return (await connection.execute(query)).scalar()


async def confirm_identity(hub: Hub, actor: Actor, user_id: str, subject: str) -> None:
    """Say that an identity is one's own: from now on it opens the account. Raises Absent where none waits."""
    await _answer(hub, actor, user_id, subject, yes=True)


async def refuse_identity(hub: Hub, actor: Actor, user_id: str, subject: str) -> None:
    """Say that an identity is somebody else's: the link is gone. Raises Absent where none waits."""
    await _answer(hub, actor, user_id, subject, yes=False)


async def _answer(hub: Hub, actor: Actor, user_id: str, subject: str, *, yes: bool) -> None:
    issuer = _issuer(hub.settings.sign_on)
    async with hub.change(actor, "account.own", target="single sign-on") as work:
        waiting: Any = (
            _of(issuer, user_id)
            & (linked_identity.c.subject == subject)
            & linked_identity.c.confirmed_at.is_(None)
        )
        if yes:
            confirmed = {"confirmed_at": work.now}
            done = (
                await change_row(work.connection, hub.keys, linked_identity, waiting, confirmed) is not None
            )
        else:
            gone = await work.connection.execute(delete(linked_identity).where(waiting))
            done = bool(gone.rowcount)
        if not done:
            raise Absent


async def account_of(hub: Hub, issuer: str, subject: str) -> RowMapping | None:
    """Return the row of the account in use that a confirmed identity opens, None where there is none.

    Raises RowAltered where the link or the account was changed past the hub.
    """
    linked = select(linked_identity).where(
        linked_identity.c.issuer == issuer,
        linked_identity.c.subject == subject,
        linked_identity.c.confirmed_at.is_not(None),
    )
    async with hub.database.read() as connection:
        link = (await connection.execute(linked)).mappings().first()
        if link is None:
            return None
        query = select(user).where(user.c.id == link["user_id"], user.c.disabled_at.is_(None))
        row = (await connection.execute(query)).mappings().first()
    check_row(hub.keys, linked_identity, link)
    if row is not None:
        check_row(hub.keys, user, row)
    return row


def _of(issuer: str, user_id: str) -> ColumnElement[bool]:
    return (linked_identity.c.issuer == issuer) & (linked_identity.c.user_id == user_id)


def _issuer(settings: SignOnSettings | None) -> str:
    if settings is None:
        raise Invalid("没有设置统一身份认证。", "No single sign-on is set (RIDER_HUB_OIDC_ISSUER).")
    return settings.issuer
