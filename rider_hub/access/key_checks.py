"""Whether a key file is this database's: a check value of each key stands in the database, never a key."""

from collections.abc import Iterable

from sqlalchemy import delete, inspect, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.keyfile import Key, KeyFault, Keyset
from rider_hub.access.suites import keyed_hash
from rider_hub.access.tables import audit_row, key_check, user
from rider_hub.storage import Database, insert_ignoring

__all__ = ["check_keys", "forget_keys", "holds_anything"]


def _check_of(key: Key) -> str:
    context = keyed_hash(key.suite, key.secret, f"{key.id}\x00check\x00{key.suite}".encode())
    return context.finalize().hex()


async def check_keys(database: Database, keys: Keyset) -> None:
    """Compare the keys with the database's check values, and keep those of keys it has not met.

    Raises KeyFault, naming the ids, where the database was sealed with a key that is missing here, or with
    another one of the same id.
    """
    ours = {key.id: _check_of(key) for key in keys.keys}
    async with database.read() as connection:
        rows = await connection.execute(select(key_check.c.key_id, key_check.c.value))
        theirs = {row.key_id: row.value for row in rows}
    missing = sorted(theirs.keys() - ours.keys())
    changed = sorted(key_id for key_id in theirs.keys() & ours.keys() if theirs[key_id] != ours[key_id])
    if missing or changed:
        named = ", ".join(missing + changed)
        raise KeyFault(
            f"密钥文件与数据库不符，缺少或不同的密钥：{named}。请用 rider-hub keys import 恢复与该数据库"
            "配套的密钥文件；用别的密钥打不开已有数据。",
            f"The key file is not this database's; missing or different: {named}. Restore the file that goes "
            "with this database by `rider-hub keys import`: other keys do not open what is in it.",
            code="keys_of_another_database",
            status=503,
        )
    if unknown := sorted(ours.keys() - theirs.keys()):
        async with database.write() as connection:
            for key_id in unknown:
                row = {"key_id": key_id, "value": ours[key_id]}
                await insert_ignoring(connection, key_check, row, key=["key_id"])


async def forget_keys(connection: AsyncConnection, ids: Iterable[str]) -> None:
    """Delete the check values of keys that are about to be dropped; the database no longer asks for them."""
    await connection.execute(delete(key_check).where(key_check.c.key_id.in_(sorted(ids))))


async def holds_anything(database: Database) -> bool:
    """Say whether a database was ever used with keys: new ones would not open what is in it."""
    async with database.read() as connection:
        tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
        for table in (key_check, user, audit_row):
            found = select(literal(1)).select_from(table).limit(1)
            if table.name in tables and (await connection.execute(found)).first() is not None:
                return True
    return False
