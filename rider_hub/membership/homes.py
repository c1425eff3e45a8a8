"""Worklists of home organizations: sealed pages of who asked, made by a job and never by a rider's own act.

A rider who asks writes the own record alone, as every rider does for any consent; an organization that
answers writes its own page alone. So no transaction of a copied database joins a rider's row to a home
organization.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Keyring
from rider_hub.membership.envelopes import open_row, seal_row
from rider_hub.membership.model import HomeEntry, HomePage, home_page
from rider_hub.membership.tables import home_list
from rider_hub.storage import in_batches, new_id, upsert_rows

__all__ = ["MAX_ENTRIES", "entries_of", "entry_of", "lock_home", "replace_entries"]

#: Entries that fit one page of the common length, and pages of one organization.
_A_PAGE, _PAGES = 16, 24
MAX_ENTRIES = _A_PAGE * _PAGES
_VALUES_A_QUERY = 480


async def entries_of(
    connection: AsyncConnection, keys: Keyring, bodies: Iterable[str]
) -> dict[str, list[HomeEntry]]:
    """Return who asked these organizations, with the answers so far; whoever shows one checks the consent."""
    indexes = [index for body in sorted(set(bodies)) for index in _indexes(keys, body)]
    found: dict[str, list[HomeEntry]] = {}
    for part in in_batches(indexes, _VALUES_A_QUERY):
        query = select(home_list).where(home_list.c.body_index.in_(part))
        for row in (await connection.execute(query)).mappings():
            content = open_row(keys, "home_list", row["id"], row["sealed"])
            page = msgspec.convert(content, HomePage)
            found.setdefault(page.body, []).extend(page.entries)
    return found


async def lock_home(connection: AsyncConnection, keys: Keyring, body: str) -> None:
    """Keep other answers to this organization's list out until the transaction ends."""
    rows = select(home_list.c.id).where(home_list.c.body_index.in_(list(_indexes(keys, body))))
    await connection.execute(rows.order_by(home_list.c.id).with_for_update())


async def replace_entries(
    connection: AsyncConnection, keys: Keyring, body: str, entries: Sequence[HomeEntry]
) -> None:
    """Write an organization's list anew, the first page also where nobody is left on it."""
    pages = list(in_batches(tuple(entries[:MAX_ENTRIES]), _A_PAGE)) or [()]
    places = _indexes(keys, body)
    query = select(home_list.c.body_index, home_list.c.id).where(home_list.c.body_index.in_(list(places)))
    there = {places[row.body_index]: row.id for row in await connection.execute(query)}
    gone = [row_id for number, row_id in there.items() if number >= len(pages)]
    await connection.execute(delete(home_list).where(home_list.c.id.in_(gone)))
    rows = []
    for number, part in enumerate(pages):
        row_id = there.get(number) or new_id()
        sealed = seal_row(keys, "home_list", row_id, HomePage(body, number, tuple(part)))
        index = keys.blind("subject", "home", home_page({"body": body, "page": number}))
        rows.append({"id": row_id, "body_index": index, "sealed": sealed})
    await upsert_rows(connection, home_list, rows, key=["id"])


def entry_of(entries: Iterable[HomeEntry], rider_id: str, asked_at: datetime | None) -> HomeEntry | None:
    """Return the entry of a rider's newest asking; an answer to an earlier one is not an answer to this."""
    return next((one for one in entries if (one.rider_id, one.asked_at) == (rider_id, asked_at)), None)


def _indexes(keys: Keyring, body: str) -> dict[bytes, int]:
    """Return the indexes of an organization's pages under every live key, with the number of each page."""
    return {
        index: page
        for page in range(_PAGES)
        for index in keys.blinds("subject", "home", home_page({"body": body, "page": page}))
    }
