"""The real `rider-hub serve` or `stream`, in a process of its own, which ends itself where a test orders it.

The hub has no switch for this: what is ordered here hangs on SQLAlchemy's own seams, from outside, and lives
in the tests alone. Nothing of the hub's is replaced but the figures of `Order`.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect

__all__ = ["Order", "serve"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to the server: it is killed before or after its n-th commit of a receipt."""

    kill: Literal["", "before_commit", "after_commit"] = ""
    at: int = 1
    #: How long each commit of a receipt takes longer, as on a slow disk.
    slow_s: float = 0.0
    #: How long an unfinished batch is left to whoever began it; 30 s are long in a test.
    take_over_s: float = 1.0
    #: How long a push waits for its turn.
    patience_s: float = 10.0
    #: How many rows one transaction writes, so that a push has several.
    rows_a_part: int = 500
    #: The most pages the SQLite file may have; beyond, the disk is full.
    most_pages: int = 0


def serve(environment: Mapping[str, str], order: Order, log: str, command: str = "serve") -> None:
    """Run a command as the environment says until stopped or killed; what is printed goes to the log."""
    os.environ.update(environment)
    descriptor = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout = sys.stderr = os.fdopen(descriptor, "a", encoding="utf-8")
    from rider_hub.cli import main  # noqa: PLC0415 - loaded beforehand by the fork server

    _shorten(order)
    if order.kill or order.slow_s:
        _watch_commits(order)
    if order.most_pages:
        _limit_pages(order.most_pages)
    main([command], standalone_mode=False)


def _shorten(order: Order) -> None:
    from rider_hub import parameters  # noqa: PLC0415
    from rider_hub.storage import engine  # noqa: PLC0415

    engine._PART.update(dict.fromkeys(engine._PART, order.rows_a_part))
    known = parameters._all()
    for name, value in {"take_over": order.take_over_s, "patience": order.patience_s}.items():
        figure = known[f"intake.{name}"]
        known[f"intake.{name}"] = type(figure)(**{**vars(figure), "value": value})


def _limit_pages(most: int) -> None:
    @event.listens_for(Engine, "connect")
    def _limit(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA max_page_count={most}")
        cursor.close()


def _watch_commits(order: Order) -> None:
    """Count the commits of transactions that wrote a receipt; slow them, or end the process at one."""
    writing: set[int] = set()
    seen = 0
    commit = DefaultDialect.do_commit

    @event.listens_for(Engine, "before_cursor_execute")
    def _note(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith("UPDATE RECEIPT"):
            writing.add(_identity(connection.connection))

    def do_commit(self: DefaultDialect, connection: Any) -> None:
        nonlocal seen
        counts = _identity(connection) in writing
        writing.discard(_identity(connection))
        seen += counts
        time.sleep(order.slow_s if counts else 0)
        if counts and seen == order.at and order.kill == "before_commit":
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self, connection)
        if counts and seen == order.at and order.kill == "after_commit":
            os.kill(os.getpid(), signal.SIGKILL)

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


def _identity(connection: Any) -> int:
    return id(getattr(connection, "dbapi_connection", connection))
