"""From rows as sent to rows as judged: contract, then references; reads the database, changes nothing."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked, Reject
from connectors.contract import Row, check_rows
from connectors.forms import canonical, digest_of
from connectors.payload import quarantine_payload
from connectors.records import FeedType, Registration, Request, Station
from rider_hub.access import Keyring
from rider_hub.divisions.areas import current_or_none
from rider_hub.divisions.store import children, names
from rider_hub.errors import Failure
from rider_hub.intake.faults import fault
from rider_hub.intake.frames import Judgement, Points
from rider_hub.intake.model import Sender
from rider_hub.intake.outcomes import Outcome, Outcomes
from rider_hub.intake.within import Within, faults_within
from rider_hub.parameters import parameter
from rider_hub.requests.from_feed import CATEGORY_WORDS, category_of
from rider_hub.riders.indexes import county_key_id

__all__ = ["CheckedBatch", "check_batch"]

_ROWS_A_BREATH = 500
_NUMBER_FIELDS = ("id_number", "id_hash")


@dataclass(frozen=True)
class CheckedBatch:
    """A batch as judged: one outcome a row in order, rows a greater version makes needless, the frame."""

    outcomes: Outcomes
    duplicates: frozenset[int]
    judgement: Judgement

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Every fault of every refused row, in row order."""
        return tuple(failure for one in self.outcomes.refused() for failure in one.failures)

    @property
    def rejected(self) -> int:
        """How many rows are refused."""
        return self.outcomes.rejected

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


async def check_batch(
    connection: AsyncConnection,
    sender: Sender,
    feed_type: FeedType,
    rows: Iterable[tuple[int, Row]],
    now: datetime,
    *,
    keys: Keyring,
    within: Within | None = None,
) -> CheckedBatch:
    """Check the rows of one batch; the loop is given back between every 500 of them.

    With `within`, rows of other stations and of other stations' riders are refused.
    """
    watched = _Watched(rows)
    sender = sender.for_feed(feed_type)
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
    streets = await current_or_none(connection, sender.county, "street")
    references = _References(connection, sender, feed_type, now, keys, within=within)
    outcomes, repeated, points = Outcomes(feed_type), _Repeated(), Points(streets)
    for part, sources in _in_parts(stream, watched, references):
        judged = await references.judge(part, sources)
        good = [one for one in judged if isinstance(one, Checked)]
        repeated.see(good)
        points.see(good)
        outcomes.add(judged)
        await asyncio.sleep(0)
    duplicates = repeated.needless(outcomes)
    return CheckedBatch(outcomes, duplicates, points.judged(without=duplicates))


def _in_parts(
    stream: Iterable[Outcome], watched: "_Watched", references: "_References"
) -> Iterator[tuple[list[Outcome], dict[int, Row]]]:
    """Give outcomes in parts, each with the sources of those that may yet be refused, by place in it."""
    part: list[Outcome] = []
    sources: dict[int, Row] = {}
    for outcome in stream:
        if isinstance(outcome, Checked) and references.may_refuse(outcome):
            sources[len(part)] = watched.row
        part.append(outcome)
        if len(part) == _ROWS_A_BREATH:
            yield part, sources
            part, sources = [], {}
    if part:
        yield part, sources


class _Watched:
    """Passes rows on and remembers the last one, which is the source of the next outcome."""

    def __init__(self, rows: Iterable[tuple[int, Row]]) -> None:
        self._rows = rows
        self.row: Row = b""

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        for number, row in self._rows:
            self.row = row
            yield number, row


def _key_id(checked: Checked) -> str:
    """Return the id of the key that a record's hash says it was made with, "" where it says none."""
    record = checked.record
    hashed = record.id_hash if isinstance(record, Registration) else None
    return hashed.rpartition(":")[0] if hashed else ""


def _without_key_id(checked: Checked) -> Checked:
    """Return a record with its hash alone: naming the key or not is the same content."""
    record = checked.record
    if not (isinstance(record, Registration) and record.id_hash):
        return checked
    plain = msgspec.structs.replace(record, id_hash=record.id_hash.rpartition(":")[2])
    return Checked(checked.row, plain, digest_of(canonical(plain)))


def _community(checked: Checked) -> tuple[str, str]:
    """Return the path and the value of the community a record names, "" where it names none."""
    record = checked.record
    if isinstance(record, Station):
        return "community_code", record.community_code or ""
    if isinstance(record, Request):
        return "place.community_code", record.place.community_code or ""
    area = record.work_area if isinstance(record, Registration) else None
    return "work_area.community_code", (area.community_code or "") if area else ""


class _References:
    """What rows may name: known communities of the sender's county, and no time ahead of ours."""

    def __init__(
        self,
        connection: AsyncConnection,
        sender: Sender,
        feed_type: FeedType,
        now: datetime,
        keys: Keyring,
        *,
        within: Within | None,
    ) -> None:
        self._within = within
        self._connection = connection
        self._sender = sender
        self._feed_type = feed_type
        self._key_id = county_key_id(keys, sender.county)
        self.deadline = now + timedelta(minutes=parameter("intake.ahead").value)
        self._asked: set[str] = set()
        self._known: set[str] = set()
        #: Without a code table of the county nothing can be said of a code.
        self._has_table: bool | None = None

    def may_refuse(self, checked: Checked) -> bool:
        """Say whether a row may yet be refused: for its time, a code the table may not know, its station."""
        at = checked.record.updated_at
        late = at is not None and at > self.deadline
        named = isinstance(checked.record, Request) or bool(_community(checked)[1])
        return late or named or bool(_key_id(checked)) or self._within is not None

    async def judge(self, outcomes: Sequence[Outcome], sources: Mapping[int, Row]) -> list[Outcome]:
        """Return the outcomes, those that break a reference refused; `sources` are rows by their place."""
        judged = list(outcomes)
        good = {place: one for place in sources if isinstance(one := outcomes[place], Checked)}
        await self._ask({code for one in good.values() if (code := _community(one)[1])})
        outside = await self._outside(good.values())
        for place, one in good.items():
            if faults := [*outside.get(one.row, ()), *self._faults(one)]:
                judged[place] = _refused(one, sources[place], faults, self._sender, self._feed_type)
            elif _key_id(one):
                judged[place] = _without_key_id(one)
        return judged

    async def _outside(self, checked: Iterable[Checked]) -> Mapping[int, list[Failure]]:
        return {} if self._within is None else await faults_within(self._connection, self._within, checked)

    async def _ask(self, codes: set[str]) -> None:
        """Look up codes that were not asked for before."""
        news = codes - self._asked
        if not news:
            return
        if self._has_table is None:
            self._has_table = bool(await children(self._connection, self._sender.county))
        if self._has_table:
            self._known.update(await names(self._connection, news))
        self._asked |= news

    def _faults(self, one: Checked) -> list[Failure]:
        faults = []
        path, code = _community(one)
        at = one.record.updated_at
        if at is not None and at > self.deadline:
            minutes = int(parameter("intake.ahead").value)
            faults.append(fault(one.row, "updated_at", "updated_at_in_future", minutes=minutes))
        if code and not code.startswith(self._sender.county):
            faults.append(fault(one.row, path, "community_outside_county"))
        elif code and self._has_table and code not in self._known:
            faults.append(fault(one.row, path, "community_unknown"))
        if _key_id(one) not in ("", self._key_id):
            faults.append(fault(one.row, "id_hash", "id_hash_key_unknown", key=self._key_id))
        if isinstance(one.record, Request) and category_of(one.record.category) is None:
            faults.append(fault(one.row, "category", "category_unknown", words=CATEGORY_WORDS))
        return faults


def _refused(
    checked: Checked, source: Row, failures: Iterable[Failure], sender: Sender, feed_type: FeedType
) -> Reject:
    mapping = sender.mapping
    named = tuple(
        msgspec.structs.replace(one, path=mapping.source_path(feed_type, one.path)) if mapping else one
        for one in failures
    )
    drop = {mapping.source_path(feed_type, name) if mapping else name for name in _NUMBER_FIELDS}
    plain = source if isinstance(source, Mapping) else msgspec.json.decode(source)
    return Reject(checked.row, checked.record.record_id, named, quarantine_payload(plain, drop=drop))


class _Repeated:
    """Knows which keys came more than once, by no more than their hashes."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._twice: set[str] = set()

    def see(self, checked: Iterable[Checked]) -> None:
        """Note the keys of rows."""
        for one in checked:
            key = _key(one)
            if hash(key) in self._seen:  # two keys of one hash are compared below and found to differ
                self._twice.add(key)
            else:
                self._seen.add(hash(key))

    def needless(self, outcomes: Iterable[Outcome]) -> frozenset[int]:
        """Return the needless rows among all outcomes."""
        if not self._twice:
            return frozenset()
        return _duplicates(one for one in outcomes if isinstance(one, Checked) and _key(one) in self._twice)


def _duplicates(checked: Iterable[Checked]) -> frozenset[int]:
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
    if isinstance(record, Request):
        return record.record_id
    return record.station_ref if isinstance(record, Station) else record.platform_rider_ref


def _order(checked: Checked) -> tuple[datetime, str] | None:
    """Return what orders two versions without their content; None for a station without a time."""
    at = checked.record.updated_at
    return None if at is None else (at, checked.record.record_id or "")
