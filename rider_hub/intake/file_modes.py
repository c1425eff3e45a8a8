"""Whether a file is a snapshot or changes: said by whoever hands it in, or by the agreement and its name."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connectors.records import FeedType
from rider_hub.clock import SHANGHAI, check_aware
from rider_hub.errors import HubError
from rider_hub.intake.faults import whole
from rider_hub.intake.model import Sender
from rider_hub.intake.snapshot_model import Declared, declared_by
from rider_hub.parameters import parameter

__all__ = ["declared_in", "declared_of_watched", "snapshot_feeds"]

#: A day, and the time of it where that is given: 2026-11-01, 20261101T0230, 2026-11-01_02-30-00.
_TIME: Final = re.compile(
    r"(?<![0-9])(20[0-9]{2})-?([01][0-9])-?([0-3][0-9])"
    r"(?:[T_ -]?([0-2][0-9])[-:]?([0-5][0-9])[-:]?([0-5][0-9])?)?(?![0-9])"
)


def snapshot_feeds(sender: Sender) -> frozenset[str]:
    """Return the feeds whose files are whole: by the sender's agreement, else by its manifest."""
    own = sender.settings.get("snapshots")
    mapping = sender.mapping
    return frozenset(own if own is not None else mapping.snapshots if mapping else ())


def declared_in(words: Mapping[str, str], feed_type: FeedType, rows: int, now: datetime) -> Declared | None:
    """Return what a person says of a file, in the words of a push's headers; its own rows are the total."""
    given = {"rfs-total": str(rows), **{name: text for name, text in words.items() if text}}
    declared = declared_by(given, now, _ahead())
    if declared is not None and feed_type != "registration":
        raise whole("snapshot_not_offered")
    return declared


def declared_of_watched(
    sender: Sender, feed_type: FeedType, name: str, rows: int, now: datetime
) -> Declared | None:
    """Return what a file of a watched folder declares; None for changes.

    A snapshot's time stands in its name, in the sender's zone: when it was written says nothing of what is in
    it. A day alone means its beginning. Raises HubError where no time is found or it lies ahead.
    """
    if feed_type not in snapshot_feeds(sender):
        return None
    if feed_type != "registration":
        raise whole("snapshot_not_offered")
    as_of = _time_in(name, ZoneInfo(sender.mapping.zone) if sender.mapping else SHANGHAI)
    if as_of is None or as_of > now + _ahead():
        raise HubError(
            "这类文件约定为全量，文件名须写明截至时间（如 registration-20261101T0230.csv），且不晚于现在。",
            "Files of this feed are snapshots: the name must hold their time, such as 20261101T0230.",
            code="snapshot_time_missing",
        )
    return Declared(as_of, rows)


def _time_in(name: str, zone: ZoneInfo) -> datetime | None:
    found = _TIME.search(name)
    if found is None:
        return None
    try:
        return check_aware(datetime(*(int(part or 0) for part in found.groups()), tzinfo=zone))  # type: ignore[misc,arg-type]
    except ValueError:
        return None


def _ahead() -> timedelta:
    return timedelta(minutes=parameter("intake.ahead").value)
