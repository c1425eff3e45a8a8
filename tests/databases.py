"""Fresh databases on the session's PostgreSQL server: copied from a template, dropped afterwards."""

import asyncio
import secrets
from collections.abc import Coroutine
from threading import Thread
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

__all__ = ["Databases"]


class Databases:
    """Makes and drops databases of one server; names are unlike those of any other worker or session.

    It holds one connection, in a loop and a thread of its own, so that no test's loop is touched.
    """

    def __init__(self, server_url: str) -> None:
        self._server = make_url(server_url).set(drivername="postgresql+asyncpg")
        self._prefix = f"hub_test_{secrets.token_hex(4)}"
        self._made = 0
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        plain = self._server.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = self._run(_connect(plain))

    def create(self, template: str = "template0") -> str:
        """Make a database with the content of the template (a URL made here; by default empty)."""
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        source = make_url(template).database if ":" in template else template
        self._run(self._connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"'))
        return self._server.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Drop a database made here, whoever is still connected to it."""
        self._run(
            self._connection.execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')
        )

    def close(self) -> None:
        """Give the connection back and end the thread."""
        self._run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url)
