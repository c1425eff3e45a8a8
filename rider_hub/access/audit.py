"""Rows of the audit trail: who did what to what, why, and how it ended; each carries its own MAC."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.actor import Actor
from rider_hub.access.keys import Keyring
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.errors import HubError
from rider_hub.storage import insert_rows, new_id

__all__ = ["AuditFault", "actor_named", "is_private", "mac_of", "record", "signed_text", "subject_named"]

#: What riders do to their own data: one word for a choice of community, a declaration, a consent, an answer.
OWN = "rider.own"
#: Operations that stand for a declaration or an invitation: beside a rider's id they would tell who declared.
_PRIVATE = ("membership.", "invitations.", OWN)
_FILL = 16  # names of a private row come in multiples of it
_TEXT = 200  # characters of target, purpose and title


class AuditFault(HubError):
    """The trail could not be written: nothing was done and nothing is shown."""

    status = 503
    default_code = "audit_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "审计记录无法写入，本次操作没有执行，也没有显示内容。请系统管理员检查数据库和磁盘空间后重试。",
            "The audit trail can't be written, so nothing was done and nothing is shown. "
            "Have the administrator check the database and its disk, then try again.",
        )


async def record(
    connection: AsyncConnection,
    keys: Keyring,
    actor: Actor,
    operation: str,
    *,
    at: datetime,
    outcome: str,
    target: str = "",
    purpose: str = "",
    counts: Mapping[str, int] | None = None,
    subjects: Iterable[str] = (),
) -> str:
    """Write one row of the trail in the caller's transaction and return its id.

    One row a batch or page: `counts` say how much, `subjects` are the ids of riders whose data was opened.
    Of private operations the figures are left out: how many riders named a body is the body's to know.
    What a rider does under a private operation is kept as "rider.own" without a target, whichever it was.
    """
    own = actor.rider_id is not None and is_private(operation)
    row_id = new_id()
    row = {
        "id": row_id,
        "at": at,
        "actor": actor_named(keys, actor, operation, row_id),
        "actor_title": _fit(" ".join(part for part in (actor.scope_title, actor.role_titles) if part)),
        "operation": OWN if own else operation,
        "target": "" if own else _fit(target),
        "purpose": "" if own else _fit(actor.mark + purpose),
        "outcome": outcome,
        "counts": dict.fromkeys(counts or {}, 1) if is_private(operation) else dict(counts or {}),
        "key_id": keys.active["audit"],
    }
    named = sorted(_filled({subject_named(keys, one, operation) for one in subjects}, operation))
    mac = mac_of(keys, str(row["key_id"]), signed_text(row, named))
    await insert_rows(connection, audit_row, [{**row, "mac": mac}])
    await insert_rows(
        connection, audit_subject, [{"audit_id": row["id"], "rider_id": name} for name in named]
    )
    return str(row["id"])


def mac_of(keys: Keyring, key_id: str, text: bytes) -> bytes:
    """Authenticate a text of the trail under the very key it names; raises AuditFault where that is gone.

    Not "under the key in use": a rotation may change which that is between two calls.
    """
    mac = keys.mac_under(key_id, text)
    if mac is None:
        raise AuditFault
    return mac


def is_private(operation: str) -> bool:
    """Say whether an operation's rows name nobody by id, neither who acts as a rider nor whom it opens."""
    return operation.startswith(_PRIVATE)


def actor_named(keys: Keyring, actor: Actor, operation: str, row_id: str) -> str:
    """Return the name under which the trail keeps who did an operation.

    A rider who declares, consents or answers does it as "rider.own": with the rider's id beside it, a copied
    database would tell who ever did. So that word goes with a pseudonym of each row, found again by the key;
    one pseudonym a rider would count what each of them did.
    """
    if actor.rider_id is None or not is_private(operation):
        return actor.id
    own = f"{OWN}\x00{actor.rider_id}{row_id}"
    return f"rider:{keys.derive('lasting', own.encode()).hex()[:32]}"


def subject_named(keys: Keyring, rider_id: str, operation: str) -> str:
    """Return the name under which the trail keeps whose data an operation opened.

    Where a body opens those who declared or consented to it, a pseudonym stands, as long as a rider's id and
    unlike any other of the rider's: a copied database must not tell who declared. The key finds it again.
    """
    return (
        keys.derive("lasting", f"opened\x00{rider_id}".encode()).hex()[:32]
        if is_private(operation)
        else rider_id
    )


def _filled(names: set[str], operation: str) -> set[str]:
    """Fill the names of a private operation up with names of nobody, so that their number tells little."""
    if is_private(operation):
        names |= {new_id() for _ in range(-len(names) % _FILL)}
    return names


def signed_text(row: Mapping[str, Any] | RowMapping, subjects: Sequence[str]) -> bytes:
    """Return the bytes a row's MAC is over: every column but the seal's number, and the people in order."""
    content = {name: row[name] for name in _SIGNED}
    return msgspec.json.encode({**content, "subjects": sorted(subjects)}, order="sorted")


_SIGNED = (
    "id",
    "at",
    "actor",
    "actor_title",
    "operation",
    "target",
    "purpose",
    "outcome",
    "counts",
    "key_id",
)


def _fit(text: str) -> str:
    """Make a text fit its column; what no database holds must not be a way to stop the trail."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:_TEXT]
