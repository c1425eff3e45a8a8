"""Ends transactions of processes that went silent amid one and keep others waiting (PostgreSQL)."""

from sqlalchemy import text

from rider_hub.storage.engine import Database

__all__ = ["end_silent"]

#: A session of a name, in a transaction, that has said nothing for a while and that somebody waits for.
#: Limits on idle transactions and on statements do not end one stopped amid a statement's messages.
_END = text(
    """
    SELECT count(pg_terminate_backend(one.pid)) FROM pg_stat_activity one
    WHERE one.datname = current_database() AND one.usename = current_user AND one.application_name = :name
      AND one.xact_start IS NOT NULL AND one.wait_event = 'ClientRead'
      AND one.state_change < clock_timestamp() - make_interval(secs => :seconds)
      AND EXISTS (SELECT 1 FROM pg_stat_activity other WHERE other.wait_event_type = 'Lock'
                  AND one.pid = ANY (pg_blocking_pids(other.pid)))
    """
)


async def end_silent(database: Database, name: str, seconds: float) -> int:
    """End the sessions of processes with a name that hold others up in silence; returns how many.

    Such a process was stopped, or its host is gone; what it had begun is rolled back, and it is told when it
    wakes. On SQLite nothing can be done about it.
    """
    if database.dialect != "postgresql":
        return 0
    async with database.write() as connection:
        return int((await connection.execute(_END, {"name": name, "seconds": seconds})).scalar_one())
