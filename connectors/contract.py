"""The contract of the Rider Feed Standard: rows in, records and rejects out; no file and no database."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, Protocol, cast

import msgspec

from connectors.batch import Batch, Checked, Reject
from connectors.fields import field_rules, read_fields
from connectors.forbidden import MAX_DEPTH, TooDeepError, forbidden_paths
from connectors.forms import canonical, digest_of, is_regular, looks_odd, settle
from connectors.payload import quarantine_payload
from connectors.problems import BrokenRow, Problem, failure
from connectors.records import RECORD_TYPES, TIER_B_FIELDS, FeedType, Frame, Record, Tier
from connectors.rules import cross_problems
from connectors.telling import told_path

MAX_FAILURES: Final = 20
"""The most faults named of one row."""

Unknown = Literal["freeze", "discard"]
Row = Mapping[Any, Any] | bytes | str

_ABSENT: Final = (None, "")
_TEXT: Final = (bytes, str)


class Translation(msgspec.Struct, frozen=True):
    """Hold a source row in standard names, the faults of mapping it, and its unknown columns."""

    values: dict[str, Any]
    problems: tuple[Problem, ...] = ()
    unknown: tuple[str, ...] = ()


class RowMapping(Protocol):
    """Say what `check` needs of a source's manifest."""

    @property
    def frame(self) -> Frame | None:
        """The frame of all points of the feed."""

    @property
    def tier(self) -> Tier:
        """The tier of the sender's agreement."""

    @property
    def unknown(self) -> Unknown:
        """What becomes of unknown columns."""

    def translate(self, feed_type: FeedType, row: Mapping[Any, Any]) -> Translation:
        """Put a source row into standard names."""

    def source_path(self, feed_type: FeedType, path: str) -> str:
        """Name the source column of a standard field."""


class _Rules(msgspec.Struct, frozen=True):
    feed_type: FeedType
    tier: Tier
    unknown: Unknown
    frame: Frame | None
    mapping: RowMapping | None
    decoder: Any

    def source_path(self, path: str) -> str:
        return self.mapping.source_path(self.feed_type, path) if self.mapping else path


class _UnreadableRowError(ValueError):
    def __init__(self, code: str, **detail: Any) -> None:
        super().__init__(code)
        self.problem = Problem("", code, detail)


def check(
    rows: Iterable[tuple[int, Row]],
    *,
    feed_type: FeedType,
    tier: Tier | None = None,
    unknown: Unknown | None = None,
    frame: Frame | None = None,
    mapping: RowMapping | None = None,
) -> Batch:
    """Check rows of one feed and return its records and rejects; see `check_rows`."""
    records: list[Checked] = []
    rejects: list[Reject] = []
    outcomes = check_rows(rows, feed_type=feed_type, tier=tier, unknown=unknown, frame=frame, mapping=mapping)
    for outcome in outcomes:
        if isinstance(outcome, Checked):
            records.append(outcome)
        else:
            rejects.append(outcome)
    return Batch(tuple(records), tuple(rejects))


def check_rows(
    rows: Iterable[tuple[int, Row]],
    *,
    feed_type: FeedType,
    tier: Tier | None = None,
    unknown: Unknown | None = None,
    frame: Frame | None = None,
    mapping: RowMapping | None = None,
) -> Iterator[Checked | Reject]:
    """Check rows one after another: exactly one outcome a row, in order, and never an exception for a row.

    What is not given is taken from the mapping, else: tier B, unknown fields frozen (refused), no frame.
    """
    rules = _Rules(
        feed_type=feed_type,
        tier=tier or (mapping.tier if mapping else "B"),
        unknown=unknown or (mapping.unknown if mapping else "freeze"),
        frame=frame or (mapping.frame if mapping else None),
        mapping=mapping,
        decoder=msgspec.json.Decoder(RECORD_TYPES[feed_type]),
    )
    for number, row in rows:
        looked_at = mapping is None and isinstance(row, _TEXT)
        checked = _fast(number, cast("bytes | str", row), rules) if looked_at else None
        yield checked or _look_closer(number, row, rules, looked_at=looked_at)


def _look_closer(number: int, row: Row, rules: _Rules, *, looked_at: bool) -> Checked | Reject:
    """Check a row in whatever form it comes; `looked_at` says that the quick way was tried with it."""
    try:
        source = _as_mapping(row)
        forbidden = forbidden_paths(source)
    except TooDeepError:
        return _reject(number, None, [Problem("", "row_too_deep", {"limit": MAX_DEPTH})], None)
    except _UnreadableRowError as error:
        return _reject(number, None, [error.problem], None)
    if forbidden:
        problems = [Problem(path, "field_forbidden") for path in forbidden]
        return _reject(number, _record_id(source, rules), problems, None)
    return _slow(number, source, rules, looked_at=looked_at)


def _fast(number: int, row: bytes | str, rules: _Rules) -> Checked | None:
    """Accept a row whose every field is right as it stands.

    The record types refuse unknown names, and no standard name is forbidden: so a row that decodes
    has no forbidden field. None means only that the row needs the closer look.
    """
    try:
        record = rules.decoder.decode(row)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return _accepted(number, record, rules)


def _accepted(number: int, record: Record, rules: _Rules) -> Checked | None:
    if not is_regular(record):
        return None
    if rules.tier == "A" and any(getattr(record, name) is not None for name in _tier_b(rules)):
        return None
    settle(record, rules.frame)
    if cross_problems(record):
        return None
    text = canonical(record)
    return None if looks_odd(text) else Checked(number, record, digest_of(text))


def _converted(number: int, values: dict[str, Any], rules: _Rules) -> Checked | None:
    """Do as `_fast` does for a row that is an object already; None means only a closer look."""
    try:
        return _accepted(number, msgspec.convert(values, RECORD_TYPES[rules.feed_type]), rules)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def _slow(number: int, source: Mapping[Any, Any], rules: _Rules, *, looked_at: bool) -> Checked | Reject:
    """Read a row field by field; faults keep standard paths until all are found, then name source columns."""
    record_type = RECORD_TYPES[rules.feed_type]
    if rules.mapping:
        row = rules.mapping.translate(rules.feed_type, source)
    else:
        row = Translation(dict(source), (), tuple(_unknown(source, record_type, "")))
    if not looked_at and not row.problems and not row.unknown:
        checked = _converted(number, row.values, rules)
        if checked:
            return checked
    withheld = [n for n in _tier_b(rules) if rules.tier == "A" and row.values.get(n) not in _ABSENT]
    problems = [*row.problems, *(Problem(name, "field_not_in_tier") for name in withheld)]
    values = {n: v for n, v in row.values.items() if n not in withheld} if withheld else row.values
    reading = read_fields(values, record_type)
    problems += _new(reading.problems, problems)
    partial = _partial(reading.values, record_type)
    settle(partial, rules.frame)
    problems += _new(cross_problems(partial), problems)
    if rules.unknown == "discard" or not row.unknown:
        unknown = []
    else:
        unknown = [Problem(told_path(path, source), "field_unknown") for path in row.unknown]
    if not problems and not unknown:
        return Checked(number, partial, digest_of(canonical(partial)))
    named = problems
    if rules.mapping:
        named = [msgspec.structs.replace(p, path=rules.source_path(p.path)) for p in problems]
    drop = {rules.source_path(name) for name in (*withheld, "id_number", "id_hash")}
    drop |= {problem.path for problem in named if problem.code == "work_area_too_precise"}
    payload = quarantine_payload(source, drop=drop)
    return _reject(number, reading.values.get("record_id"), [*named, *unknown], payload)


def _new(found: Iterable[Problem], known: list[Problem]) -> list[Problem]:
    """Leave out faults that only follow from one already named at the same field or below it."""
    if not known:
        return list(found)
    paths = [problem.path for problem in known]
    # The row's own frame holds for its points: one that can't be read is not missing there as well.
    framed = "frame" in paths
    return [
        p
        for p in found
        if not any(k == p.path or k.startswith(f"{p.path}.") for k in paths)
        and not (framed and p.code == "frame_required")
    ]


def _partial(values: dict[str, Any], record_type: type[msgspec.Struct]) -> Record:
    """Build a record of the values that could be read; None stands for the others, required or not."""
    filled = {name: None for name, rule in field_rules(record_type).items() if rule.required}
    for name, value in values.items():
        rule = field_rules(record_type)[name]
        filled[name] = rule.struct(**value) if rule.struct else value
    return cast("Record", record_type(**filled))


def _unknown(row: Mapping[Any, Any], struct: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    rules = field_rules(struct)
    for name, value in row.items():
        rule = rules.get(name) if isinstance(name, str) else None
        if rule is None:
            yield f"{prefix}{name}" if isinstance(name, str) else f"{prefix}?"
        elif rule.struct and isinstance(value, Mapping):
            yield from _unknown(value, rule.struct, f"{prefix}{name}.")


def _tier_b(rules: _Rules) -> tuple[str, ...]:
    return TIER_B_FIELDS if rules.feed_type == "registration" else ()


def _as_mapping(row: Row) -> Mapping[Any, Any]:
    if isinstance(row, Mapping):
        return row
    if isinstance(row, BrokenRow):
        raise _UnreadableRowError(row.code, **row.detail)
    try:
        value = msgspec.json.decode(row)
    except RecursionError as error:
        raise _UnreadableRowError("row_too_deep", limit=MAX_DEPTH) from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _UnreadableRowError("row_not_json") from error
    if not isinstance(value, dict):
        raise _UnreadableRowError("row_not_object")
    return value


def _record_id(source: Mapping[Any, Any], rules: _Rules) -> str | None:
    """Read the record id alone, the one value of a forbidden row that its sender is told."""
    row = rules.mapping.translate(rules.feed_type, source).values if rules.mapping else source
    reading = read_fields({"record_id": row.get("record_id")}, RECORD_TYPES[rules.feed_type])
    return cast("str | None", reading.values.get("record_id"))


def _reject(number: int, record_id: str | None, problems: list[Problem], payload: bytes | None) -> Reject:
    failures = tuple(failure(number, problem) for problem in problems[:MAX_FAILURES])
    return Reject(number, record_id, failures, payload)
