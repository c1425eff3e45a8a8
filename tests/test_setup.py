"""What the fixtures and the tooling promise to every other test."""

import hashlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.network import OutsideNetworkError
from tests.postgres_server import shared_server

ROOT = Path(__file__).resolve().parent.parent


async def test_an_empty_database_has_no_table(empty_database_url: str) -> None:
    """The unmigrated database answers and is empty, on both kinds."""
    assert await _tables(empty_database_url) == set()


async def test_a_database_is_migrated_and_of_this_test_alone(database_url: str) -> None:
    """The migrated database has the schema's version table and lets this test make what it likes."""
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE of_this_test (id INTEGER)"))
    await engine.dispose()
    assert {"alembic_version", "of_this_test"} <= await _tables(database_url)


async def test_another_test_does_not_see_it(database_url: str) -> None:
    """A table made by one test is in no other test's database, in whatever order they run."""
    assert "of_this_test" not in await _tables(database_url)


async def _tables(url: str) -> set[str]:
    engine = create_async_engine(url)
    listing = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    }[engine.dialect.name]
    async with engine.connect() as connection:
        names = set((await connection.execute(text(listing))).scalars())
    await engine.dispose()
    return names


def test_a_killed_session_leaves_no_server(tmp_path: Path) -> None:
    """The database server and its folder go away when the process of its session is killed."""
    owner = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    url = shared_server(tmp_path, owner.pid)
    assert shared_server(tmp_path, owner.pid) == url
    keeper = os.pidfd_open(int((tmp_path / "postgres_server.pid").read_text(encoding="utf-8")))
    port = int(url.rsplit(":", 1)[1].partition("/")[0])
    socket.create_connection(("127.0.0.1", port)).close()
    owner.kill()
    owner.communicate()
    ended, _, _ = select.select([keeper], [], [], 30)
    os.close(keeper)
    assert ended
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_the_network_outside_is_shut() -> None:
    """Names and addresses of other machines are refused before a packet leaves."""
    with pytest.raises(OutsideNetworkError):
        socket.getaddrinfo("example.invalid", 443)
    with socket.socket() as connection, pytest.raises(OutsideNetworkError):
        connection.connect(("192.0.2.1", 443))
    with socket.socket(type=socket.SOCK_DGRAM) as connection, pytest.raises(OutsideNetworkError):
        connection.sendto(b"", ("192.0.2.1", 53))


async def test_the_browser_shows_chinese(browser: Browser) -> None:
    """Chromium starts and draws Chinese text with a font that has it: two signs differ from the empty box."""
    page = await browser.new_page()
    await page.set_content("<span style='font-size: 40px'>骑</span><span style='font-size: 40px'>手</span>")
    first, second = [await item.screenshot() for item in await page.locator("span").all()]
    assert first != second


SKIPPING = [
    "def test_it():\n    pytest.skip('later')\n",
    "@pytest.mark.skip\ndef test_it():\n    assert True\n",
    "@pytest.mark.xfail\ndef test_it():\n    raise AssertionError\n",
    "@pytest.mark.xfail\ndef test_it():\n    assert True\n",
    "pytest.skip('all of it', allow_module_level=True)\n",
]


def test_a_skip_fails(tmp_path: Path) -> None:
    """Whoever skips or expects to fail, while running, before it or as a whole file, fails the run."""
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=_all_but_support)
    for number, body in enumerate(SKIPPING):
        path = tmp_path / "tests" / f"test_{number}.py"
        path.write_text(f"import pytest\n\n{body}", encoding="utf-8")
    settings = '[tool.pytest.ini_options]\npythonpath = ["."]\n'
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
    ]
    run = subprocess.run([*command, "tests"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "3 failed, 2 errors in" in run.stdout, run.stdout


def _all_but_support(_: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith(".py") or name.startswith("test_")}


def test_a_finished_setup_is_quick_and_changes_nothing() -> None:
    """Where nothing changed, the set-up says nothing and writes nothing."""
    stamp = ROOT / ".venv" / "requirements-dev.installed"
    before = stamp.stat().st_mtime_ns
    run = subprocess.run([ROOT / "scripts" / "setup.sh"], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")
    assert stamp.stat().st_mtime_ns == before


def test_the_front_end_files_are_those_of_the_manifest() -> None:
    """Each front-end file has the digest, the package and the locked version it is said to have."""
    folder = ROOT / "rider_hub" / "web" / "static" / "vendor"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert {about["package"] for about in manifest.values()} == set(wanted)
    for name, about in manifest.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == about["sha256"]
        assert about["version"] == wanted[about["package"]]


def test_locks_hold_digests_and_no_address() -> None:
    """Every locked package has a digest and none an address, so the locks work behind any mirror."""
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert all("integrity" in about and "resolved" not in about for name, about in packages.items() if name)
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        entries = [line for line in text.splitlines() if "==" in line and not line.lstrip().startswith("#")]
        assert entries
        assert all(line.endswith("\\") for line in entries)
