"""The consent ledger: lines are appended, and what is live is read from them at the moment of use."""

from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Change, Keyring, Look
from rider_hub.membership.model import Consent, Entry
from rider_hub.membership.store import (
    all_records,
    hold_record,
    read_records,
    read_whole,
    write_whole,
)
from rider_hub.storage import new_id

__all__ = [
    "append",
    "give",
    "history",
    "live",
    "live_by_rider",
    "live_consents",
    "withdraw_entries",
]


async def append(connection: AsyncConnection, keys: Keyring, entry: Entry) -> str:
    """Add one line to the rider's record and return its id; raises Conflict where no more is to be held."""
    await hold_record(connection, keys, entry.rider_id)
    line_id = new_id()
    record = await read_whole(connection, keys, entry.rider_id)
    await write_whole(connection, keys, replace(record, lines=(*record.lines, (line_id, entry))))
    return line_id


async def history(connection: AsyncConnection, keys: Keyring, rider_id: str) -> list[tuple[str, Entry]]:
    """Return the lines of one rider with their ids, oldest first."""
    lines = (await read_whole(connection, keys, rider_id)).lines
    # A withdrawal may carry the very instant of what it ends; it stands after it.
    return sorted(lines, key=lambda line: (line[1].at, line[1].act == "withdrawn", line[0]))


async def live(connection: AsyncConnection, keys: Keyring, rider_id: str) -> list[Consent]:
    """Return what one rider consents to now."""
    return _live(await history(connection, keys, rider_id))


async def live_by_rider(
    connection: AsyncConnection, keys: Keyring, riders: Iterable[str]
) -> dict[str, list[Consent]]:
    """Return what each of these riders consents to now; one without any live consent is left out."""
    records = await read_records(connection, keys, riders)
    return {rider_id: found for rider_id, record in records.items() if (found := _live(record.lines))}


async def live_consents(
    work: Look, keys: Keyring, purpose: str, body: str | None = None
) -> AsyncIterator[Consent]:
    """Give every live consent to a purpose, to one body or to any, in an order that means nothing.

    For jobs: what is given is live in this transaction and must be asked for again before it is used. Every
    rider has a record, so this opens as many envelopes as there are riders.
    """
    async for record in all_records(work.connection, keys):
        for consent in _live(record.lines):
            if consent.purpose == purpose and body in (None, consent.body):
                yield consent


async def give(work: Change, keys: Keyring, rider_id: str, *, purpose: str, body: str, version: int) -> None:
    """Note that a rider consents to a purpose and body; where they do already, nothing is added."""
    same = [c for c in await live(work.connection, keys, rider_id) if (c.purpose, c.body) == (purpose, body)]
    if not same:
        await append(work.connection, keys, Entry(rider_id, "given", purpose, body, version, work.now))


async def withdraw_entries(
    work: Change, keys: Keyring, rider_id: str, purposes: Collection[str]
) -> list[Consent]:
    """Note that a rider no longer consents to these purposes; returns what was live until now."""
    ended = [each for each in await live(work.connection, keys, rider_id) if each.purpose in purposes]
    for consent in ended:
        entry = Entry(
            consent.rider_id,
            "withdrawn",
            consent.purpose,
            consent.body,
            consent.notice_version,
            work.now,
            ends=consent.id,
        )
        await append(work.connection, keys, entry)
    return ended


def _live(lines: Iterable[tuple[str, Entry]]) -> list[Consent]:
    lines = list(lines)
    ended = {entry.ends for _, entry in lines if entry.act == "withdrawn"}
    return [
        Consent(line_id, entry.rider_id, entry.purpose, entry.body, entry.notice_version, entry.at)
        for line_id, entry in lines
        if entry.act == "given" and line_id not in ended
    ]
