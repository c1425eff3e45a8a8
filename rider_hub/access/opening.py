"""Opening a hub from its settings: keys, database, clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rider_hub.access.hub import Hub
from rider_hub.access.key_checks import check_keys, holds_anything
from rider_hub.access.keyfile import KeyFault
from rider_hub.access.keys import Keyring
from rider_hub.access.sealer import Sealer
from rider_hub.clock import Clock, SystemClock
from rider_hub.settings import Settings
from rider_hub.storage import Database
from rider_hub.storage.derived import keep_derived
from rider_hub.storage.migrate import check_schema

__all__ = ["check_unused", "make_first_keys", "open_hub"]


@asynccontextmanager
async def open_hub(
    settings: Settings, clock: Clock | None = None, *, seals: bool = True, name: str = "rider-hub"
) -> AsyncIterator[Hub]:
    """Open the hub these settings describe and close it at the end, with `seals` sealing what it recorded.

    `name` is what PostgreSQL shows of its connections.

    Raises KeyFault where there are no keys, they are another database's or a primitive answers wrongly;
    SchemaMismatch where the database is of another version.
    """
    keys = Keyring.load(settings.keys)
    database = Database(settings.url, name)
    try:
        await check_schema(database)
        await check_keys(database, keys.keyset)
        hub = Hub(settings, clock or SystemClock(), database, keys)
        keep_derived(settings.data_dir / "derived")
        yield hub
        if seals:
            await Sealer(hub).finish()
    finally:
        await database.close()


async def make_first_keys(settings: Settings) -> None:
    """Make a key file where there is none, for a database that was never used.

    Raises KeyFault where the database has rows: its keys are lost or not in place, and new ones would open
    nothing of it.
    """
    if settings.keys.exists():
        return
    await check_unused(settings)
    Keyring.new(settings.suite).save(settings.keys)


async def check_unused(settings: Settings) -> None:
    """Raise KeyFault where the database was used with keys: new ones would open nothing of it."""
    database = Database(settings.url)
    try:
        used = await holds_anything(database)
    finally:
        await database.close()
    if used:
        raise KeyFault(
            f"数据库已有数据，但没有找到密钥文件 {settings.keys}。系统不会自动生成新密钥："
            "新密钥打不开已有数据。请用 rider-hub keys import 从保管的密钥副本恢复。",
            f"The database has rows, and there is no key file at {settings.keys}. No new keys are made: they "
            "would open nothing of it. Restore the keys from the copy in custody by `rider-hub keys import`.",
            code="keys_lost",
            status=503,
        )
