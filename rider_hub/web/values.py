"""Values as pages show them: states, links, times, numbers; pure, and the same for every page."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

from rider_hub.clock import SHANGHAI, check_aware

__all__ = [
    "EMPTY",
    "Link",
    "State",
    "Tone",
    "ago",
    "day",
    "minute",
    "number",
    "own_path",
    "path_or_home",
    "state_of",
    "titled",
]

#: What a cell without a value shows.
EMPTY = "—"

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MONTH, _YEAR = 30 * _DAY, 365 * _DAY


class Tone(StrEnum):
    """The colour and the icon of a state; the word always stands beside them."""

    TODO = "todo"
    DOING = "doing"
    SOON = "soon"
    OVERDUE = "overdue"
    DONE = "done"
    WITHDRAWN = "withdrawn"
    PLAIN = "plain"


@dataclass(frozen=True)
class State:
    """The state of one thing: its word on pages, and its tone."""

    word: str
    tone: Tone = Tone.PLAIN


class Titled(Protocol):
    """A state of a model: its value in the database and its word in Chinese."""

    @property
    def value(self) -> str:
        """What is stored."""

    @property
    def title_zh(self) -> str:
        """What pages show."""


def titled(tones: Mapping[Titled, Tone]) -> dict[str, State]:
    """Return the states of a model as pages show them, by their values."""
    return {state.value: State(state.title_zh, tone) for state, tone in tones.items()}


_KNOWN = {
    "待办": Tone.TODO,
    "进行中": Tone.DOING,
    "将到期": Tone.SOON,
    "已超期": Tone.OVERDUE,
    "已办结": Tone.DONE,
    "已撤回": Tone.WITHDRAWN,
}


@dataclass(frozen=True)
class Link:
    """A cell that leads elsewhere in the hub."""

    text: str
    url: str

    def __post_init__(self) -> None:
        own_path(self.url)


def own_path(url: str) -> str:
    """Return a path of the hub itself; anything that could lead out of it or run a script is a ValueError."""
    if not url.startswith("/") or url.startswith(("//", "/\\")) or any(ord(sign) < ord(" ") for sign in url):
        raise ValueError("a link inside the hub begins with one slash and has no control characters")
    return url


def path_or_home(url: str) -> str:
    """Return a path of the hub itself, home for whatever else was asked for: never a way to another site."""
    try:
        own = own_path(url) and url.isprintable() and not urlsplit(url).netloc
    except ValueError:
        own = False
    return url if own else "/"


def state_of(value: object, states: Mapping[str, State] | None = None) -> State:
    """Return the state a cell holds: a State, a code of `states`, or one of the six common words."""
    if isinstance(value, State):
        return value
    word = str(value)
    if states is not None and word in states:
        return states[word]
    return State(word, _KNOWN.get(word, Tone.PLAIN))


def minute(value: datetime) -> str:
    """Write an instant in Shanghai's time to the minute: 2026-11-23 09:30."""
    return check_aware(value).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def day(value: date) -> str:
    """Write a date: 2026-11-23; an instant is given by its date in Shanghai."""
    if isinstance(value, datetime):
        value = check_aware(value).astimezone(SHANGHAI).date()
    return value.isoformat()


def ago(value: datetime, now: datetime) -> str:
    """Say how far an instant lies from now in one unit: 3 小时前, 2 天后, 刚刚."""
    seconds = (check_aware(now) - check_aware(value)).total_seconds()
    distance = abs(seconds)
    if distance < _MINUTE:
        return "刚刚" if seconds >= 0 else "马上"
    units = ((_YEAR, "年"), (_MONTH, "个月"), (_DAY, "天"), (_HOUR, "小时"), (_MINUTE, "分钟"))
    size, name = next((size, name) for size, name in units if distance >= size)
    return f"{int(distance // size)} {name}{'前' if seconds > 0 else '后'}"


def number(value: float) -> str:
    """Write a number with thousands separators and at most two decimals; one that is none as —."""
    if isinstance(value, float) and not math.isfinite(value):
        return EMPTY
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{int(value):,}"
