"""Queries over senders, receipts, quarantine and cursors; every list takes the viewer's scope."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Keyring, Scope
from rider_hub.intake.model import Receipt, Sender
from rider_hub.intake.tables import cursor, mapping, quarantine, receipt, sender
from rider_hub.storage import upsert_rows

__all__ = [
    "Freshness",
    "KeyForTests",
    "SenderSecrets",
    "find_receipt",
    "find_sender",
    "freshness",
    "lock_sender",
    "move_cursor",
    "platform_of_receipt",
    "position",
    "quarantined",
    "receipts",
    "sender_secrets",
    "senders",
    "sending_counties",
    "touch_sender",
    "update_receipt",
]

_TOTALS = ("received", "accepted", "unchanged", "waiting", "held", "not_stored", "rejected")


@dataclass(frozen=True)
class Freshness:
    """How a sender's feed stands: when it was last received, and its totals over all receipts."""

    platform: str
    county: str
    last_received_at: datetime | None
    late: bool
    totals: Mapping[str, int]
    waiting_rows: int
    held_rows: int
    last_receipt: str | None


@dataclass(frozen=True)
class KeyForTests:
    """A key whose pushes are checked and answered, and store nothing; it ends by itself."""

    key: bytes
    until: datetime


@dataclass(frozen=True)
class SenderSecrets:
    """What a sender proves itself with (newest key first), and what the hub shows when it pulls."""

    signing: tuple[bytes, ...] = ()
    token: str | None = None
    test: tuple[KeyForTests, ...] = ()

    def live_tests(self, now: datetime) -> tuple[bytes, ...]:
        """Return the test keys that have not ended."""
        return tuple(one.key for one in self.test if one.until > now)

    def sealed(self, keys: Keyring, platform: str) -> bytes:
        """Return the envelope that `sender_secrets` opens."""
        values = {
            "signing": [key.hex() for key in self.signing],
            "token": self.token,
            "test": [{"key": one.key.hex(), "until": one.until.isoformat()} for one in self.test],
        }
        return keys.seal("account", ("sender", "sealed_keys", platform), values)


async def find_sender(connection: AsyncConnection, platform: str, scope: Scope) -> Sender | None:
    """Return a sender in the viewer's scope, None where there is none."""
    query = _with_mapping().where(sender.c.platform == platform, _scoped(scope, sender))
    row = (await connection.execute(query)).mappings().first()
    return Sender.of(row) if row else None


async def lock_sender(connection: AsyncConnection, platform: str) -> None:
    """Keep other batches of this platform out until the transaction ends (SQLite has one writer anyway).

    Without it two batches could both find a key new, and the older version might be written last.
    """
    query = select(sender.c.platform).where(sender.c.platform == platform).with_for_update()
    await connection.execute(query)


async def touch_sender(connection: AsyncConnection, platform: str, now: datetime) -> None:
    """Write down that a sender's rows were received now."""
    statement = update(sender).where(sender.c.platform == platform)
    await connection.execute(statement.values(last_received_at=now))


async def sender_secrets(connection: AsyncConnection, keys: Keyring, platform: str) -> SenderSecrets:
    """Return a sender's live signing keys and pull token; an unknown sender has none."""
    query = select(sender.c.sealed_keys).where(sender.c.platform == platform)
    sealed = (await connection.execute(query)).scalar()
    if not sealed:
        return SenderSecrets()
    values = keys.unseal("account", ("sender", "sealed_keys", platform), sealed)
    tests = (
        KeyForTests(bytes.fromhex(one["key"]), datetime.fromisoformat(one["until"]))
        for one in values.get("test", ())
    )
    return SenderSecrets(
        tuple(bytes.fromhex(text) for text in values["signing"]), values.get("token"), tuple(tests)
    )


async def senders(connection: AsyncConnection, scope: Scope) -> list[Sender]:
    """Return the senders in scope, by platform."""
    query = _with_mapping().where(_scoped(scope, sender)).order_by(sender.c.platform)
    return [Sender.of(row) for row in (await connection.execute(query)).mappings()]


async def sending_counties(connection: AsyncConnection, scope: Scope) -> list[str]:
    """Return the counties that some sender in scope sends for, in the order of their codes."""
    query = select(sender.c.county).where(_scoped(scope, sender)).distinct().order_by(sender.c.county)
    return list((await connection.execute(query)).scalars())


async def find_receipt(connection: AsyncConnection, receipt_id: str, scope: Scope) -> Receipt | None:
    """Return a receipt in the viewer's scope, None where there is none."""
    query = select(receipt).where(receipt.c.id == receipt_id, _scoped(scope, receipt))
    row = (await connection.execute(query)).mappings().first()
    return Receipt.of(row) if row else None


async def platform_of_receipt(connection: AsyncConnection, receipt_id: str) -> str | None:
    """Return whose receipt this is, to know by which keys a reader must prove itself."""
    query = select(receipt.c.platform).where(receipt.c.id == receipt_id)
    return (await connection.execute(query)).scalar()


async def update_receipt(
    connection: AsyncConnection, receipt_id: str, values: Mapping[str, Any], *, expected_row: int | None
) -> bool:
    """Write a receipt; with `expected_row` only where nobody else carried the batch on meanwhile."""
    statement = update(receipt).where(receipt.c.id == receipt_id).values(dict(values))
    if expected_row is not None:
        statement = statement.where(receipt.c.through_row == expected_row, receipt.c.state == "running")
    return bool((await connection.execute(statement)).rowcount)


def receipts(scope: Scope, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the query of receipts in scope, the newest first."""
    query = select(receipt).where(_scoped(scope, receipt), *conditions)
    return query.order_by(receipt.c.created_at.desc(), receipt.c.id)


def quarantined(scope: Scope, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the query of quarantined rows in scope, the newest batch first, by row."""
    query = select(quarantine).where(_scoped(scope, quarantine), *conditions)
    return query.order_by(quarantine.c.created_at.desc(), quarantine.c.receipt_id, quarantine.c.row)


async def position(connection: AsyncConnection, platform: str, feed_type: str) -> tuple[str, datetime] | None:
    """Return how far a feed was pulled and when that was written, None before the first time."""
    query = select(cursor.c.position, cursor.c.moved_at).where(
        cursor.c.platform == platform, cursor.c.feed_type == feed_type
    )
    row = (await connection.execute(query)).first()
    return (row.position, row.moved_at) if row else None


async def move_cursor(
    connection: AsyncConnection, platform: str, feed_type: str, to: str, now: datetime
) -> None:
    """Write how far a feed was pulled; in the transaction that stores the rows up to there."""
    row = {"platform": platform, "feed_type": feed_type, "position": to, "moved_at": now}
    await upsert_rows(connection, cursor, [row], key=["platform", "feed_type"])


async def freshness(connection: AsyncConnection, scope: Scope, late: Collection[str] = ()) -> list[Freshness]:
    """Return how each sender in scope stands, by platform; `late` names those that are (intake.freshness)."""
    sums = [func.coalesce(func.sum(receipt.c[name]), 0).label(name) for name in _TOTALS]
    query = select(receipt.c.platform, *sums).where(_scoped(scope, receipt)).group_by(receipt.c.platform)
    totals = {row["platform"]: row for row in (await connection.execute(query)).mappings()}
    rows = await _open_rows(connection, scope)
    last = await _last_receipts(connection, scope)
    return [
        Freshness(
            platform=one.platform,
            county=one.county,
            last_received_at=one.last_received_at,
            late=one.platform in late,
            totals={n: int(totals[one.platform][n]) if one.platform in totals else 0 for n in _TOTALS},
            waiting_rows=rows.get((one.platform, "waiting"), 0),
            held_rows=rows.get((one.platform, "held"), 0),
            last_receipt=last.get(one.platform),
        )
        for one in await senders(connection, scope)
    ]


async def _open_rows(connection: AsyncConnection, scope: Scope) -> dict[tuple[str, str], int]:
    c = quarantine.c
    query = select(c.platform, c.state, func.count().label("rows"))
    query = query.where(_scoped(scope, quarantine), c.state.in_(["waiting", "held"]))
    found: Sequence[RowMapping] = (
        (await connection.execute(query.group_by(c.platform, c.state))).mappings().all()
    )
    return {(row["platform"], row["state"]): row["rows"] for row in found}


async def _last_receipts(connection: AsyncConnection, scope: Scope) -> dict[str, str]:
    last = select(receipt.c.platform, func.max(receipt.c.created_at).label("at")).group_by(receipt.c.platform)
    newest = last.subquery()
    query = select(receipt.c.platform, receipt.c.id).join(
        newest, (newest.c.platform == receipt.c.platform) & (newest.c.at == receipt.c.created_at)
    )
    rows = await connection.execute(query.where(_scoped(scope, receipt)).order_by(receipt.c.id))
    return {row.platform: row.id for row in rows}


def _with_mapping() -> Select[Any]:
    """Return the query of senders with the mapping in force of each."""
    newest = select(mapping.c.text).where(mapping.c.platform == sender.c.platform)
    newest = newest.order_by(mapping.c.number.desc()).limit(1)
    return select(sender, newest.scalar_subquery().label("mapping_text"))


def _scoped(scope: Scope, table: Any) -> ColumnElement[bool]:
    # Senders are no partner's: what a partner may hand in is asked of intake.within.
    return scope.where(table.c.county, table.c.platform, table.c.get("partner"))
