"""Single values between a platform's form and the standard's: times, numbers, points; and nested paths."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

Form = Literal["epoch_ms", "epoch_s", "local_time", "local_day", "number_for_text", "text_for_number"]
"""How the platform writes a value: a count since 1970, a time without offset (or a day, with or without a
time), a number where the standard has text, or text where it has a number."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND: Final = {"epoch_ms": 1000, "epoch_s": 1}
_LONGEST: Final = 40
_PAIR: Final = 2
#: A time as databases and spreadsheets write it, where it is not ISO 8601: 2026/1/5 8:03.
_LOOSE: Final = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,6})?)?)?", re.ASCII
)


class FormError(ValueError):
    """Say by code why a value can't be read in its form."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def to_standard(value: Any, form: Form, zone: ZoneInfo) -> Any:
    """Read a platform's value; what is no value of the form raises FormError."""
    if form in _PER_SECOND:
        return _time_text(_from_epoch(value, _PER_SECOND[form]))
    if form == "local_time":
        return _time_text(_from_local(value, zone))
    if form == "local_day":
        return _local(value).date().isoformat()
    if form == "number_for_text":
        whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**_LONGEST
        return str(value) if whole else value
    return number_of(value)


def from_standard(value: Any, form: Form, zone: ZoneInfo) -> Any:
    """Write a standard value as the platform does; the inverse of `to_standard`."""
    if form == "number_for_text":
        return int(value)
    if form == "text_for_number":
        return repr(value)
    if form == "local_day":
        return value
    moment = datetime.fromisoformat(value)
    if form == "local_time":
        return moment.astimezone(zone).replace(tzinfo=None).isoformat(sep=" ")
    return (moment - EPOCH) // timedelta(seconds=1) if form == "epoch_s" else _milliseconds(moment)


def _milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _from_epoch(value: Any, per_second: int) -> datetime:
    if (
        isinstance(value, str)
        and value.strip().isascii()
        and value.strip().isdigit()
        and len(value) < _LONGEST
    ):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise FormError("timestamp_invalid")
    try:
        return EPOCH + timedelta(microseconds=value * (1_000_000 // per_second))
    except OverflowError as error:
        raise FormError("timestamp_invalid") from error


def _from_local(value: Any, zone: ZoneInfo) -> datetime:
    moment = _local(value)
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FormError("timestamp_invalid") from error


def _local(value: Any) -> datetime:
    """Read a time that may have no offset; raises FormError."""
    if not isinstance(value, str):
        raise FormError("timestamp_invalid")
    text = value.strip()
    try:
        return datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        loose = _LOOSE.fullmatch(text)
    try:
        if loose:
            return datetime(*(int(part or 0) for part in loose.groups()))  # type: ignore[arg-type] # noqa: DTZ001
    except ValueError as error:
        raise FormError("timestamp_invalid") from error
    raise FormError("timestamp_invalid")


def _time_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def number_of(value: Any) -> Any:
    """Read a number written as text; what is none, or finer than a float, stays as it is for the check."""
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isascii() or "_" in value:
        return value
    try:
        exact = Decimal(value.strip())
        number = float(exact)
        if not exact.is_finite() or Decimal(repr(number)) != exact:
            return value
    except (InvalidOperation, OverflowError):
        return value
    return int(number) if number.is_integer() and "." not in value else number


def split_point(value: Any) -> tuple[Any, Any]:
    """Split a point written as `a,b` or `[a, b]`; FormError where it is neither."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) != _PAIR:
        raise FormError("point_unreadable")
    first, second = (number_of(part) for part in parts)
    return first, second


def get_path(row: Mapping[Any, Any], path: str) -> Any:
    """Return the value at a dotted path, or None."""
    if path in row:
        return row[path]
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def put_path(row: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted path, making the objects on the way."""
    *outer, last = path.split(".")
    for name in outer:
        row = row.setdefault(name, {})
    row[last] = value


def leaf_paths(row: Mapping[Any, Any], branches: frozenset[str], prefix: str = "") -> Iterator[str]:
    """Yield the dotted paths of a row's values, going into the objects named in `branches` only."""
    for name, value in row.items():
        path = f"{prefix}{name}" if isinstance(name, str) else f"{prefix}?"
        if isinstance(value, Mapping) and path in branches:
            yield from leaf_paths(value, branches, f"{path}.")
        else:
            yield path
