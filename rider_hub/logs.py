"""Structured logs on standard error; personal fields are dropped before anything is written."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

__all__ = ["configure", "frames_of", "logger"]

#: Keys that may carry a person's data; a log line never shows their values.
_PERSONAL = frozenset(
    {"name", "phone", "id_number", "id_hash", "text", "payload", "body", "password", "code", "lng", "lat"}
)

_FRAMES = 8


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event.keys() & _PERSONAL:
        event[key] = "…"
    return event


def configure(*, json: bool = True) -> None:
    """Send log lines to standard error, as JSON for machines or as text for a console."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            _redact,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Looked up for each logger: a stream that was replaced meanwhile is not written to.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)


class _Libraries(logging.Handler):
    """Writes what libraries log as lines of ours, without arguments and texts of errors.

    Those hold pieces of what was sent: of a malformed request the line at fault, a cookie among them.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write the kind and the place of what a library tells."""
        error = record.exc_info[1] if record.exc_info else None
        said = {"kind": type(error).__name__, "where": frames_of(error)} if error else {}
        event = next(iter(str(record.msg).splitlines()), "")
        structlog.get_logger(area=record.name).log(record.levelno, event, **said)


def frames_of(error: BaseException) -> list[str]:
    """List the last frames of a trace without the error's own text, which may hold a person's data."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-_FRAMES:]


def logger(area: str) -> Any:
    """Return the logger of one area of the hub, named rider_hub.<area>."""
    return structlog.get_logger(area=f"rider_hub.{area}")
