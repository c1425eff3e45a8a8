"""Sealing every row anew under the keys in use, and counting what is left; safe to break off anywhere.

Which rows are left is read from the rows themselves: each envelope and each index tells its key. Nothing
else is kept of how far a rotation has come.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, bindparam, func, or_, select, update

from rider_hub.access.actor import Actor
from rider_hub.access.hub import Change, Hub
from rider_hub.access.keyfile import ROTATED, KeyFault, Keyset, Purpose
from rider_hub.access.keys import Keyring
from rider_hub.access.ready import ENVELOPE_HEAD, ID_BYTES, envelope_head
from rider_hub.storage import Database, metadata, private_metadata
from rider_hub.storage.binary import Keyed, Sealed, keyed_columns, sealed_columns

__all__ = ["Count", "Resealed", "count_rows", "reseal", "stale"]

_BATCH = 500
_PAUSE = 0.02
_ROUNDS = 40
_ROUND_PAUSE = 0.5
#: Purposes whose rows can be made anew; rows under audit keys stay as they are.
_REMADE: frozenset[Purpose] = frozenset(ROTATED) - {"audit"}


@dataclass(frozen=True)
class Count:
    """How many rows of a column are under one key; `key_id` is "?" and the digits for a key not here."""

    table: str
    column: str
    purpose: str
    key_id: str
    rows: int


@dataclass(frozen=True)
class Resealed:
    """How a pass ended: rows sealed anew, and rows that no key here opens, by table."""

    rows: int
    unreadable: Mapping[str, int]


@dataclass(frozen=True)
class _Plan:
    """What rotation does in one table: its envelopes, and the keyed values recomputed from them."""

    table: Table
    row: str
    sealed: tuple[tuple[str, Sealed], ...]
    keyed: tuple[tuple[str, Keyed], ...]

    @property
    def name(self) -> str:
        return str(self.table.name)

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        names = [self.row, *(name for name, _ in self.sealed), *(name for name, _ in self.keyed)]
        return [self.table.c[name] for name in names]

    def stale(self, keys: Keyset) -> ColumnElement[bool]:
        """Rows with an envelope or a keyed value that is not under the key in use."""
        heads = [(name, envelope_head(keys.active(said.purpose))) for name, said in self.sealed]
        heads += [(name, keys.active(said.purpose).tag) for name, said in self.keyed]
        return or_(
            *(
                (func.length(self.table.c[name]) > 0)
                & (func.substr(self.table.c[name], 1, len(head)) != head)
                for name, head in heads
            )
        )


def _plans() -> Iterator[_Plan]:
    keyed = [each for each in keyed_columns(metadata, private_metadata) if each[2].of is not None]
    plans: dict[Table, list[tuple[str, Sealed]]] = {}
    for table, column, said in sealed_columns(metadata, private_metadata):
        plans.setdefault(table, []).append((column.name, said))
    for table, sealed in plans.items():
        mine = tuple((column.name, said) for where, column, said in keyed if where is table)
        yield _Plan(table, sealed[0][1].row, tuple(sealed), mine)


def _tagged_columns() -> Iterator[tuple[Table, ColumnElement[Any], Purpose, int]]:
    """Give each column of a purpose that rotates, and how many bytes stand before the key's id in it."""
    for table, column, sealed in sealed_columns(metadata, private_metadata):
        if sealed.purpose in ROTATED:
            yield table, column, sealed.purpose, ENVELOPE_HEAD - ID_BYTES
    for table, column, keyed in keyed_columns(metadata, private_metadata):
        if keyed.purpose in ROTATED:
            yield table, column, keyed.purpose, 0


async def count_rows(database: Database, keys: Keyset) -> list[Count]:
    """Count rows by table, column and key, for every purpose that rotates; reads each table once a column."""
    ids = {(key.purpose, key.tag): key.id for key in keys.keys}
    found: list[Count] = []
    async with database.read() as connection:
        for table, column, purpose, skipped in _tagged_columns():
            tag = func.substr(column, skipped + 1, ID_BYTES).label("tag")
            query = select(tag, func.count().label("rows")).where(func.length(column) > 0).group_by(tag)
            for row in (await connection.execute(query)).mappings():
                key_id = ids.get((purpose, bytes(row["tag"])), f"?{bytes(row['tag']).hex()}")
                found.append(Count(str(table.name), str(column.name), purpose, key_id, row["rows"]))
    return sorted(found, key=lambda each: (each.purpose, each.table, each.column, each.key_id))


def stale(counts: Sequence[Count], keys: Keyset) -> list[Count]:
    """Return the counts of rows that rotation has not reached."""
    active = {keys.active(purpose).id for purpose in ROTATED}
    return [each for each in counts if each.purpose in _REMADE and each.key_id not in active]


async def reseal(hub: Hub, actor: Actor, *, batch: int = _BATCH) -> Resealed:
    """Seal anew every row that is not under the keys in use, in small transactions, each on the trail.

    Rows that another transaction holds are passed over and come up again; rows that do not open are left as
    they are and counted. After a kill the next call goes on where this one was.
    """
    done, unreadable = 0, {}
    for plan in _plans():
        rows, left = await _reseal_table(hub, actor, plan, batch)
        done += rows
        if left:
            unreadable[plan.name] = left
    return Resealed(done, unreadable)


async def _reseal_table(hub: Hub, actor: Actor, plan: _Plan, batch: int) -> tuple[int, int]:
    done = 0
    for _ in range(_ROUNDS):
        last, remade, unreadable, passed_over = "", 0, 0, 0
        while page := await _page_after(hub, actor, plan, last, batch):
            last = page[-1]
            async with hub.change(actor, "keys.rotate", target=plan.name) as work:
                held, broken = await _reseal_rows(work, hub.keys, plan, page)
                work.count(rows=held - broken)
            remade += held - broken
            unreadable += broken
            passed_over += len(page) - held
            await asyncio.sleep(_PAUSE)  # what else is to be written comes in between
        done += remade
        if not passed_over and not remade:
            return done, unreadable
        await asyncio.sleep(_ROUND_PAUSE if passed_over else 0)
    return done, unreadable


async def _page_after(hub: Hub, actor: Actor, plan: _Plan, last: str, batch: int) -> Sequence[str]:
    key = plan.table.c[plan.row]
    query = select(key).where(plan.stale(hub.keys.keyset), key > last).order_by(key).limit(batch)
    async with hub.look(actor, "keys.rotate") as look:
        return (await look.connection.execute(query)).scalars().all()


async def _reseal_rows(work: Change, keys: Keyring, plan: _Plan, page: Sequence[str]) -> tuple[int, int]:
    """Seal the rows of a page anew; returns how many it got hold of, and how many of these do not open."""
    key = plan.table.c[plan.row]
    query = select(*plan.columns).where(key.in_(page), plan.stale(keys.keyset)).order_by(key)
    # Never waiting for a row that another transaction holds: so no two can wait for each other.
    rows = (await work.connection.execute(query.with_for_update(skip_locked=True))).mappings().all()
    remade: list[dict[str, Any]] = []
    for row in rows:
        try:
            remade.append(_remade(keys, plan, row))
        except KeyFault:
            continue
    if remade:
        names = [name for name in remade[0] if name != "of_row"]
        statement = update(plan.table).where(key == bindparam("of_row"))
        await work.connection.execute(
            statement.values({name: bindparam(f"new_{name}") for name in names}),
            [{"of_row": each["of_row"], **{f"new_{name}": each[name] for name in names}} for each in remade],
        )
    return len(rows), len(rows) - len(remade)


def _remade(keys: Keyring, plan: _Plan, row: RowMapping) -> dict[str, Any]:
    values: dict[str, Any] = {"of_row": row[plan.row]}
    content: Any = {}
    for name, said in plan.sealed:
        values[name] = row[name]
        if row[name]:
            cell = (plan.name, name, row[plan.row])
            values[name], content = keys.reseal(said.purpose, cell, row[name])
    for name, keyed in plan.keyed:
        # An index that is not there stays so: not every row is to be found.
        value = keyed.of(content) if keyed.of and row[name] else None
        values[name] = keys.blind(keyed.purpose, keyed.field, value) if value is not None else None
    return values
