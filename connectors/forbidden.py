"""Which field names a feed may not hold, and where they stand in a row; names only, values are never read."""

import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 16
"""A feed row is nearly flat; deeper nesting is refused before anything of it is read."""

_CACHED_LENGTH: Final = 200
#: Asked first: whether a value is some Mapping takes many times longer to say.
_SCALARS: Final = (str, int, float, type(None))
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

    def spelled_out(self) -> "_Rules":
        """Return the rules with every name made of its parts among the whole names."""
        pairs = [pair for w in self.when for p in self.what for pair in (w + p, p + w)]
        made = {pair + tail for pair in pairs for tail in ("", *self.tail)}
        return msgspec.structs.replace(self, exact=self.exact | made)

    def hit(self, name: str) -> bool:
        return (
            name in self.exact
            or name.startswith(self.prefix)
            or name.endswith(self.suffix)
            or any(part in name for part in self.contains)
        )


class _Table(msgspec.Struct, frozen=True):
    allowed: frozenset[str]
    political: _Rules
    religion: _Rules
    health: _Rules
    finance: _Rules
    biometrics: _Rules
    positions_over_time: _Rules
    identity_numbers: _Rules


@cache
def _table() -> _Table:
    path = Path(__file__).with_name("disallowed.toml")
    table = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Table)
    spelled_out = {group: getattr(table, group).spelled_out() for group in _GROUPS}
    return msgspec.structs.replace(table, **spelled_out)


def normalise(name: str) -> str:
    """Return a field name as the list of forbidden names compares it: letters and digits alone."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


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

    A dotted column (`work_area.zzmm`) is looked at as a whole and part by part. Raises TooDeepError
    where the nesting goes beyond MAX_DEPTH.
    """
    found: list[str] = []
    _look(row, "", 1, found)
    return found


def _is_forbidden(name: str) -> bool:
    return _judged(name) if len(name) <= _CACHED_LENGTH else _judged.__wrapped__(name)


@lru_cache(maxsize=8192)
def _judged(name: str) -> bool:
    if forbidden_group(name):
        return True
    return "." in name and any(forbidden_group(part) for part in name.split("."))


def _look(value: Any, prefix: str, depth: int, found: list[str]) -> None:
    if depth > MAX_DEPTH:
        raise TooDeepError
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if type(key) is str:
                name = key
            else:
                name = str(key) if isinstance(key, str | float | bool) or key is None else "?"
            if _is_forbidden(name):
                found.append(f"{prefix}.{name}" if prefix else name)
            if not isinstance(inner, _SCALARS) and isinstance(inner, Mapping | list | tuple):
                _look(inner, f"{prefix}.{name}" if prefix else name, depth + 1, found)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            if not isinstance(inner, _SCALARS) and isinstance(inner, Mapping | list | tuple):
                _look(inner, f"{prefix}[{index}]", depth + 1, found)
