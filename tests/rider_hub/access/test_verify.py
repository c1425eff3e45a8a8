"""Whatever is done to a sealed trail by somebody who can write to the database but has no key is found."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, delete, event, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Hub, Keyring
from rider_hub.access.heads import HeadLine, read_heads
from rider_hub.access.seals import Head
from rider_hub.access.tables import audit_row, audit_seal, audit_subject
from rider_hub.access.verify import verify
from rider_hub.clock import FixedClock
from rider_hub.settings import Settings
from rider_hub.storage import Database
from tests.rider_hub.access.trail import sealed_trail

_TAMPERINGS = 60


@dataclass
class Scene:
    """A sealed trail on a real database, in a loop of its own so that hypothesis may call it many times."""

    loop: asyncio.AbstractEventLoop
    hub: Hub
    heads: list[HeadLine]

    def findings(self, tamper: Any) -> tuple[bool, list[str]]:
        """Tamper in a transaction, verify inside it, roll back; say whether it changed any, and codes."""
        return self.loop.run_until_complete(self._findings(tamper))

    async def _findings(self, tamper: Any) -> tuple[bool, list[str]]:
        async with self.hub.database._writer.connect() as connection:
            transaction = await connection.begin()
            if connection.dialect.name == "postgresql":
                await connection.execute(text("SET LOCAL session_replication_role = replica"))
            changed = await tamper(connection)
            report = await verify(connection, self.hub.keys, self.heads)
            await transaction.rollback()
        return bool(changed), [one.code for one in report.findings]


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    """Make a trail of four seals, a head for each."""
    loop = asyncio.new_event_loop()
    database = Database(database_url)
    if database.dialect == "sqlite":

        @event.listens_for(database._writer.sync_engine, "connect")
        def _unguarded(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA foreign_keys=OFF")  # whoever has the file is bound by no constraint

    hub = Hub(
        Settings(data_dir=tmp_path, database_url=database_url), FixedClock(), database, Keyring.new("sm")
    )
    loop.run_until_complete(sealed_trail(hub, loose=0))
    yield Scene(loop, hub, read_heads(hub.settings.audit_heads))
    loop.run_until_complete(database.close())
    loop.close()


_tables = st.sampled_from([audit_row, audit_seal, audit_subject])


async def _rows(connection: AsyncConnection, table: Table) -> list[dict[str, Any]]:
    keys = list(table.primary_key)
    return [dict(row) for row in (await connection.execute(select(table).order_by(*keys))).mappings()]


def _one(table: Table, row: dict[str, Any]) -> list[Any]:
    return [column == row[column.name] for column in table.primary_key]


def _other(value: Any, data: st.DataObject) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bytes):
        return data.draw(st.sampled_from([b"", value[::-1], value[:-1], bytes(len(value))]))
    if isinstance(value, dict):
        return data.draw(st.dictionaries(st.sampled_from(["rows", "riders"]), st.integers(0, 9)))
    if isinstance(value, str):
        return data.draw(st.sampled_from(["", value[:-1], value[::-1], "user:other", "done", "refused"]))
    if isinstance(value, datetime):
        return value.replace(second=data.draw(st.integers(0, 59)))
    return data.draw(st.integers(0, 9))


_settings = settings(max_examples=_TAMPERINGS, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_settings
@given(data=st.data())
def test_an_edit_of_any_column_of_any_row_is_found(scene: Scene, data: st.DataObject) -> None:
    """Rows, people and seals: whichever value becomes another one is found."""

    async def tamper(connection: AsyncConnection) -> bool:
        table = data.draw(_tables)
        row = data.draw(st.sampled_from(await _rows(connection, table)))
        column = data.draw(st.sampled_from(list(table.columns)))
        value = _other(row[column.name], data)
        taken = await _rows(connection, table)
        if value == row[column.name] or (column.primary_key and any(r[column.name] == value for r in taken)):
            return False
        await connection.execute(update(table).where(*_one(table, row)).values({column.name: value}))
        return True

    changed, codes = scene.findings(tamper)
    assert bool(codes) == changed


@_settings
@given(data=st.data())
def test_a_deletion_of_any_rows_is_found(scene: Scene, data: st.DataObject) -> None:
    """Some rows of any table are gone."""

    async def tamper(connection: AsyncConnection) -> bool:
        table = data.draw(_tables)
        gone = data.draw(st.lists(st.sampled_from(await _rows(connection, table)), min_size=1, max_size=6))
        for row in gone:
            await connection.execute(delete(table).where(*_one(table, row)))
        return True

    assert scene.findings(tamper)[1]


@_settings
@given(data=st.data())
def test_a_move_to_another_seal_is_found(scene: Scene, data: st.DataObject) -> None:
    """A row goes to another seal, to one that is not there, or back to those that wait for one."""

    async def tamper(connection: AsyncConnection) -> bool:
        row = data.draw(st.sampled_from(await _rows(connection, audit_row)))
        number = data.draw(st.sampled_from([None, 0, 1, 2, 3, 4, 5, 99]))
        await connection.execute(update(audit_row).where(audit_row.c.id == row["id"]).values(seal_no=number))
        return bool(row["seal_no"] != number)

    changed, codes = scene.findings(tamper)
    assert bool(codes) == changed


@_settings
@given(data=st.data())
def test_two_rows_that_change_places_are_found(scene: Scene, data: st.DataObject) -> None:
    """Two rows exchange everything but their id, or two seals everything but their number."""

    async def tamper(connection: AsyncConnection) -> bool:
        table, key = data.draw(st.sampled_from([(audit_row, "id"), (audit_seal, "number")]))
        rows = await _rows(connection, table)
        one, two = data.draw(
            st.lists(st.sampled_from(rows), min_size=2, max_size=2, unique_by=lambda r: r[key])
        )
        for row, other in ((one, two), (two, one)):
            content = {name: value for name, value in other.items() if name != key}
            await connection.execute(update(table).where(table.c[key] == row[key]).values(content))
        return True

    assert scene.findings(tamper)[1]


@_settings
@given(kept=st.integers(0, 3), loosened=st.booleans())
def test_an_end_that_is_cut_off_is_found(scene: Scene, kept: int, loosened: bool) -> None:
    """The last seals are gone with their rows, or their rows are set back to be sealed anew."""

    async def tamper(connection: AsyncConnection) -> bool:
        late = audit_row.c.seal_no > kept
        if loosened:
            await connection.execute(update(audit_row).where(late).values(seal_no=None))
        else:
            ids = select(audit_row.c.id).where(late)
            await connection.execute(delete(audit_subject).where(audit_subject.c.audit_id.in_(ids)))
            await connection.execute(delete(audit_row).where(late))
        await connection.execute(delete(audit_seal).where(audit_seal.c.number > kept))
        return True

    assert "head_ahead" in scene.findings(tamper)[1]


@_settings
@given(data=st.data())
def test_an_old_head_played_again_is_found(scene: Scene, data: st.DataObject) -> None:
    """A line of the head file is written once more behind the others, or one of them is changed."""
    lines = [line.head for line in scene.heads]
    assert all(lines)
    old = data.draw(st.sampled_from(lines))
    played = [*scene.heads, HeadLine(len(lines) + 1, old)]
    before, scene.heads = scene.heads, played

    async def nothing(_: AsyncConnection) -> bool:
        return True

    try:
        assert scene.findings(nothing)[1] == ["head_backwards"]
        forged = Head(len(lines), 0, bytes(32))
        scene.heads = [*before[:-1], HeadLine(len(lines), forged)]
        assert scene.findings(nothing)[1] == ["head_mac"]
    finally:
        scene.heads = before


def test_people_added_to_a_row_are_found(scene: Scene) -> None:
    """Somebody is made to look as if their data had been opened."""

    async def tamper(connection: AsyncConnection) -> bool:
        row = (await _rows(connection, audit_row))[0]
        await connection.execute(audit_subject.insert(), [{"audit_id": row["id"], "rider_id": "someone"}])
        return True

    assert "row_mac" in scene.findings(tamper)[1]


def test_what_no_writer_of_ours_could_have_put_there_is_named_not_an_error(scene: Scene) -> None:
    """A text where a time belongs, broken JSON for counts: the row is named, the rest is verified."""

    async def tamper(connection: AsyncConnection) -> bool:
        if connection.dialect.name == "sqlite":
            await connection.execute(text("UPDATE audit_row SET at = 'never' WHERE seal_no = 1"))
            await connection.execute(text("UPDATE audit_row SET counts = '{' WHERE seal_no = 2"))
        else:
            await connection.execute(text("UPDATE audit_row SET counts = '[1]' WHERE seal_no IN (1, 2)"))
        return True

    codes = scene.findings(tamper)[1]
    assert codes.count("row_mac") == 8
    assert "head_mac" not in codes
