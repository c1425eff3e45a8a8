"""Reason codes of matching and their sentences, which stand in reasons.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Reason", "explain", "reasons"]

#: What stands where a name is not known.
_NAMELESS: dict[str, str] = {
    "community": "该社区",
    "street": "该街道",
    "station": "站点",
    "station_branch": "站点党组织",
    "community_branch": "上级党组织",
    "instructor": "街道指导员",
    "love_station": "驿站",
    "metres": "—",
}


@dataclass(frozen=True)
class Reason:
    """One reason: a code, its sentence in Chinese and English, the article it rests on."""

    code: str
    zh: str
    en: str
    article: str


@cache
def reasons() -> Mapping[str, Reason]:
    """Return all reasons by code."""
    text = files("rider_hub.assignments").joinpath("reasons.toml").read_text("utf-8")
    return {code: Reason(code, **row) for code, row in tomllib.loads(text).items()}


def explain(code: str, names: Mapping[str, str | None] | None = None) -> str:
    """Return the Chinese sentence of a reason code with the names it speaks of.

    A name that is not known is told by what it is; an unknown code is shown as it is.
    """
    reason = reasons().get(code)
    if reason is None:
        return code
    known = {key: value for key, value in (names or {}).items() if value is not None}
    return reason.zh.format_map(_NAMELESS | known)
