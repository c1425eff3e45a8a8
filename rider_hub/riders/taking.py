"""Taking in checked registrations, many at once: what is unchanged costs a look, new rows go in bulk."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked
from rider_hub.access import Change, Keyring
from rider_hub.riders import store
from rider_hub.riders.area_changes import LIKE_TRACK, note_work_areas
from rider_hub.riders.corrections import CONFLICT, apply_corrections
from rider_hub.riders.indexes import no_phones_yet, phone_aliases
from rider_hub.riders.linking import review_links, shared_indexes
from rider_hub.riders.model import WAITING_FOR_STATION, Outcome, RegistrationState, Version
from rider_hub.riders.rows import (
    history_row,
    keyed_digests,
    record_of,
    registration_rows,
    seal_persons,
    without_number,
)
from rider_hub.riders.tables import registration, registration_history, rider
from rider_hub.riders.tombstones import sift
from rider_hub.storage import add_rows, in_slices, put_rows

__all__ = ["apply_registrations"]

#: A record with the keyed digest of its content.
Keyed = tuple[Checked, bytes]
_INDEXES = ("identity_index", "phone_index")
#: A platform that sends all its riders every minute must not have all their rows written every minute.
_SEEN_TO = timedelta(hours=1)


async def apply_registrations(
    work: Change,
    keys: Keyring,
    *,
    platform: str,
    county: str,
    checked: Sequence[Checked],
    receipt_id: str | None,
    older: Sequence[Checked] = (),
    keeps_numbers: bool = False,
) -> list[Outcome]:
    """Take one part's registrations into the caller's transaction; one outcome a record, in order.

    The greatest version of a key wins, within the records as against what is stored: any order and any
    repetition ends in the same state. A record whose station is unknown is stored and waits for it. A record
    whose content is stored already is only noted as seen, once an hour: it is neither sealed nor written.
    `older` are versions of these riders that greater ones of their batch beat: they count for work areas.
    With `keeps_numbers` a record without an identity number leaves the stored one's index as it is.
    """
    keyed = await in_slices(checked, lambda part: _keyed(part, keys, county))
    stored = await store.find_stored(work.connection, platform, (_ref(one) for one, _ in keyed))
    same, others = _part_by_content(keyed, stored, {_ref(one) for one in older})
    due = [there for one, _ in same if (there := stored[_ref(one)]).seen_at < work.now - _SEEN_TO]
    await store.touch(work.connection, [one.id for one in due], [one.rider_id for one in due], work.now)
    outcomes = {one.row: Outcome(one.row, "unchanged") for one, _ in same}
    if others:
        taking = _Taking(work, keys, platform, county, receipt_id, keeps_numbers)
        outcomes |= await taking.take(others, older, {_ref(one) for one, _ in others} & stored.keys())
    return [outcomes[one.row] for one in checked]


def _keyed(checked: Sequence[Checked], keys: Keyring, county: str) -> list[Keyed]:
    records = [without_number(one, keys, county) for one in checked]
    return list(zip(records, keyed_digests(keys, records), strict=True))


def _ref(one: Checked) -> str:
    return record_of(one).platform_rider_ref


def _part_by_content(
    keyed: Sequence[Keyed], stored: Mapping[str, store.Stored], repeated: Collection[str]
) -> tuple[list[Keyed], list[Keyed]]:
    """Part records into those that are stored just as they are and all others.

    A reference that comes twice, or of which older versions came, is left to the comparison of versions.
    """
    times = Counter(_ref(one) for one, _ in keyed)
    same: list[Keyed] = []
    others: list[Keyed] = []
    for one, digest in keyed:
        ref = _ref(one)
        alone = times[ref] == 1 and ref not in repeated
        is_same = alone and ref in stored and stored[ref].digest == digest
        (same if is_same else others).append((one, digest))
    return same, others


@dataclass(frozen=True)
class _Taking:
    """What stays the same over the records of one part."""

    work: Change
    keys: Keyring
    platform: str
    county: str
    receipt_id: str | None
    keeps_numbers: bool

    @property
    def connection(self) -> AsyncConnection:
        return self.work.connection

    async def take(
        self, keyed: Sequence[Keyed], older: Sequence[Checked], known_refs: Collection[str]
    ) -> dict[int, Outcome]:
        """Take records that may change something and return their outcomes by row."""
        # Read before the tombstones: an erasure between the two is then seen as one.
        known = await store.find_registrations(self.connection, self.platform, known_refs)
        records, outcomes = await sift(self.connection, self.keys, self.platform, [one for one, _ in keyed])
        digests = {one.row: digest for one, digest in keyed}
        found = _sort(records, known, digests)
        rows, stations = await self._rows(found.news, known)
        said = {row["id"]: record_of(one) for (one, _), row in zip(found.news, rows, strict=True)}
        seal = partial(seal_persons, keys=self.keys, said=said)
        changed = await in_slices([row for row in rows if row["platform_rider_ref"] in known], seal)
        if self.keeps_numbers:
            _keep_numbers(changed, known)
        disputed = await apply_corrections(self.connection, self.keys, changed, self.work.now)
        if disputed:
            stations = stations | await self._place_anew(rows)
        await self._write(rows, known, stations, seal)
        seen = [(row["id"], row["rider_id"]) for row in found.seen]
        await store.touch(self.connection, [one for one, _ in seen], [one for _, one in seen], self.work.now)
        await self._link(rows, known, self._phone_aliases(found.news, known))
        ids = {ref: row["id"] for ref, row in known.items()} | {
            r["platform_rider_ref"]: r["id"] for r in rows
        }
        versions = [record_of(one) for one in (*records, *older)]
        like_track = await note_work_areas(
            self.work, self.keys, versions, platform=self.platform, stored=known, ids=ids
        )
        for (one, _), row in zip(found.news, rows, strict=True):
            if row["platform_rider_ref"] in like_track:
                found.outcomes[one.row] = Outcome(one.row, found.outcomes[one.row].kind, LIKE_TRACK)
            if row["hold"]:
                found.outcomes[one.row] = Outcome(one.row, "waiting", found.outcomes[one.row].warning)
            if row["id"] in disputed:
                found.outcomes[one.row] = Outcome(one.row, found.outcomes[one.row].kind, CONFLICT)
        return found.outcomes | outcomes

    async def _rows(
        self, news: Sequence[tuple[Checked, Version]], known: Mapping[str, RowMapping]
    ) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Return the rows of new versions, not yet sealed, and where their stations lie."""
        refs = {ref for one, _ in news if (ref := record_of(one).station_ref)}
        stations = await store.station_divisions(self.connection, self.platform, refs)
        rows = await in_slices(
            news,
            lambda part: registration_rows(
                part,
                known,
                platform=self.platform,
                county=self.county,
                stations=stations,
                now=self.work.now,
            ),
        )
        return rows, stations

    async def _place_anew(self, rows: Sequence[dict[str, Any]]) -> dict[str, str]:
        """Find the stations that corrections put into rows, and end or begin the wait for them."""
        refs = {row["station_ref"] for row in rows if row["station_ref"]}
        stations = await store.station_divisions(self.connection, self.platform, refs)
        for row in rows:
            waits = _is_active(row) and row["station_ref"] and row["station_ref"] not in stations
            row["hold"] = WAITING_FOR_STATION if waits else None
        return stations

    async def _write(
        self,
        rows: Sequence[Mapping[str, Any]],
        known: Mapping[str, RowMapping],
        stations: Mapping[str, str],
        seal: Callable[[Sequence[dict[str, Any]]], Sequence[dict[str, Any]]],
    ) -> None:
        """Write the rows; new ones are sealed as they are written."""
        now = self.work.now
        news = [row for row in rows if row["platform_rider_ref"] not in known]
        changed = [row for row in rows if row["platform_rider_ref"] in known]
        riders = await in_slices(news, lambda part: _riders(part, stations, self.keys, now))
        await add_rows(self.connection, rider, riders)
        await add_rows(self.connection, registration, news, complete=seal)
        await put_rows(self.connection, registration, changed, key=["id"], keep=["rider_id"])
        moved = [row for row in changed if _place(row) != _place(known[row["platform_rider_ref"]])]
        await store.move_riders(
            self.connection, {row["rider_id"]: _division(row, stations) for row in moved if _is_active(row)}
        )
        await store.touch(self.connection, [], [row["rider_id"] for row in changed], now)
        history = await in_slices(rows, lambda part: [history_row(row, self.receipt_id, now) for row in part])
        await add_rows(self.connection, registration_history, history)

    def _phone_aliases(
        self, news: Sequence[tuple[Checked, Version]], known: Mapping[str, RowMapping]
    ) -> dict[bytes, bytes]:
        """Return which indexes stand for one phone: rows sealed anew and rows not yet so must still meet."""
        if not self.keys.rotates("index"):
            return {}
        phones = {record_of(one).phone for one, _ in news}
        sealed = [row for row in known.values() if row["phone_index"]]
        phones |= {
            self.keys.unseal("personal", ("registration", "sealed", row["id"]), row["sealed"])["phone"]
            for row in sealed
        }
        return phone_aliases(self.keys, (phone for phone in phones if phone))

    async def _shared(self, rows: Sequence[Mapping[str, Any]], known: Mapping[str, RowMapping]) -> set[bytes]:
        """Return the indexes of new registrations that some other has too.

        While keys rotate one phone has several indexes: then all count as shared.
        """
        news = [row for row in rows if row["platform_rider_ref"] not in known]
        if self.keys.rotates("index"):
            return {row[name] for row in news for name in _INDEXES if row[name]}
        found = [
            await shared_indexes(self.connection, name, {row[name] for row in news}) for name in _INDEXES
        ]
        return set().union(*found)

    async def _link(
        self,
        rows: Sequence[Mapping[str, Any]],
        known: Mapping[str, RowMapping],
        same: Mapping[bytes, bytes],
    ) -> None:
        """Review the links of registrations whose identity, phone or state changed.

        A new one that shares no index with another has no link, and gets none.
        """
        shared = await self._shared(rows, known)
        names = (*_INDEXES, "state")
        changed: set[str] = set()
        indexes: set[bytes] = set()
        for row in rows:
            before = known.get(row["platform_rider_ref"])
            if before is None:
                found = [same.get(row[name], row[name]) for name in _INDEXES if row[name] in shared]
            elif any(_in_use(before[name], same) != _in_use(row[name], same) for name in names):
                found = [_in_use(side[name], same) for side in (before, row) for name in _INDEXES]
            else:
                continue
            if any(found):
                changed.add(row["id"])
                indexes.update(index for index in found if index)
        await review_links(self.connection, self.keys, changed, indexes, self.work.now, same=same)


@dataclass
class _Sorted:
    """Checked records by what they mean for what is stored."""

    news: list[tuple[Checked, Version]]
    seen: list[RowMapping]
    outcomes: dict[int, Outcome]


def _sort(
    records: Iterable[Checked], known: Mapping[str, RowMapping], digests: Mapping[int, bytes]
) -> _Sorted:
    best: dict[str, tuple[Checked, Version]] = {}
    outcomes: dict[int, Outcome] = {}
    seen: list[RowMapping] = []
    for one in records:
        record = record_of(one)
        ref, version = _ref(one), Version(record.updated_at, record.record_id, digests[one.row])
        earlier = best.get(ref)
        there = earlier[1] if earlier else _stored_version(known.get(ref))
        conflict = there is not None and version.conflicts_with(there)
        warning = "version_conflict" if conflict else None
        if there is not None and version <= there:
            repeated = "duplicate_in_batch" if earlier else None
            outcomes[one.row] = Outcome(one.row, "unchanged", warning or repeated)
            if not earlier and version == there:
                seen.append(known[ref])
            continue
        if earlier:
            outcomes[earlier[0].row] = Outcome(earlier[0].row, "unchanged", warning or "duplicate_in_batch")
        best[ref] = (one, version)
        outcomes[one.row] = Outcome(one.row, "accepted", None if earlier else warning)
    return _Sorted(list(best.values()), seen, outcomes)


def _stored_version(row: RowMapping | None) -> Version | None:
    return Version(row["version_at"], row["version_id"], row["digest"]) if row else None


def _riders(
    rows: Sequence[Mapping[str, Any]], stations: Mapping[str, str], keys: Keyring, now: datetime
) -> list[dict[str, Any]]:
    phones = no_phones_yet(keys, [row["rider_id"] for row in rows])
    return [
        {
            "id": row["rider_id"],
            "division": _division(row, stations),
            "first_seen_at": now,
            "last_seen_at": now,
            "first_phone": phone,
            "chosen_community": None,
        }
        for row, phone in zip(rows, phones, strict=True)
    ]


def _division(row: Mapping[str, Any], stations: Mapping[str, str]) -> str:
    """Return where a rider is in scope until a match says more: the station's place, else the county."""
    return stations.get(row["station_ref"] or "", row["county"])


def _keep_numbers(rows: Iterable[dict[str, Any]], known: Mapping[str, RowMapping]) -> None:
    for row in rows:
        if row["identity_index"] is None and _is_active(row):
            row["identity_index"] = known[row["platform_rider_ref"]]["identity_index"]


def _place(row: Mapping[str, Any] | RowMapping) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("county", "station_ref", "area_community", "area_lng", "area_lat"))


def _is_active(row: Mapping[str, Any]) -> bool:
    return bool(row["state"] == RegistrationState.ACTIVE)


def _in_use(value: Any, same: Mapping[bytes, bytes]) -> Any:
    return same.get(value, value)
