"""Factories with defaults: a test sets only what it is about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rider_hub.access import Actor, Hub, Keyring, Role, Scope
from rider_hub.clock import Clock, FixedClock
from rider_hub.settings import Settings
from rider_hub.storage import Database

__all__ = ["county_staff", "make_hub", "staff"]

#: Keys are made once a process: making them is slow only in that it needs randomness.
_KEYS = Keyring.new()


@asynccontextmanager
async def make_hub(database_url: str, data_dir: Path, clock: Clock | None = None) -> AsyncIterator[Hub]:
    """Open a hub on a migrated database with a clock that stands still."""
    database = Database(database_url)
    settings = Settings(data_dir=data_dir, database_url=database_url, demo=True)
    try:
        yield Hub(settings, clock or FixedClock(), database, _KEYS)
    finally:
        await database.close()


def staff(
    *roles: Role, divisions: tuple[str, ...] = ("110101",), organizations: frozenset[str] = frozenset()
) -> Actor:
    """Return a member of staff with roles in divisions."""
    return Actor(
        id="user:tester",
        display_name="测试员",
        roles=frozenset(roles),
        scope=Scope(divisions=divisions),
        scope_title="测试范围",
        organizations=organizations,
    )


def county_staff(division: str = "110101") -> Actor:
    """Return county staff who may also administer the system, so that set-up steps need one actor."""
    return staff(Role.COUNTY_STAFF, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, divisions=(division,))
