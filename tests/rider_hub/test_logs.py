"""What is written to the log: never what somebody sent."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from rider_hub.logs import configure

SENT = "rider_hub_session=secret; 骑手甲0001号"


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """Configure the log, and put back what was there."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers.clear()  # or configuring would close pytest's own
    configure(json=True)
    yield capsys
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def _broken() -> None:
    raise ValueError(SENT)


def test_libraries_log_without_what_was_sent(log: pytest.CaptureFixture[str]) -> None:
    """Kind and place of an error are told; its text, the arguments and further lines are not."""
    try:
        _broken()
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error in %s", SENT)
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: " + SENT)  # noqa: G003
    logging.getLogger("aiohttp.access").info(SENT)
    said = log.readouterr().err
    assert "ValueError" in said
    assert "_broken" in said
    assert "Task exception was never retrieved" in said
    assert not any(part in said for part in ("secret", "骑手甲", "future"))
