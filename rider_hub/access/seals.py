"""The chain of the audit trail: rows that have committed are linked into seals, each over the one before.

Writers never wait for the chain: a row commits with its action and without a place in it. A sealer gives it
one, in whatever seal comes next, so rows may commit in any order and as late as they like.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import RowMapping, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.audit import mac_of
from rider_hub.access.hub import Hub
from rider_hub.access.keys import Keyring
from rider_hub.access.tables import audit_checkpoint, audit_row, audit_seal
from rider_hub.storage import in_batches, insert_rows

__all__ = [
    "Head",
    "chain_end",
    "checkpoint_text",
    "digest_of",
    "in_order",
    "newest_checkpoint",
    "seal_pending",
    "seal_text",
    "unsealed",
]

#: Rows in one seal: its transaction stays short, and a verifier holds few at once.
_MOST = 5_000
#: Any number no other advisory lock of the hub uses.
_LOCK = 7_205_336


@dataclass(frozen=True)
class Head:
    """The end of the chain: the newest seal's number, the rows in it and before, and its MAC."""

    number: int
    total: int
    mac: bytes


class _Overtaken(Exception):
    """Another sealer took some of these rows."""


async def seal_pending(hub: Hub) -> Head | None:
    """Link what has committed into one more seal and return it; None where there is nothing, or not our turn.

    One sealer works at a time: on SQLite by the write lock, on PostgreSQL by an advisory lock that only saves
    work. What keeps the chain single is the seal's number, a primary key.
    """
    async with hub.database.read() as connection:
        if not await unsealed(connection, at_most=1):
            return None
    try:
        async with hub.database.write() as connection:
            return await _seal(hub, connection) if await _has_turn(connection) else None
    except (IntegrityError, _Overtaken):
        return None


async def unsealed(connection: AsyncConnection, *, at_most: int = _MOST) -> int:
    """Count the rows that wait for a seal, up to a number."""
    some = select(audit_row.c.id).where(audit_row.c.seal_no.is_(None)).limit(at_most)
    found = await connection.execute(select(func.count()).select_from(some.subquery()))
    return int(found.scalar_one())


async def chain_end(connection: AsyncConnection) -> Head:
    """Return the end of the chain; number 0 where there is none yet."""
    newest = select(audit_seal).order_by(audit_seal.c.number.desc()).limit(1)
    row = (await connection.execute(newest)).mappings().first()
    if row is not None:
        return Head(row["number"], row["total"], row["mac"])
    pruned = await newest_checkpoint(connection)
    return Head(pruned["seal_no"], pruned["total"], pruned["seal_mac"]) if pruned else Head(0, 0, b"")


async def newest_checkpoint(connection: AsyncConnection) -> RowMapping | None:
    """Return what stands for the seals that were pruned."""
    query = select(audit_checkpoint).order_by(audit_checkpoint.c.seal_no.desc()).limit(1)
    return (await connection.execute(query)).mappings().first()


def in_order(rows: Iterable[Mapping[str, Any] | RowMapping]) -> list[Mapping[str, Any] | RowMapping]:
    """Return a seal's rows in the order its digest is over."""
    return sorted(rows, key=lambda row: (row["at"], row["id"]))


def digest_of(keys: Keyring, key_id: str, rows: Sequence[Mapping[str, Any] | RowMapping]) -> bytes | None:
    """Return the digest of rows in order: a MAC over theirs; None where the key is gone."""
    return keys.mac_under(key_id, b"rows\x00" + b"".join(row["mac"] for row in rows))


def seal_text(seal: Mapping[str, Any] | RowMapping) -> bytes:
    """Return the bytes a seal's MAC is over: every column, the MAC of the seal before among them."""
    names = ("number", "at", "count", "total", "first_row", "last_row", "key_id")
    hexed = {name: seal[name].hex() for name in ("digest", "previous")}
    return msgspec.json.encode(
        {"kind": "seal", **{name: seal[name] for name in names}, **hexed}, order="sorted"
    )


def checkpoint_text(row: Mapping[str, Any] | RowMapping) -> bytes:
    """Return the bytes a checkpoint's MAC is over."""
    names = ("seal_no", "sealed_at", "total", "pruned_at", "key_id")
    content = {"kind": "checkpoint", **{name: row[name] for name in names}, "seal_mac": row["seal_mac"].hex()}
    return msgspec.json.encode(content, order="sorted")


async def _has_turn(connection: AsyncConnection) -> bool:
    if connection.dialect.name != "postgresql":
        return True
    taken = await connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK})
    return bool(taken.scalar_one())


async def _seal(hub: Hub, connection: AsyncConnection) -> Head | None:
    end = await chain_end(connection)
    columns = (audit_row.c.id, audit_row.c.at, audit_row.c.mac)
    query = select(*columns).where(audit_row.c.seal_no.is_(None)).limit(_MOST)
    rows = in_order((await connection.execute(query)).mappings())
    if not rows:
        return None
    key_id = hub.keys.active["audit"]
    seal = {
        "number": end.number + 1,
        "at": hub.clock.now(),
        "count": len(rows),
        "total": end.total + len(rows),
        "first_row": rows[0]["id"],
        "last_row": rows[-1]["id"],
        "digest": digest_of(hub.keys, key_id, rows),
        "previous": end.mac,
        "key_id": key_id,
    }
    mac = mac_of(hub.keys, key_id, seal_text(seal))
    await insert_rows(connection, audit_seal, [{**seal, "mac": mac}])
    taken = 0
    for part in in_batches([row["id"] for row in rows], 500):
        mine = update(audit_row).where(audit_row.c.id.in_(part), audit_row.c.seal_no.is_(None))
        taken += (await connection.execute(mine.values(seal_no=end.number + 1))).rowcount
    if taken != len(rows):
        raise _Overtaken
    return Head(end.number + 1, end.total + len(rows), mac)
