"""Sealed files as intake meets them: opened in memory for who signed them, refused rows sealed back.

Only a signature says whose a sealed file is: without it whoever got hold of one could hand it in as his own,
and read in the answer what was meant for the hub alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.problems import feed_error
from connectors.transport.sealed_file import ENDINGS, Opened, Recipient, open_sealed, seal
from rider_hub.access import Actor, Hub, Keyring
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.sealed_tables import sealing_key, sender_certificate
from rider_hub.intake.snapshot_model import Declared
from rider_hub.parameters import parameter

__all__ = ["ENDING", "Seals", "require_signed_after", "seals_for", "seals_of"]

#: What the name of a file gets that goes back sealed.
ENDING = ENDINGS[0]


@dataclass(frozen=True)
class Seals:
    """What opens a sender's files and what they must be signed by; empty where none is registered."""

    recipients: Sequence[Recipient] = field(default=(), repr=False)
    #: PEM, each not over yet.
    certificates: Sequence[bytes] = ()
    #: Whether the sender registered any, be it over.
    registered: bool = False

    def open(self, data: bytes) -> Opened:
        """Open a file; raises FeedError where it is not sealed to us or not signed by this sender."""
        if not self.registered:
            raise feed_error("sealed_not_agreed")
        if not self.certificates:
            raise feed_error("sealed_certificate_over")
        return open_sealed(data, self.recipients, self.certificates)

    def seal(self, data: bytes, opened: Opened) -> bytes:
        """Seal what goes back to the sender, in the kind of envelope that it sent."""
        return seal(data, self.certificates, authenticated=opened.authenticated)


async def seals_of(connection: AsyncConnection, keys: Keyring, platform: str, now: datetime) -> Seals:
    """Return what is needed for a sender's sealed files; the private keys only where it may send any."""
    c = sender_certificate.c
    query = select(c.certificate, c.expires_at).where(c.platform == platform).order_by(c.registered_at.desc())
    registered = (await connection.execute(query)).all()
    if not registered:
        return Seals()
    own = select(sealing_key.c.id, sealing_key.c.certificate, sealing_key.c.private_key)
    rows = (await connection.execute(own.order_by(sealing_key.c.made_at.desc()))).all()
    return Seals(
        recipients=tuple(
            Recipient(
                row.certificate.encode(),
                keys.unseal("account", ("sealing_key", "private_key", row.id), row.private_key).encode(),
            )
            for row in rows
        ),
        certificates=tuple(row.certificate.encode() for row in registered if row.expires_at > now),
        registered=True,
    )


async def seals_for(hub: Hub, actor: Actor, platform: str) -> Seals:
    """Return the seals of a sender whose files the actor may hand in; raises Absent for another."""
    async with hub.look(actor, "feeds.upload", target=f"sender:{platform}") as look:
        if await store.find_sender(look.connection, platform, look.scope) is None:
            raise Absent
        return await seals_of(look.connection, hub.keys, platform, look.now)


def require_signed_after(opened: Opened, declared: Declared | None) -> None:
    """Raise FeedError for a snapshot whose time lies after its signature.

    The time stands in the name, which nobody signed: a whole of last month, renamed on its way, would let
    leave whoever came since.
    """
    if declared is None:
        return
    if opened.signed_at is None:
        raise feed_error("signing_time_missing")
    if declared.as_of > opened.signed_at + timedelta(minutes=parameter("intake.ahead").value):
        raise feed_error("signed_before_snapshot")
