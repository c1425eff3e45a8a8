"""Reads a row field by field, so that every fault of it is named at once; knows no rule across fields."""

import re
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final, Literal

import msgspec

from connectors.identity import (
    is_community_code,
    is_id_hash,
    is_id_number,
    normalise_id_number,
    normalise_phone,
)
from connectors.problems import LostDigits, Problem

_CONTROL: Final = re.compile("[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_TEXT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MAX_NUMBER_TEXT: Final = 40
_NUMERIC: Final = (int, float, str)
FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2200


class _BadValueError(ValueError):
    def __init__(self, code: str, **detail: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class FieldRule(msgspec.Struct, frozen=True):
    """Describe one field of a record: how its value is read and what bounds it keeps."""

    name: str
    required: bool
    kind: str
    max_length: int = 0
    low: float | None = None
    high: float | None = None
    decimals: int | None = None
    choices: tuple[str, ...] = ()
    struct: Any = None


class Reading(msgspec.Struct):
    """Collect what field-by-field reading of one row gave."""

    values: dict[str, Any]
    problems: list[Problem]


@cache
def field_rules(struct: type[msgspec.Struct]) -> dict[str, FieldRule]:
    """List the fields of a record type with their rules, taken from its annotations."""
    hints = typing.get_type_hints(struct, include_extras=True)
    return {f.name: _rule(f.name, hints[f.name], required=f.required) for f in msgspec.structs.fields(struct)}


def _rule(name: str, hint: Any, *, required: bool) -> FieldRule:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return FieldRule(name, required, "object", struct=hint)
    base, meta = typing.get_args(hint)[:2]
    extra = meta.extra or {}
    return FieldRule(
        name,
        required,
        extra["kind"],
        max_length=meta.max_length or 0,
        low=meta.ge,
        high=meta.le,
        decimals=extra.get("decimals"),
        choices=typing.get_args(base) if typing.get_origin(base) is Literal else (),
    )


def read_fields(row: Mapping[Any, Any], struct: type[msgspec.Struct], prefix: str = "") -> Reading:
    """Read all known fields of a row; unknown names are not looked at.

    None and blank text count as absent. Values come back normalised, ready for `msgspec.convert`.
    """
    reading = Reading({}, [])
    for name, path, rule in _in_order(struct, prefix):
        value = row.get(name)
        if value is None or value == "" or (isinstance(value, str) and not value.strip()):
            if rule.required:
                reading.problems.append(Problem(path, "field_required"))
        elif isinstance(value, LostDigits):
            reading.problems.append(Problem(path, "number_lost_digits", {"cell": value.cell}))
        elif rule.kind == "object":
            _read_object(reading, value, rule, path)
        else:
            _read_value(reading, value, rule, path)
    return reading


@cache
def _in_order(struct: type[msgspec.Struct], prefix: str) -> tuple[tuple[str, str, FieldRule], ...]:
    return tuple((name, f"{prefix}{name}", rule) for name, rule in field_rules(struct).items())


def _read_object(reading: Reading, value: Any, rule: FieldRule, path: str) -> None:
    if not isinstance(value, Mapping):
        reading.problems.append(Problem(path, "type_object"))
        return
    inner = read_fields(value, rule.struct, f"{path}.")
    reading.problems += inner.problems
    if inner.values:
        reading.values[rule.name] = inner.values
    elif rule.required and not inner.problems:
        reading.problems.append(Problem(path, "field_required"))


def _read_value(reading: Reading, value: Any, rule: FieldRule, path: str) -> None:
    try:
        result = _READERS[rule.kind](value, rule)
    except _BadValueError as error:
        reading.problems.append(Problem(path, error.code, error.detail))
        return
    if rule.kind == "phone":
        result, extension = result
        if extension:
            reading.values.setdefault("phone_ext", extension)
    reading.values[rule.name] = result


def _text(value: Any, rule: FieldRule) -> str:
    if not isinstance(value, str):
        raise _BadValueError("type_text")
    text = value.strip()
    if (_CONTROL_IN_TEXT if rule.kind == "text" else _CONTROL).search(text):
        raise _BadValueError("value_control_character")
    if rule.max_length and len(text) > rule.max_length:
        raise _BadValueError("value_too_long", limit=rule.max_length)
    return text


def _reference(value: Any, rule: FieldRule) -> str:
    text = _text(value, rule)
    if is_id_number(text.upper()):
        raise _BadValueError("reference_is_identity_number")
    return text


def _number(value: Any, rule: FieldRule) -> float:
    decimal = _decimal(value)
    if rule.low is not None and rule.high is not None and not rule.low <= decimal <= rule.high:
        raise _BadValueError("value_out_of_range", low=rule.low, high=rule.high)
    if rule.decimals is not None and _decimals(decimal) > rule.decimals:
        raise _BadValueError("work_area_too_precise", limit=rule.decimals)
    return float(decimal)


def _integer(value: Any, rule: FieldRule) -> int:
    number = _number(value, rule)
    if not number.is_integer():
        raise _BadValueError("type_number")
    return int(number)


def _decimal(value: Any) -> Decimal:
    """Read a number from its shortest text, so that 116.397 has three decimals."""
    if isinstance(value, bool) or not isinstance(value, _NUMERIC):
        raise _BadValueError("type_number")
    if isinstance(value, int) and value.bit_length() > 63:  # noqa: PLR2004 - beyond every field's range
        raise _BadValueError("type_number")
    text = value.strip() if isinstance(value, str) else repr(value)
    try:
        decimal = Decimal(text) if text.isascii() and len(text) <= _MAX_NUMBER_TEXT else Decimal("NaN")
    except InvalidOperation:
        decimal = Decimal("NaN")
    if not decimal.is_finite() or "_" in text:
        raise _BadValueError("type_number")
    return decimal


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _code(value: Any, rule: FieldRule) -> str:
    text = _text(value, rule)
    if not is_community_code(text):
        raise _BadValueError("code_invalid")
    return text


def _timestamp(value: Any, _rule: FieldRule) -> datetime:
    moment = value if isinstance(value, datetime) else _converted(value, datetime, "timestamp_invalid")
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise _BadValueError("timestamp_without_zone")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise _BadValueError("value_out_of_range", low=FIRST_YEAR, high=LAST_YEAR)
    return typing.cast("datetime", moment)


def _date(value: Any, _rule: FieldRule) -> date:
    if isinstance(value, datetime):
        raise _BadValueError("date_invalid")
    day = value if isinstance(value, date) else _converted(value, date, "date_invalid")
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _BadValueError("value_out_of_range", low=FIRST_YEAR, high=LAST_YEAR)
    return typing.cast("date", day)


def _converted(value: Any, target: type, code: str) -> Any:
    if not isinstance(value, str):
        raise _BadValueError(code)
    try:
        return msgspec.convert(value.strip(), target)
    except (msgspec.ValidationError, UnicodeError) as error:
        raise _BadValueError(code) from error


def _choice(value: Any, rule: FieldRule) -> str:
    if not isinstance(value, str) or value.strip() not in rule.choices:
        raise _BadValueError("value_not_in_list", choices=" | ".join(rule.choices))
    # The very text of the list: a record leaves out a default by identity when it is encoded.
    return next(choice for choice in rule.choices if choice == value.strip())


def _phone(value: Any, rule: FieldRule) -> tuple[str, str | None]:
    phone = normalise_phone(_text(value, rule))
    if phone is None:
        raise _BadValueError("phone_invalid")
    return phone


def _extension(value: Any, rule: FieldRule) -> str:
    text = _text(value, rule)
    if not re.fullmatch("[0-9]{1,8}", text):
        raise _BadValueError("phone_extension_invalid")
    return text


def _id_number(value: Any, rule: FieldRule) -> str:
    number = normalise_id_number(value) if isinstance(value, str) and len(value) <= rule.max_length else None
    if number is None:
        raise _BadValueError("id_number_invalid")
    return number


def _id_hash(value: Any, _rule: FieldRule) -> str:
    if not isinstance(value, str) or not is_id_hash(value.strip()):
        raise _BadValueError("id_hash_invalid")
    return value.strip()


_READERS: Final[dict[str, Callable[[Any, FieldRule], Any]]] = {
    "reference": _reference,
    "line": _text,
    "text": _text,
    "code": _code,
    "number": _number,
    "integer": _integer,
    "timestamp": _timestamp,
    "date": _date,
    "choice": _choice,
    "phone": _phone,
    "extension": _extension,
    "id_number": _id_number,
    "id_hash": _id_hash,
}
