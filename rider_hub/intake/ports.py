"""Rows in quarantine about one rider: found by reference or phone, told of in a copy, wiped on erasure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.identity import normalise_phone
from rider_hub.access import Change, Keyring, Look
from rider_hub.consent.ports import Section
from rider_hub.intake.dead_letters import wipe_keys
from rider_hub.intake.keeping import close_rows
from rider_hub.intake.model import QuarantineState
from rider_hub.intake.snapshot_retention import forget_parts
from rider_hub.intake.store import lock_sender
from rider_hub.intake.stream_tables import stream_gap
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.riders.ports import contents, registrations_of

__all__ = ["erase", "export", "forget_receipts"]

_PAGE = 500


async def erase(work: Change, keys: Keyring, rider_id: str) -> int:
    """Wipe the quarantined rows of a rider; batches of the rider's platforms wait until it is done."""
    mine = await registrations_of(work.connection, rider_id)
    for platform in sorted({row["platform"] for row in mine}):
        await lock_sender(work.connection, platform)
        refs = {row["platform_rider_ref"] for row in mine if row["platform"] == platform}
        phones = {phone for row in mine if (phone := contents(keys, row).get("phone"))}
        await wipe_keys(work.connection, keys, platform, refs | phones)
    ids = [row["id"] for row in await _about(work.connection, keys, rider_id)]
    await close_rows(work, ids, QuarantineState.EXPIRED)
    await work.connection.execute(update(quarantine).where(quarantine.c.id.in_(ids)).values(record_id=None))
    return len(ids)


async def export(look: Look, keys: Keyring, rider_id: str) -> Sequence[Section]:
    """Return when and why rows about a rider were held back."""
    records = [
        {
            "platform": row["platform"],
            "received_at": row["created_at"],
            "until": row["expires_at"],
            "why": [f"{one['path']}：{one['zh']}" for one in row["failures"]],
        }
        for row in await _about(look.connection, keys, rider_id)
    ]
    titles = {"platform": "平台", "received_at": "收到时间", "until": "最迟删除", "why": "没有收下的原因"}
    return [Section("held_rows", "平台报送、尚未收下的内容", ("quarantine", "dead_letter"), titles, records)]


async def _about(connection: AsyncConnection, keys: Keyring, rider_id: str) -> list[dict[str, Any]]:
    """Return the kept rows that name one of the rider's references or phones, in whatever field.

    A row in quarantine may have any shape, so every one of the platform is opened and all its texts compared.
    A name alone is no evidence of whom a row is about.
    """
    mine = await registrations_of(connection, rider_id)
    refs = {(row["platform"], row["platform_rider_ref"]) for row in mine}
    phones = {phone for row in mine if (phone := contents(keys, row).get("phone"))}
    found: list[dict[str, Any]] = []
    last = ""
    while True:
        query = select(quarantine).where(
            quarantine.c.sealed.is_not(None),
            quarantine.c.platform.in_(sorted({row["platform"] for row in mine})),
            quarantine.c.id > last,
        )
        page = (await connection.execute(query.order_by(quarantine.c.id).limit(_PAGE))).mappings().all()
        if not page:
            return found
        for row in page:
            content = keys.unseal("quarantine", ("quarantine", "sealed", row["id"]), row["sealed"])
            texts = set(_texts(content))
            numbers = {number[0] for text in texts if (number := normalise_phone(text))}
            if phones & numbers or any((row["platform"], text) in refs for text in texts):
                found.append(dict(row))
        last = page[-1]["id"]


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)
    elif content is not None:
        yield str(content)


async def forget_receipts(connection: AsyncConnection, before: datetime) -> int:
    """Delete receipts of before a time with what is left of their quarantined rows; returns how many."""
    old = select(receipt.c.id).where(receipt.c.created_at < before)
    await connection.execute(delete(quarantine).where(quarantine.c.receipt_id.in_(old)))
    await forget_parts(connection, old)
    await connection.execute(delete(stream_gap).where(stream_gap.c.noted_at < before))
    return int((await connection.execute(delete(receipt).where(receipt.c.created_at < before))).rowcount)
