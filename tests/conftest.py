"""Fixtures that every test may use, and the rules that hold for all of them; see docs/development.md."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from playwright.async_api import Browser, async_playwright

from tests import network
from tests.databases import Databases
from tests.postgres_server import shared_server

if TYPE_CHECKING:
    from tests.kafka_server import Broker

SESSION_FOLDER = "RIDER_HUB_TEST_SESSION_FOLDER"
SESSION_OWNER = "RIDER_HUB_TEST_SESSION_OWNER"

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # With these two, boxes over a canvas leave no mirrored ghost on screenshots.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    # Chromium is a process of its own, which the guard of tests/network.py does not see.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]

# No deadline: the machines that run the tests are shared, and a slow example is no fault.
settings.register_profile("default", max_examples=100, deadline=None, print_blob=True)
settings.register_profile("long", max_examples=2_000, deadline=None, print_blob=True)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the counts, shut the network, and give the session one folder; workers inherit its name."""
    settings.load_profile("long" if os.environ.get("RIDER_HUB_TEST_LONG") == "1" else "default")
    network.install()
    if not hasattr(config, "workerinput"):
        os.environ[SESSION_FOLDER] = tempfile.mkdtemp(prefix="rider-hub-tests-")
        os.environ[SESSION_OWNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the session's folder away; the database server ends with this process by itself."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(SESSION_FOLDER), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives Chromium, so that `-m "not browser"` leaves it out."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn each skip and expected failure into a failure: what is not run is not known to work."""
    report = yield
    if report.skipped or hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped or expected to fail, which is not done here: {report.longrepr}"
        vars(report).pop("wasxfail", None)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a test file that skips itself into an error."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"a test file skips itself, which is not done here: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """Give the real PostgreSQL: the one named by the environment, else one of this session's own."""
    url = os.environ.get("RIDER_HUB_TEST_POSTGRES_URL") or shared_server(
        Path(os.environ[SESSION_FOLDER]), int(os.environ[SESSION_OWNER])
    )
    databases = Databases(url)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def postgres_template(postgres: Databases) -> Iterator[str]:
    """Give a migrated PostgreSQL database, to be copied and never changed."""
    from rider_hub.storage.migrate import upgrade  # noqa: PLC0415 - tests below the hub need not load it

    url = postgres.create()
    upgrade(url)
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a migrated SQLite file, to be copied and never changed."""
    from rider_hub.storage.migrate import upgrade  # noqa: PLC0415 - tests below the hub need not load it

    path = tmp_path_factory.mktemp("template") / "rider_hub.db"
    upgrade(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database of this test's own, without any table."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'rider_hub.db'}"
        return
    databases: Databases = request.getfixturevalue("postgres")
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database of this test's own, migrated and without any row of the hub's."""
    yield from migrated(request, request.param, tmp_path / "rider_hub.db")


def migrated(request: pytest.FixtureRequest, kind: str, path: Path) -> Iterator[str]:
    """Give the URL of a migrated database of a kind, SQLite's at a path; it is gone after the test."""
    if kind == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    databases: Databases = request.getfixturevalue("postgres")
    url = databases.create(template=request.getfixturevalue("postgres_template"))
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def kafka() -> str:
    """Give the address of a real Kafka, which all tests share: take topics and groups of your own."""
    from tests.kafka_server import shared_broker  # noqa: PLC0415 - tests without Kafka need not load its client

    return shared_broker(Path(os.environ[SESSION_FOLDER]), int(os.environ[SESSION_OWNER]))


@pytest.fixture
def own_kafka() -> Iterator["Broker"]:
    """Give a started Kafka of this test's own, to be killed and started again."""
    from tests.kafka_server import Broker  # noqa: PLC0415 - tests without Kafka need not load its client

    broker = Broker()
    try:
        broker.start()
        yield broker
    finally:
        broker.remove()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Give the path of the machine's own Chromium."""
    found = os.environ.get("RIDER_HUB_TEST_CHROMIUM") or next(
        filter(None, map(shutil.which, CHROMIUM_NAMES)), None
    )
    if found is None:
        pytest.fail("The tests need Chromium: sudo apt-get install chromium, or set RIDER_HUB_TEST_CHROMIUM")
    return found


@pytest.fixture
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    """Give a headless Chromium of this test's own, in the test's own loop: see docs/development.md."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGS)
        yield chromium
        await chromium.close()
