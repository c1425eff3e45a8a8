"""Writes a manifest as TOML that reads back as the same one; only what differs from the defaults."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from connectors.sources.manifest import FeedMapping, Manifest, PointColumn, Pull

__all__ = ["to_toml"]

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def to_toml(manifest: Manifest) -> str:
    """Return a manifest as TOML; `registry.parse` gives the same one back."""
    plain = _without_defaults(manifest, Manifest)
    plain["feeds"] = {name: _feed(feed) for name, feed in manifest.feeds.items()}
    if manifest.pull != Pull():
        plain["pull"] = _without_defaults(manifest.pull, Pull)
    lines: list[str] = []
    _table(plain, (), lines)
    return "\n".join(lines).strip() + "\n"


def _feed(feed: FeedMapping) -> dict[str, Any]:
    plain = _without_defaults(feed, FeedMapping)
    if feed.points:
        plain["points"] = [_without_defaults(point, PointColumn) for point in feed.points]
    if feed.file.is_stated:
        plain["file"] = _without_defaults(feed.file, type(feed.file))
    else:
        plain.pop("file", None)
    return plain


def _without_defaults(struct: msgspec.Struct, kind: type[msgspec.Struct]) -> dict[str, Any]:
    plain = {}
    for field in msgspec.structs.fields(kind):
        value = getattr(struct, field.name)
        if field.required or value != _default(field):
            plain[field.name] = msgspec.to_builtins(value)
    return plain


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _table(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    """Write a table's own values, then its tables, as TOML wants them."""
    inner = {name: value for name, value in table.items() if isinstance(value, Mapping)}
    own = {name: value for name, value in table.items() if name not in inner}
    if path and (own or not inner):
        lines.append(f"\n[{'.'.join(map(_key, path))}]")
    lines += [f"{_key(name)} = {_value(value)}" for name, value in own.items()]
    for name, value in inner.items():
        _table(value, (*path, name), lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    return '"' + "".join(_ESCAPED.get(sign) or _sign(sign) for sign in text) + '"'


def _sign(sign: str) -> str:
    # TOML takes no control character as it stands.
    return sign if ord(sign) >= 0x20 and ord(sign) != 0x7F else f"\\u{ord(sign):04x}"  # noqa: PLR2004
