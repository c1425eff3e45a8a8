"""What of a refused row may wait in quarantine: its source as canonical JSON, without identity numbers."""

from collections.abc import Mapping
from datetime import date, time
from functools import lru_cache
from typing import Any, Final

import msgspec

from connectors.forbidden import holds_identity_number
from connectors.identity import ID_LENGTH, holds_id_number
from connectors.telling import is_plain

MAX_KEPT_BYTES: Final = 64 * 1024
_BITS: Final = 63
_CACHED_LENGTH: Final = 200
# Tuples of types made once: a union written where it is asked is made anew for every value.
_SCALARS: Final = (str, int, float, type(None))
_NUMBERS: Final = (int, float)
_TIMES: Final = (date, time)
_LISTS: Final = (list, tuple)


def quarantine_payload(source: Mapping[Any, Any], *, drop: set[str]) -> bytes | None:
    """Return a refused source row as canonical JSON (sorted keys), or None where it is beyond 64 KiB.

    Left out: the paths in `drop` (what the sender may not send), every field whose name is one for identity
    numbers or may hold a value, and every value that holds an identity number, well formed or not. Values
    JSON can't say (not finite, lost digits, huge integers) become null; invalid Unicode becomes `?`.
    """
    payload = msgspec.json.encode(_clean(source, drop, ""), order="deterministic")
    return payload if len(payload) <= MAX_KEPT_BYTES else None


def _clean(value: Any, drop: set[str], path: str) -> Any:
    if isinstance(value, _SCALARS):  # asked first: whether a value is some Mapping takes many times longer
        return _scalar(value)
    if isinstance(value, Mapping):
        kept = {}
        for key, inner in value.items():
            name = key if type(key) is str else str(key)
            if _stays_out(name) or f"{path}{name}" in drop:
                continue
            if type(inner) is str and len(inner) < ID_LENGTH and inner.isascii():  # most values, by far
                kept[_text(name)] = inner
            elif not holds_id_number(inner):
                kept[_text(name)] = _clean(inner, drop, f"{path}{name}.")
        return kept
    if isinstance(value, _LISTS):
        return [_clean(inner, drop, path) for inner in value if not holds_id_number(inner)]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, _TIMES):
        return value.isoformat()
    if isinstance(value, int) and value.bit_length() > _BITS:
        return None
    # msgspec writes a float that is not finite as null.
    return value if isinstance(value, _NUMBERS) else None


def _stays_out(name: str) -> bool:
    # A name of many kilobytes must not stay in the cache.
    return _judged(name) if len(name) <= _CACHED_LENGTH else _judged.__wrapped__(name)


@lru_cache(maxsize=8192)
def _judged(name: str) -> bool:
    return holds_identity_number(name) or holds_id_number(name) or not is_plain(name)


def _text(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
