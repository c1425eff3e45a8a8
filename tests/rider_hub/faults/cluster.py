"""A PostgreSQL server of one test's own, which may be killed, stopped and started again."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.postgres_server import OPTIONS, _as_postgres, _in_memory, _make_cluster, find_binaries
from tests.rider_hub.faults.ports import free_port

__all__ = ["Cluster"]

_START_S = 60
_PASSWORD = "of-one-test"
#: A killed server keeps what it wrote; one that answered before it wrote would lose what it acknowledged.
_LASTING = {"synchronous_commit": "on"}


class Cluster:
    """One cluster in a folder of its own, on a port that stays the same."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="rider-hub-postgres-", dir=_in_memory()))
        self._binaries = find_binaries()
        self._data = _make_cluster(self._binaries, self._folder, _PASSWORD)
        self._log = self._folder / "server.log"
        self.port = free_port()
        self.url = f"postgresql+asyncpg://hub:{_PASSWORD}@127.0.0.1:{self.port}/postgres"
        self._server: Any = None

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        settings = OPTIONS | _LASTING
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        seen = self._log.read_text("utf-8").count("ready to accept") if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, "-p", str(self.port), *options],
                cwd=self._data,
                stderr=log,
                stdout=log,
                start_new_session=True,
                **_as_postgres(),
            )
        deadline = time.monotonic() + _START_S
        while self._log.read_text("utf-8").count("ready to accept") == seen:
            assert time.monotonic() < deadline, self._log.read_text("utf-8")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill -9 the server and all its processes."""
        self.signal(signal.SIGKILL)
        self._server.wait()
        # Its own children notice the end by themselves, those in another session too.
        time.sleep(0.1)

    def remove(self) -> None:
        """End the server and leave nothing behind."""
        if self._server:
            self.kill()
        shutil.rmtree(self._folder)

    def signal(self, kind: signal.Signals) -> None:
        """Send a signal to the server and all its processes."""
        with suppress(ProcessLookupError):
            # The server first: it would start anew what it sees die.
            for process in (self._server.pid, *self._children()):
                os.kill(process, kind)

    def _children(self) -> list[int]:
        listed = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children")
        return [int(pid) for pid in listed.read_text("ascii").split()] if listed.exists() else []
