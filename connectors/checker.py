"""Checks a feed file against the contract without a database: what `feed check` prints."""

from pathlib import Path
from typing import Any

import msgspec

from connectors.batch import Checked, Failure
from connectors.contract import RowMapping, Unknown, check_rows
from connectors.errors import FeedError
from connectors.problems import feed_error
from connectors.records import FeedType, Frame, Tier
from connectors.sources.file_form import FileForm
from connectors.sources.manifest import Manifest
from connectors.transport.files import read_rows


class CheckReport(msgspec.Struct, frozen=True):
    """Hold the counts of a file's rows and every fault found; rows count from 1 without a header."""

    total: int
    accepted: int
    rejected: int
    failures: tuple[Failure, ...]

    @classmethod
    def of_unreadable(cls, error: FeedError) -> "CheckReport":
        """Report a file that can't be read as a whole: no row counts, and one fault of row 0 says why."""
        return cls(0, 0, 0, (Failure(0, "file", error.code, error.zh, error.en),))

    def to_json(self) -> bytes:
        """Return the report as JSON: `{total, accepted, rejected, failures: [{row, path, code, zh, en}]}`."""
        return msgspec.json.encode(self)


def _file_form(mapping: RowMapping | None, feed_type: FeedType) -> FileForm:
    feed = mapping.feeds.get(feed_type) if isinstance(mapping, Manifest) else None
    return feed.file if feed else FileForm()


def check_file(
    source: Path | str | bytes,
    feed_type: FeedType,
    *,
    name: str = "",
    sheet: str | None = None,
    encoding: str | None = None,
    tier: Tier | None = None,
    unknown: Unknown | None = None,
    frame: Frame | None = None,
    mapping: RowMapping | None = None,
) -> CheckReport:
    """Check each row of a file by the contract alone: references (station, county) are not looked up.

    Raises FeedError where the whole can't be read, or holds no row. Without a mapping the tier is B.
    """
    accepted = rejected = 0
    failures: list[Failure] = []
    options: dict[str, Any] = {"tier": tier, "unknown": unknown, "frame": frame, "mapping": mapping}
    rows = read_rows(source, name=name, sheet=sheet, encoding=encoding, form=_file_form(mapping, feed_type))
    for outcome in check_rows(rows, feed_type=feed_type, **options):
        if isinstance(outcome, Checked):
            accepted += 1
        else:
            rejected += 1
            failures += outcome.failures
    if not accepted + rejected:
        raise feed_error("rows_missing")
    return CheckReport(accepted + rejected, accepted, rejected, tuple(failures))
