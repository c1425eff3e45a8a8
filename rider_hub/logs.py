"""Structured logs on standard error; personal fields are dropped before anything is written."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

__all__ = ["configure", "logger"]

#: Keys that may carry a person's data; a log line never shows their values.
_PERSONAL = frozenset(
    {"name", "phone", "id_number", "id_hash", "text", "payload", "body", "password", "code", "lng", "lat"}
)


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
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def logger(area: str) -> Any:
    """Return the logger of one area of the hub, named rider_hub.<area>."""
    return structlog.get_logger(area=f"rider_hub.{area}")
