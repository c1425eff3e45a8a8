"""The consent ledger: lines are appended, and what is live is read from them at the moment of use."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable

import msgspec
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Keyring, Look
from rider_hub.membership.envelopes import open_row, seal_row, subject_of
from rider_hub.membership.model import Consent, Entry
from rider_hub.membership.tables import consent_entry
from rider_hub.storage import insert_rows, new_id

__all__ = ["append", "erase_entries", "history", "live", "live_by_subject", "live_consents"]

_PAGE = 500


async def append(connection: AsyncConnection, keys: Keyring, entry: Entry) -> str:
    """Add one line and return its id; the caller holds the lock on the rider's record."""
    row_id = new_id()
    row = {
        "id": row_id,
        "subject": subject_of(keys, entry.rider_id),
        "sealed": seal_row(keys, "consent_entry", row_id, entry),
    }
    await insert_rows(connection, consent_entry, [row])
    return row_id


async def history(connection: AsyncConnection, keys: Keyring, rider_id: str) -> list[tuple[str, Entry]]:
    """Return the lines of one rider with their ids, oldest first."""
    found = await _entries(connection, keys, consent_entry.c.subject == subject_of(keys, rider_id))
    lines = [line for lines in found.values() for line in lines]
    # A withdrawal may carry the very instant of what it ends; it stands after it.
    return sorted(lines, key=lambda line: (line[1].at, line[1].act == "withdrawn", line[0]))


async def live(connection: AsyncConnection, keys: Keyring, rider_id: str) -> list[Consent]:
    """Return what one rider consents to now."""
    return _live(await history(connection, keys, rider_id))


async def live_by_subject(
    connection: AsyncConnection, keys: Keyring, subjects: Iterable[bytes]
) -> dict[bytes, list[Consent]]:
    """Return what each of these subjects consents to now; one without any live consent is left out."""
    wanted = sorted(set(subjects))
    found: dict[bytes, list[Consent]] = {}
    for start in range(0, len(wanted), _PAGE):
        page = wanted[start : start + _PAGE]
        entries = await _entries(connection, keys, consent_entry.c.subject.in_(page))
        found |= {subject: consents for subject, lines in entries.items() if (consents := _live(lines))}
    return found


async def live_consents(
    work: Look, keys: Keyring, purpose: str, body: str | None = None
) -> AsyncIterator[Consent]:
    """Give every live consent to a purpose, to one body or to any, in an order that means nothing.

    For jobs: what is given is live in this transaction and must be asked for again before it is used.
    """
    last = b""
    while True:
        query = select(consent_entry.c.subject).where(consent_entry.c.subject > last).distinct()
        page = (
            (await work.connection.execute(query.order_by(consent_entry.c.subject).limit(_PAGE)))
            .scalars()
            .all()
        )
        if not page:
            return
        for consents in (await live_by_subject(work.connection, keys, page)).values():
            for consent in consents:
                if consent.purpose == purpose and body in (None, consent.body):
                    yield consent
        last = page[-1]


async def erase_entries(connection: AsyncConnection, keys: Keyring, rider_id: str) -> int:
    """Delete the lines of one rider; returns how many there were."""
    subject = subject_of(keys, rider_id)
    result = await connection.execute(delete(consent_entry).where(consent_entry.c.subject == subject))
    return int(result.rowcount)


async def _entries(
    connection: AsyncConnection, keys: Keyring, condition: ColumnElement[bool]
) -> dict[bytes, list[tuple[str, Entry]]]:
    found: dict[bytes, list[tuple[str, Entry]]] = defaultdict(list)
    for row in (await connection.execute(select(consent_entry).where(condition))).mappings():
        content = open_row(keys, "consent_entry", row["id"], row["sealed"])
        found[row["subject"]].append((row["id"], msgspec.convert(content, Entry)))
    return found


def _live(lines: Iterable[tuple[str, Entry]]) -> list[Consent]:
    lines = list(lines)
    ended = {entry.ends for _, entry in lines if entry.act == "withdrawn"}
    return [
        Consent(line_id, entry.rider_id, entry.purpose, entry.body, entry.notice_version, entry.at)
        for line_id, entry in lines
        if entry.act == "given" and line_id not in ended
    ]
