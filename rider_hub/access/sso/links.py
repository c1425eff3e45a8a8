"""Which account an identity of the provider opens: linked by an administrator, never by name or address."""

from sqlalchemy import RowMapping, delete, select

from rider_hub.access.actor import Actor
from rider_hub.access.hub import Hub
from rider_hub.access.sso.tables import linked_identity
from rider_hub.access.tables import user
from rider_hub.errors import Absent, Conflict, Failure, Invalid
from rider_hub.settings_sso import SignOnSettings
from rider_hub.storage import insert_rows

__all__ = ["account_of", "link_identity", "unlink_identity"]

_MAX_SUBJECT = 255


async def link_identity(hub: Hub, actor: Actor, *, username: str, subject: str) -> None:
    """Let the provider's `subject` open an account; audited as a change of the account.

    Raises Absent where there is no such account in use, Invalid where no provider is set or the subject is
    none, Conflict where the identity or the account is linked already.
    """
    issuer = _issuer(hub.settings.sign_on)
    if not (0 < len(subject) <= _MAX_SUBJECT and subject.isprintable()):
        zh, en = "身份编号为 1 到 255 个字符。", "A subject has 1 to 255 characters."
        raise Invalid(zh, en, errors=[Failure(row=0, path="subject", code="subject_invalid", zh=zh, en=en)])
    async with hub.change(actor, "users.change", target=username) as work:
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
        await insert_rows(work.connection, linked_identity, [row])


async def unlink_identity(hub: Hub, actor: Actor, *, username: str) -> None:
    """Take the provider's identity from an account; raises Absent where it has none."""
    issuer = _issuer(hub.settings.sign_on)
    async with hub.change(actor, "users.change", target=username) as work:
        account = select(user.c.id).where(user.c.username == username).scalar_subquery()
        gone = delete(linked_identity).where(
            linked_identity.c.issuer == issuer, linked_identity.c.user_id == account
        )
        if not (await work.connection.execute(gone)).rowcount:
            raise Absent


async def account_of(hub: Hub, issuer: str, subject: str) -> RowMapping | None:
    """Return the row of the account in use that an identity opens, None where there is none."""
    query = (
        select(user)
        .join(linked_identity, linked_identity.c.user_id == user.c.id)
        .where(
            linked_identity.c.issuer == issuer,
            linked_identity.c.subject == subject,
            user.c.disabled_at.is_(None),
        )
    )
    async with hub.database.read() as connection:
        return (await connection.execute(query)).mappings().first()


def _issuer(settings: SignOnSettings | None) -> str:
    if settings is None:
        raise Invalid("没有设置统一身份认证。", "No single sign-on is set (RIDER_HUB_OIDC_ISSUER).")
    return settings.issuer
