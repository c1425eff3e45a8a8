"""From rows as sent to rows as judged: contract, then references; reads the database, changes nothing."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked, Reject
from connectors.contract import Row, check_rows
from connectors.payload import quarantine_payload
from connectors.records import FeedType, Registration, Station
from rider_hub.divisions.areas import current_or_none
from rider_hub.divisions.store import children, names
from rider_hub.errors import Failure
from rider_hub.intake.faults import fault
from rider_hub.intake.frames import Judgement, judge
from rider_hub.intake.model import Sender
from rider_hub.parameters import parameter

__all__ = ["CheckedBatch", "check_batch"]

_ROWS_A_BREATH = 1000
_NUMBER_FIELDS = ("id_number", "id_hash")


@dataclass(frozen=True)
class CheckedBatch:
    """A batch as judged: one outcome a row in order, rows a greater version makes needless, the frame."""

    outcomes: tuple[Checked | Reject, ...]
    duplicates: frozenset[int]
    judgement: Judgement

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Every fault of every refused row, in row order."""
        return tuple(f for one in self.outcomes if isinstance(one, Reject) for f in one.failures)

    def beaten_by(self, winners: Sequence[Checked]) -> list[Checked]:
        """Return the needless rows, wherever in the batch, whose key one of these rows has."""
        if not self.duplicates:
            return []
        return [older for one in winners for older in self._beaten.get(_key(one), ())]

    @cached_property
    def _beaten(self) -> dict[str, list[Checked]]:
        found: dict[str, list[Checked]] = {}
        for one in self.outcomes:
            if isinstance(one, Checked) and one.row in self.duplicates:
                found.setdefault(_key(one), []).append(one)
        return found

    @property
    def rejected(self) -> int:
        """How many rows are refused."""
        return sum(isinstance(one, Reject) for one in self.outcomes)


async def check_batch(
    connection: AsyncConnection,
    sender: Sender,
    feed_type: FeedType,
    rows: Iterable[tuple[int, Row]],
    now: datetime,
) -> CheckedBatch:
    """Check the rows of one batch; the loop is given back between every 1,000 of them."""
    watched = _Watched(rows)
    outcomes: list[Checked | Reject] = []
    suspects: dict[int, Any] = {}
    deadline = now + timedelta(minutes=parameter("intake.ahead").value)
    mapping = sender.mapping
    if mapping is not None:
        mapping.feed(feed_type)  # a feed the platform does not offer is a fault of the whole
    stream = check_rows(
        watched,
        feed_type=feed_type,
        tier=sender.tier,
        frame=sender.frame or (mapping.frame if mapping else None),
        mapping=mapping,
    )
    for outcome in stream:
        if len(outcomes) % _ROWS_A_BREATH == 0:
            await asyncio.sleep(0)
        if isinstance(outcome, Checked) and _needs_source(outcome, deadline):
            suspects[len(outcomes)] = watched.row
        outcomes.append(outcome)
    for place, failures in (
        await _reference_faults(connection, sender, outcomes, suspects, deadline)
    ).items():
        outcomes[place] = _refused(outcomes[place], suspects[place], failures, sender, feed_type)
    good = [one for one in outcomes if isinstance(one, Checked)]
    duplicates = _duplicates(good)
    streets = await current_or_none(connection, sender.county, "street")
    judged = judge([one for one in good if one.row not in duplicates], streets)
    return CheckedBatch(tuple(outcomes), duplicates, judged)


class _Watched:
    """Passes rows on and remembers the last one, which is the source of the next outcome."""

    def __init__(self, rows: Iterable[tuple[int, Row]]) -> None:
        self._rows = rows
        self.row: Row = b""

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        for number, row in self._rows:
            self.row = row
            yield number, row


def _needs_source(checked: Checked, deadline: datetime) -> bool:
    """Say whether a row may yet be refused: for its time, or for a code the table may not know."""
    at = checked.record.updated_at
    return (at is not None and at > deadline) or bool(_community(checked)[1])


def _community(checked: Checked) -> tuple[str, str]:
    """Return the path and the value of the community a record names, "" where it names none."""
    record = checked.record
    if isinstance(record, Station):
        return "community_code", record.community_code or ""
    area = record.work_area if isinstance(record, Registration) else None
    return "work_area.community_code", (area.community_code or "") if area else ""


async def _reference_faults(
    connection: AsyncConnection,
    sender: Sender,
    outcomes: Sequence[Checked | Reject],
    suspects: Mapping[int, Any],
    deadline: datetime,
) -> dict[int, tuple[Failure, ...]]:
    """Return the faults of the rows that break a reference, by their place in the batch."""
    good = {place: one for place in suspects if isinstance(one := outcomes[place], Checked)}
    codes = {code for one in good.values() if (code := _community(one)[1])}
    # Without a code table of the county nothing can be said of a code.
    has_table = bool(codes) and bool(await children(connection, sender.county))
    known = await names(connection, codes) if has_table else {}
    found: dict[int, tuple[Failure, ...]] = {}
    for place, one in good.items():
        path, code = _community(one)
        faults = []
        at = one.record.updated_at
        if at is not None and at > deadline:
            minutes = int(parameter("intake.ahead").value)
            faults.append(fault(one.row, "updated_at", "updated_at_in_future", minutes=minutes))
        if code and not code.startswith(sender.county):
            faults.append(fault(one.row, path, "community_outside_county"))
        elif code and has_table and code not in known:
            faults.append(fault(one.row, path, "community_unknown"))
        if faults:
            found[place] = tuple(faults)
    return found


def _refused(
    checked: Checked | Reject, source: Row, failures: Iterable[Failure], sender: Sender, feed_type: FeedType
) -> Reject:
    mapping = sender.mapping
    named = tuple(
        msgspec.structs.replace(one, path=mapping.source_path(feed_type, one.path)) if mapping else one
        for one in failures
    )
    drop = {mapping.source_path(feed_type, name) if mapping else name for name in _NUMBER_FIELDS}
    plain = source if isinstance(source, Mapping) else msgspec.json.decode(source)
    record_id = checked.record.record_id if isinstance(checked, Checked) else checked.record_id
    return Reject(checked.row, record_id, named, quarantine_payload(plain, drop=drop))


def _duplicates(checked: Sequence[Checked]) -> frozenset[int]:
    """Return the rows that a greater version of their key in the same batch makes needless.

    The content decides between versions of one time and record by its bare digest here, by its keyed one
    once stored: so such a pair is left to the store, which also warns of it.
    """
    best: dict[str, Checked] = {}
    needless: set[int] = set()
    for one in checked:
        key = _key(one)
        rival = best.get(key)
        if rival is None:
            best[key] = one
            continue
        mine, theirs = _order(one), _order(rival)
        if mine is None or theirs is None or mine == theirs:
            if one.digest == rival.digest:
                needless.add(one.row)
            continue
        loser = one if mine < theirs else rival
        needless.add(loser.row)
        best[key] = rival if loser is one else one
    return frozenset(needless)


def _key(checked: Checked) -> str:
    record = checked.record
    return record.station_ref if isinstance(record, Station) else str(record.platform_rider_ref)


def _order(checked: Checked) -> tuple[datetime, str] | None:
    """Return what orders two versions without their content; None for a station without a time."""
    at = checked.record.updated_at
    return None if at is None else (at, checked.record.record_id or "")
