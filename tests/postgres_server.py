"""A real PostgreSQL server for one test session, run by a keeper (tests/keeper.py)."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from tests.keeper import ServerMissingError, shared, wait_for_end

__all__ = ["ServerMissingError", "find_binaries", "shared_server"]

MISSING = """The tests need a real PostgreSQL server and found none.
Debian/Ubuntu: make test installs it as root or with sudo, or: sudo apt-get install postgresql
Elsewhere: put PostgreSQL's initdb on PATH, or set RIDER_HUB_TEST_POSTGRES_URL=postgresql://user:password@host/postgres
of a server where databases may be made and dropped."""

# The data are thrown away, so nothing waits for a disk.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "lc_messages": "C",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}

ROOM_IN_MEMORY = 2 << 30


def find_binaries() -> Path:
    """Return the folder with initdb and postgres, the newest version of Debian's first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise ServerMissingError(MISSING)
    return Path(on_path).resolve().parent


def shared_server(folder: Path, owner: int) -> str:
    """Return the URL of the server that belongs to the session `owner`; the first caller starts it."""
    return shared("tests.postgres_server", folder, owner)


def _as_postgres() -> dict[str, Any]:
    """Give what makes a child process run as user postgres: the server refuses to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _make_cluster(binaries: Path, folder: Path, password: str) -> Path:
    """Make an empty cluster whose one user must give the password: the port is open to all of the machine."""
    secret = folder / "password"
    secret.write_text(password, encoding="utf-8")
    data = folder / "data"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        for path in (folder, secret, data):
            shutil.chown(path, "postgres", "postgres")
    command = [str(binaries / "initdb"), f"--pgdata={data}", "--username=hub", f"--pwfile={secret}"]
    subprocess.run(
        [*command, "--auth=password", "--encoding=UTF8", "--locale=C", "--no-sync"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        check=True,
        **_as_postgres(),
    )
    return data


def _start_server(binaries: Path, data: Path) -> tuple[subprocess.Popen[bytes], int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-p", str(port), *options],
        cwd=data,
        stderr=subprocess.PIPE,
        **_as_postgres(),
    )
    assert server.stderr is not None
    for line in server.stderr:
        sys.stderr.buffer.write(line)
        if b"ready to accept connections" in line:
            threading.Thread(target=_drain, args=(server.stderr,), daemon=True).start()
            return server, port
    raise ServerMissingError(f"PostgreSQL did not start on port {port}; its log stands above.")


def _drain(log: IO[bytes]) -> None:
    """Keep the server's log, so that it never waits for a full pipe."""
    for line in log:
        sys.stderr.buffer.write(line)


def _in_memory() -> str | None:
    """Give a folder in memory where there is room: the 300 files of a database take 0.4 s on a disk."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of this process's own is made in it
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_IN_MEMORY:
        return str(memory)
    return None


def keep(owner: int) -> None:
    """Run a server until the session's process ends, then leave nothing behind."""
    binaries = find_binaries()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="rider-hub-postgres-", dir=_in_memory()))
    server = None
    try:
        password = secrets.token_hex(16)
        server, port = _start_server(binaries, _make_cluster(binaries, folder, password))
        sys.stdout.write(f"postgresql+asyncpg://hub:{password}@127.0.0.1:{port}/postgres\n")
        sys.stdout.flush()
        wait_for_end(owner)
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once: nobody will read these data again
            server.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    try:
        keep(int(sys.argv[1]))
    except ServerMissingError as error:
        sys.exit(str(error))
