"""Dead letters: what was refused of a stream is told in a topic of its own, at least once each.

They are written with the rows of their batch and sent from there, so that none is lost and none tells of a
batch that was not taken. No value of a refused message stands in one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import RowMapping, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Reject
from connectors.transport.kafka.places import StreamBatch
from connectors.transport.kafka.sender import Outgoing, StreamSender
from rider_hub.access import Actor, Change, Hub, Keyring
from rider_hub.intake.keeping import plain
from rider_hub.intake.model import Receipt
from rider_hub.intake.stream_tables import dead_letter
from rider_hub.storage import insert_ignoring, new_id

__all__ = ["forget_dead_letters", "send_dead_letters", "wipe_keys", "write_dead_letters"]

_PLACE: Final = ("cluster", "topic_id", "partition", "offset")
_AT_A_TIME: Final = 500
#: A longer key would not fit beside the headers, and hold up every letter after it.
_LONGEST_KEY: Final = 4096
#: What a process took and did not send is another's after so long.
_LEASE: Final = timedelta(seconds=60)


async def write_dead_letters(
    work: Change, keys: Keyring, batch: StreamBatch, taken: Receipt, refused: Sequence[Reject]
) -> None:
    """Write down, in the transaction at hand, which messages of a batch were refused and why."""
    for one in refused:
        message, letter_id = batch.messages[one.row - 1], new_id()
        key = message.key if message.key and len(message.key) <= _LONGEST_KEY else None
        cell = ("dead_letter", "sealed", letter_id)
        row = {
            "id": letter_id,
            "cluster": batch.place.cluster,
            "topic_id": batch.place.topic_id,
            "partition": batch.place.partition,
            "offset": message.offset,
            "topic": batch.place.topic,
            "platform": taken.platform,
            "feed_type": taken.feed_type,
            "receipt_id": taken.id,
            "row": one.row,
            "failures": plain(one.failures),
            "sealed": keys.seal("quarantine", cell, _packed(key)),
            "created_at": work.now,
            "claimed_at": None,
            "sent_at": None,
        }
        # A broker that lost its end gives offsets again: what was told of one stays told.
        await insert_ignoring(work.connection, dead_letter, row, key=_PLACE)


async def send_dead_letters(hub: Hub, actor: Actor, sender: StreamSender, suffix: str) -> tuple[int, int]:
    """Send dead letters that wait, and return how many were sent and how many failed.

    Each is claimed first, so that two processes do not both send it as a rule; one that was sent and not yet
    marked when its process was killed is sent again.
    """
    rows = await _claim(hub)
    if not rows:
        return 0, 0
    arrived = await sender.send([_outgoing(hub.keys, row, suffix) for row in rows])
    sent = [row["id"] for row, there in zip(rows, arrived, strict=True) if there]
    failed = [row["id"] for row, there in zip(rows, arrived, strict=True) if not there]
    async with hub.change(actor, "feeds.take", target="dead letters") as work:
        marked = update(dead_letter).where(dead_letter.c.id.in_(sent))
        await work.connection.execute(marked.values(sent_at=work.now, sealed=None))
        work.count(sent=len(sent), failed=len(failed))
    return len(sent), len(failed)


async def _claim(hub: Hub) -> Sequence[RowMapping]:
    """Return letters that are ours to send; of those that two processes claim at once one gets none."""
    now = hub.clock.now()
    free = and_(
        dead_letter.c.sent_at.is_(None),
        or_(dead_letter.c.claimed_at.is_(None), dead_letter.c.claimed_at < now - _LEASE),
    )
    oldest = select(dead_letter.c.id).where(free).order_by(dead_letter.c.created_at, dead_letter.c.id)
    async with hub.database.read() as connection:
        ids = (await connection.execute(oldest.limit(_AT_A_TIME))).scalars().all()
    if not ids:
        return []
    async with hub.database.write() as connection:
        mine = update(dead_letter).where(dead_letter.c.id.in_(ids), free).values(claimed_at=now)
        rows = (await connection.execute(mine.returning(dead_letter))).mappings().all()
    return sorted(rows, key=lambda row: (row["topic"], row["partition"], row["offset"]))


def _outgoing(keys: Keyring, row: RowMapping, suffix: str) -> Outgoing:
    return Outgoing(
        topic=f"{row['topic']}{suffix}",
        key=_key(keys, row),
        value=None,
        headers=[(name, text.encode()) for name, text in _headers(row).items()],
    )


def _headers(row: RowMapping) -> dict[str, str]:
    """Return what a dead letter says: its first fault in words, all as JSON, where the message was."""
    faults: Sequence[Mapping[str, Any]] = row["failures"]
    first = faults[0] if faults else {"code": "row_failed", "path": "", "zh": "", "en": ""}
    every = [{name: one[name] for name in ("path", "code", "zh", "en")} for one in faults]
    return {
        "rfs-code": first["code"],
        "rfs-path": first["path"],
        "rfs-zh": first["zh"],
        "rfs-en": first["en"],
        "rfs-failures": msgspec.json.encode(every).decode(),
        "rfs-type": row["feed_type"],
        "rfs-receipt": row["receipt_id"],
        "rfs-topic": row["topic"],
        "rfs-partition": str(row["partition"]),
        "rfs-offset": str(row["offset"]),
    }


async def wipe_keys(connection: AsyncConnection, keys: Keyring, platform: str, names: set[str]) -> int:
    """Take the keys away that hold one of these names (references, phones), of letters not sent yet."""
    query = select(dead_letter).where(dead_letter.c.platform == platform, dead_letter.c.sealed.is_not(None))
    ids = [
        row["id"]
        for row in (await connection.execute(query)).mappings()
        if any(name in _key_text(keys, row) for name in names)
    ]
    await connection.execute(update(dead_letter).where(dead_letter.c.id.in_(ids)).values(sealed=None))
    return len(ids)


def _packed(key: bytes | None) -> dict[str, str]:
    """Return a message's key as an envelope holds it: as text, so that it is found, where it is one."""
    if key is None:
        return {}
    try:
        return {"key": key.decode()}
    except UnicodeDecodeError:
        return {"hex": key.hex()}


def _key_text(keys: Keyring, row: RowMapping) -> str:
    return (_key(keys, row) or b"").decode("utf-8", "replace")


def _key(keys: Keyring, row: RowMapping) -> bytes | None:
    if row["sealed"] is None:
        return None
    packed = keys.unseal("quarantine", ("dead_letter", "sealed", row["id"]), row["sealed"])
    return bytes.fromhex(packed["hex"]) if "hex" in packed else packed.get("key", "").encode() or None


async def forget_dead_letters(connection: AsyncConnection, before: datetime) -> int:
    """Delete dead letters of before a time, sent or not; returns how many."""
    return int(
        (await connection.execute(delete(dead_letter).where(dead_letter.c.created_at < before))).rowcount
    )
