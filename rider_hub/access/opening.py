"""Opening a hub from its settings: keys, database, clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rider_hub.access.hub import Hub
from rider_hub.access.keys import Keyring
from rider_hub.access.sealer import Sealer
from rider_hub.clock import Clock, SystemClock
from rider_hub.settings import Settings
from rider_hub.storage import Database
from rider_hub.storage.migrate import check_schema

__all__ = ["open_hub"]


@asynccontextmanager
async def open_hub(
    settings: Settings, clock: Clock | None = None, *, seals: bool = True
) -> AsyncIterator[Hub]:
    """Open the hub these settings describe and close it at the end, with `seals` sealing what it recorded.

    Raises KeyFault where there are no keys, SchemaMismatch where the database is of another version.
    """
    keys = Keyring.load(settings.keys)
    database = Database(settings.url)
    try:
        await check_schema(database)
        hub = Hub(settings, clock or SystemClock(), database, keys)
        yield hub
        if seals:
            await Sealer(hub).finish()
    finally:
        await database.close()
