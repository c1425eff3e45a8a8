"""Fresh databases on the session's PostgreSQL server: copied from a template, dropped afterwards."""

import asyncio
import secrets
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
from sqlalchemy.engine import URL, make_url

__all__ = ["Databases"]


class Databases:
    """Makes and drops databases of one server; names are unlike those of any other worker or session."""

    def __init__(self, server_url: str) -> None:
        self._server = make_url(server_url).set(drivername="postgresql+asyncpg")
        self._prefix = f"hub_test_{secrets.token_hex(4)}"
        self._made = 0

    def create(self, template: str = "template0") -> str:
        """Make a database with the content of the template (a URL made here; by default empty)."""
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        source = make_url(template).database if ":" in template else template
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        return self._server.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Drop a database made here, whoever is still connected to it."""
        self._execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        _in_own_loop(_execute(self._server, statement))


async def _execute(server: URL, statement: str) -> None:
    plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _in_own_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run in a thread with a loop of its own, so that no test's loop is touched."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
