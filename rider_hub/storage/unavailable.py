"""Puts what a database can't do for the moment into words: gone, busy, full; all else stays as it is."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from rider_hub.errors import HubError, Unavailable

__all__ = ["saying_faults"]

#: No answer, or none any more. The last is what the driver says of a connection that broke under it.
_GONE = (ConnectionError, TimeoutError, socket.gaierror, asyncpg.InterfaceError)
#: SQLSTATE of PostgreSQL, its class or more of it → what happened; the first that fits counts.
_STATES = {
    "08": "down",
    "57P": "down",
    "58": "full",
    "53100": "full",
    "53": "busy",
    "55P03": "busy",
    "40": "busy",
}
#: Names of SQLite's result codes, or how they begin.
_NAMES = {"SQLITE_BUSY": "busy", "SQLITE_FULL": "full", "SQLITE_IOERR": "full", "SQLITE_CANTOPEN": "full"}


@contextmanager
def saying_faults() -> Iterator[None]:
    """Raise Unavailable for a database that is gone, busy or out of room; other errors pass."""
    try:
        yield
    except Exception as error:
        if (what := _what(error)) is None:
            raise
        fault = _WORDS[what]()
        raise fault from error


def _what(error: Exception) -> str | None:
    """Return what happened to the database, None for an error that says something of a statement or of us."""
    if isinstance(error, _GONE):
        return "down"
    if isinstance(error, NoConnectionLeft):
        return "busy"
    # COPY goes past SQLAlchemy: its errors come as the driver made them.
    told = error.orig if isinstance(error, DBAPIError) else error
    name, state = (str(getattr(told, one, None) or "") for one in ("sqlite_errorname", "sqlstate"))
    found = next((what for start, what in _NAMES.items() if name.startswith(start)), None)
    found = found or next((what for start, what in _STATES.items() if state.startswith(start)), None)
    return found or ("down" if isinstance(error, DBAPIError) and error.connection_invalidated else None)


def _down() -> HubError:
    return Unavailable(
        "数据库暂时无法连接，请稍后再试；已确认接收的内容不受影响。",
        "The database can't be reached: try again shortly. What was acknowledged is safe.",
        code="database_down",
    )


def _busy() -> HubError:
    return Unavailable(
        "数据库正被另一个程序写入，请稍后再试。",
        "Another process is writing to the database; try again shortly.",
        code="database_busy",
    )


def _full() -> HubError:
    return Unavailable(
        "存储空间不足或磁盘故障，这次操作没有保存。请系统管理员清理磁盘；之后原样重试即可。",
        "The disk is full or failing: nothing of this was saved. Make room, then send the same again.",
        code="disk_full",
        status=507,
    )


_WORDS = {"down": _down, "busy": _busy, "full": _full}
