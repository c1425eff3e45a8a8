"""A server for one whole test session: a keeper process runs it and ends it with the session.

The keeper is a process of its own, because the server is shared by the workers and must outlive any of them,
and because it must also end when the session is killed: it watches the session's process and then stops.
"""

import fcntl
import os
import select
import subprocess
import sys
from pathlib import Path

__all__ = ["ServerMissingError", "shared", "wait_for_end"]

ROOT = Path(__file__).resolve().parent.parent


class ServerMissingError(RuntimeError):
    """No server can be had; the message says what to install."""


def shared(module: str, folder: Path, owner: int) -> str:
    """Return where the server of the session `owner` is; the first caller starts `python -m module OWNER`.

    That process writes one line, the address, when its server is ready, and keeps it until the owner ends.
    """
    name = module.rpartition(".")[2]
    known = folder / f"{name}.address"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not known.exists():
            known.write_text(_start(module, folder / name, owner), encoding="utf-8")
        return known.read_text(encoding="utf-8")


def _start(module: str, stem: Path, owner: int) -> str:
    log = stem.with_suffix(".log")
    with log.open("wb") as errors:
        keeper = subprocess.Popen(
            [sys.executable, "-m", module, str(owner)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    assert keeper.stdout is not None
    with keeper.stdout:
        address = keeper.stdout.readline().decode().strip()
    if not address:
        keeper.wait()
        raise ServerMissingError(log.read_text(encoding="utf-8"))
    stem.with_suffix(".pid").write_text(str(keeper.pid), encoding="utf-8")
    keeper.returncode = 0  # left to itself: it ends with the session, not with this worker
    return address


def wait_for_end(owner: int) -> None:
    """Return when the session's process is gone."""
    try:
        watch = os.pidfd_open(owner)
    except ProcessLookupError:
        return
    select.select([watch], [], [])
