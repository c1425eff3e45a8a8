"""Use cases on the certificates of sealed files: the hub's own (two live at most) and each sender's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, select

from connectors.transport.sealed_file import seal
from connectors.transport.sealing_certificates import Kind, new_recipient, read_certificate
from rider_hub.access import Actor, Change, Hub
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.sealed_tables import sealing_key, sender_certificate
from rider_hub.storage import insert_rows, new_id, upsert_rows

__all__ = [
    "Listed",
    "certificates",
    "distrust_sender",
    "drop_certificate",
    "new_certificate",
    "trust_sender",
]

_LIVE = 2


@dataclass(frozen=True)
class Listed:
    """A certificate: the hub's own (no platform) or a sender's."""

    platform: str | None
    fingerprint: str
    certificate: str
    since: datetime
    expires_at: datetime


async def new_certificate(hub: Hub, actor: Actor, *, kind: Kind, days: int) -> tuple[str, tuple[str, ...]]:
    """Make a certificate that files may be sealed to; return it as PEM, and the fingerprints that ended.

    The one before stays live, so that files under way are opened; those before that are deleted with their
    keys. The private key is sealed under the hub's account key, as the senders' signing keys are.
    """
    made = new_recipient(kind, now=hub.clock.now(), days=days)
    found = read_certificate(made.certificate, hub.clock.now())
    row_id = new_id()
    target = f"sealing certificate {found.fingerprint[:16]}"
    async with hub.change(actor, "keys.rotate", target=target) as work:
        gone = await _keep_newest(work, sealing_key, "made_at", {})
        row = {
            "id": row_id,
            "fingerprint": found.fingerprint,
            "certificate": found.certificate.decode(),
            "private_key": hub.keys.seal(
                "account", ("sealing_key", "private_key", row_id), made.private_key.decode()
            ),
            "made_at": work.now,
            "expires_at": found.expires_at,
        }
        await insert_rows(work.connection, sealing_key, [row])
        work.count(keys=1 + len(gone))
    return found.certificate.decode(), gone


async def drop_certificate(hub: Hub, actor: Actor, fingerprint: str) -> None:
    """Delete a certificate of the hub with its key: what is sealed to it is opened by nobody any more.

    Raises Absent where there is none.
    """
    target = f"sealing certificate {fingerprint[:16]} dropped"
    async with hub.change(actor, "keys.rotate", target=target) as work:
        dropped = delete(sealing_key).where(sealing_key.c.fingerprint == fingerprint)
        if not (await work.connection.execute(dropped)).rowcount:
            raise Absent
        work.count(keys=1)


async def trust_sender(hub: Hub, actor: Actor, platform: str, pem: bytes) -> tuple[str, tuple[str, ...]]:
    """Register a sender's certificate; return its fingerprint, and those that ended by it (two live at most).

    From then on its watched folder takes signed and sealed files alone. Raises Absent for a sender out of
    scope, FeedError for what is no certificate, is weak or over, or can't be sealed to.
    """
    found = read_certificate(pem, hub.clock.now())
    seal(b"tried before it is relied on", [found.certificate], authenticated=False)
    row = {
        "platform": platform,
        "fingerprint": found.fingerprint,
        "certificate": found.certificate.decode(),
        "expires_at": found.expires_at,
    }
    key = ["platform", "fingerprint"]
    async with hub.change(actor, "senders.change", target=f"certificate:{platform}") as work:
        await _require_sender(work, platform)
        of = {"platform": platform}
        ended = await _keep_newest(work, sender_certificate, "registered_at", of, besides=found.fingerprint)
        await upsert_rows(work.connection, sender_certificate, [{**row, "registered_at": work.now}], key=key)
    return found.fingerprint, ended


async def distrust_sender(hub: Hub, actor: Actor, platform: str, fingerprint: str) -> None:
    """Take a sender's certificate back, as when its key was lost; raises Absent where there is none."""
    async with hub.change(actor, "senders.change", target=f"certificate:{platform}") as work:
        await _require_sender(work, platform)
        mine = sender_certificate.c.platform == platform
        gone = delete(sender_certificate).where(mine, sender_certificate.c.fingerprint == fingerprint)
        if not (await work.connection.execute(gone)).rowcount:
            raise Absent


async def certificates(hub: Hub) -> list[Listed]:
    """Return every certificate, the hub's own first, each side's newest first: none is a secret."""
    async with hub.database.read() as connection:
        own = (await connection.execute(select(*_told(sealing_key, "made_at")))).mappings().all()
        query = select(sender_certificate.c.platform, *_told(sender_certificate, "registered_at"))
        theirs = (await connection.execute(query)).mappings().all()
    newest = sorted([*own, *theirs], key=lambda row: row["since"], reverse=True)
    listed = [Listed(**{"platform": None, **row}) for row in newest]
    return sorted(listed, key=lambda one: one.platform or "")


def _told(table: Table, since: str) -> Sequence[Any]:
    c = table.c
    return c.fingerprint, c.certificate, c[since].label("since"), c.expires_at


async def _require_sender(work: Change, platform: str) -> None:
    if await store.find_sender(work.connection, platform, work.scope) is None:
        raise Absent


async def _keep_newest(
    work: Change, table: Table, since: str, of: Mapping[str, str], *, besides: str = ""
) -> tuple[str, ...]:
    """Delete all but the newest, so that with the one to come there are two; return what was deleted."""
    c = table.c
    mine = [c[name] == value for name, value in of.items()]
    query = select(c.fingerprint).where(*mine, c.fingerprint != besides)
    query = query.order_by(c[since].desc(), c.fingerprint)
    ended = tuple((await work.connection.execute(query)).scalars())[_LIVE - 1 :]
    if ended:
        await work.connection.execute(delete(table).where(c.fingerprint.in_(ended), *mine))
    return ended
