"""Which field names a feed may not hold, and where they stand in a row; of values only names are read."""

import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from connectors.spelling import folded
from connectors.telling import is_plain, place

MAX_DEPTH: Final = 16
"""A feed row is nearly flat; deeper nesting is refused before anything of it is read."""

_CACHED_LENGTH: Final = 200
#: Asked first: whether a value is some Mapping takes many times longer to say.
_SCALARS: Final = (str, int, float, type(None))
#: What a text that writes out an object may begin with, and what it is then.
_OPENING: Final = frozenset("{[ \t\r\n\ufeff")
_BRACKETS: Final = frozenset("{[")
#: What a name is: forbidden, or one half of a pair that gives another field's name and its value.
_FORBIDDEN, _LABEL, _VALUE = 1, 2, 4
_GROUPS: Final = ("political", "religion", "health", "finance", "biometrics", "positions_over_time")


class TooDeepError(ValueError):
    """Say that a row is nested deeper than any record of the standard."""


class _Rules(msgspec.Struct, frozen=True):
    exact: frozenset[str] = frozenset()
    prefix: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    what: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    many: tuple[str, ...] = ()

    def spelled_out(self) -> "_Rules":
        """Return the rules with every name made of its parts among the whole names."""
        pairs = [pair for w in self.when for p in self.what for pair in (w + p, p + w)]
        made = {pair + tail for pair in pairs for tail in ("", *self.tail)}
        made |= {what + many for what in self.what for many in self.many}
        return msgspec.structs.replace(self, exact=self.exact | made)

    def hit(self, name: str) -> bool:
        return (
            name in self.exact
            or name.startswith(self.prefix)
            or name.endswith(self.suffix)
            or any(part in name for part in self.contains)
        )

    def word(self, name: str) -> str | None:
        """Return the listed word by which a name is hit."""
        found = [part for part in self.exact if part == name]
        found += [part for part in self.prefix if name.startswith(part)]
        found += [part for part in self.suffix if name.endswith(part)]
        return next((part for part in (*found, *self.contains) if part in name), None)

    def parts(self) -> frozenset[str]:
        """Return every listed word of the rules."""
        return self.exact.union(
            self.prefix, self.suffix, self.contains, self.when, self.what, self.tail, self.many
        )


class _Table(msgspec.Struct, frozen=True):
    allowed: frozenset[str]
    column_words: frozenset[str]
    pair_names: frozenset[str]
    pair_values: frozenset[str]
    political: _Rules
    religion: _Rules
    health: _Rules
    finance: _Rules
    biometrics: _Rules
    positions_over_time: _Rules
    identity_numbers: _Rules


@cache
def _words() -> frozenset[str]:
    """Return every word a name may be made of and still be told whole."""
    table = _table()
    return table.column_words.union(*(getattr(table, group).parts() for group in _GROUPS))


@cache
def _table() -> _Table:
    path = Path(__file__).with_name("disallowed.toml")
    table = msgspec.convert(_fold(tomllib.loads(path.read_text(encoding="utf-8"))), _Table)
    return msgspec.structs.replace(table, **{group: getattr(table, group).spelled_out() for group in _GROUPS})


def _fold(listed: Any) -> Any:
    """Return the listed words as names are compared."""
    if isinstance(listed, dict):
        return {key: _fold(inner) for key, inner in listed.items()}
    return [folded(word) for word in listed]


def normalise(name: str) -> str:
    """Return a field name as the list of forbidden names compares it: letters and digits alone."""
    return folded(name)


def forbidden_group(name: str) -> str | None:
    """Name the group of forbidden data that a field name belongs to, or None."""
    # A name of many kilobytes must not stay in the cache.
    return _group(name) if len(name) <= _CACHED_LENGTH else _group.__wrapped__(name)


@lru_cache(maxsize=8192)
def _group(name: str) -> str | None:
    key = normalise(name)
    table = _table()
    if key in table.allowed:
        return None
    return next((group for group in _GROUPS if getattr(table, group).hit(key)), None)


def holds_identity_number(name: str) -> bool:
    """Tell whether a field of this name is one for identity numbers."""
    return _for_numbers(name) if len(name) <= _CACHED_LENGTH else _for_numbers.__wrapped__(name)


@lru_cache(maxsize=8192)
def _for_numbers(name: str) -> bool:
    return _table().identity_numbers.hit(normalise(name))


def forbidden_paths(row: Mapping[Any, Any]) -> list[str]:
    """List the paths of all forbidden names of a row, at any level.

    A dotted column (`work_area.zzmm`) is looked at as a whole and part by part. An object or array written
    out as text is looked into as if it were one, and so is an object that gives a name and a value of its own
    (`{"key": "zzmm", "value": 1}`). A name that may hold a value is told by its place. Raises TooDeepError
    where the nesting goes beyond MAX_DEPTH.
    """
    found: list[str] = []
    _look(row, "", 1, found)
    return found


def without_forbidden(value: Any) -> Any:
    """Return a value of a row without what `forbidden_paths` finds in it."""
    if isinstance(value, str):
        return "" if value[:1] in _OPENING and _holds_forbidden(value) else value
    if isinstance(value, Mapping):
        if _named_by_pair(value):
            return {}
        return {k: without_forbidden(v) for k, v in value.items() if not _kind(_name(k)) & _FORBIDDEN}
    if isinstance(value, list | tuple):
        return [without_forbidden(one) for one in value]
    return value


def _holds_forbidden(value: Any) -> bool:
    found: list[str] = []
    try:
        _look(value, "", 1, found)
    except TooDeepError:
        return True
    return bool(found)


def _kind(name: str) -> int:
    return _judged(name) if len(name) <= _CACHED_LENGTH else _judged.__wrapped__(name)


@lru_cache(maxsize=8192)
def _judged(name: str) -> int:
    if forbidden_group(name) or ("." in name and any(forbidden_group(part) for part in name.split("."))):
        return _FORBIDDEN
    key, table = normalise(name), _table()
    return _LABEL if key in table.pair_names else _VALUE if key in table.pair_values else 0


def _look(value: Any, prefix: str, depth: int, found: list[str]) -> None:
    """Look into an object or array, or a text that writes one out; anything else holds no names."""
    if isinstance(value, str):
        value = _written_out(value)
    if isinstance(value, Mapping):
        _look_at_names(value, f"{prefix}." if prefix else "", depth, found)
    elif isinstance(value, list | tuple):
        _check_depth(depth)
        for index, inner in enumerate(value):
            if _may_hold_names(inner):
                _look(inner, f"{prefix}[{index}]", depth + 1, found)


def _look_at_names(value: Mapping[Any, Any], prefix: str, depth: int, found: list[str]) -> None:
    _check_depth(depth)
    kinds = 0
    for number, (key, inner) in enumerate(value.items(), 1):
        name = key if type(key) is str else _name(key)
        kind = _kind(name)
        kinds |= kind
        if kind == _FORBIDDEN:
            found.append(prefix + _told(name, number))
        if _may_hold_names(inner):
            _look(inner, prefix + _told(name, number), depth + 1, found)
    if kinds & _LABEL and kinds & _VALUE:
        found.extend(prefix + key for key in _named_by_pair(value))


def _may_hold_names(value: Any) -> bool:
    if isinstance(value, str):
        return value[:1] in _OPENING
    return not isinstance(value, _SCALARS)


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise TooDeepError


def _name(key: Any) -> str:
    if type(key) is str:
        return key
    return str(key) if isinstance(key, str | float | bool) or key is None else "?"


def _written_out(text: str) -> Any:
    """Return the object or array that a text writes out as JSON, or None."""
    if text.lstrip()[:1] not in _BRACKETS:
        return None
    try:
        return msgspec.json.decode(text)
    except RecursionError as error:
        raise TooDeepError from error
    except (msgspec.MsgspecError, UnicodeError):
        return None


def _named_by_pair(value: Mapping[Any, Any]) -> list[str]:
    """Return the keys of an object that give the name of a forbidden field, and its value."""
    kinds = [(_name(key), _kind(_name(key)), named) for key, named in value.items()]
    named = {n for n, kind, v in kinds if kind == _LABEL and type(v) is str and _kind(v) == _FORBIDDEN}
    values = {n for n, kind, _ in kinds if kind == _VALUE}
    return [name for name, _, _ in kinds if name in named | values] if named and values else []


def _told(name: str, number: int) -> str:
    return name if _may_be_told(name) else place(number, _listed_word(name))


def _may_be_told(name: str) -> bool:
    return len(name) <= _CACHED_LENGTH and _tellable(name)


@lru_cache(maxsize=8192)
def _tellable(name: str) -> bool:
    if not is_plain(name):
        return False
    parts = [part for part in name.split(".") if forbidden_group(part)]
    return all(map(_made_of_words, parts or ([name] if forbidden_group(name) else [])))


def _made_of_words(name: str) -> bool:
    """Say whether a name is nothing but listed words one after another, so that no value is in it."""
    key, words = normalise(name), _words()
    reached = {0}
    for end in range(1, len(key) + 1):
        if any(key[start:end] in words for start in reached):
            reached.add(end)
    return len(key) in reached


def _listed_word(name: str) -> str | None:
    for part in (name, *name.split(".")):
        group, key = forbidden_group(part), normalise(part)
        if group:
            return cast("_Rules", getattr(_table(), group)).word(key)
    return None
