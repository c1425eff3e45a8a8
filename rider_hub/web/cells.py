"""One value of a ledger as a page shows it and as a workbook holds it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from rider_hub.clock import SHANGHAI, check_aware
from rider_hub.web.values import EMPTY, Link, State, Tone, day, minute, number, state_of

__all__ = ["Cell", "Kind", "cell_of", "plain_of"]

Kind = Literal["text", "code", "phone", "number", "metres", "date", "time", "state", "link", "reason", "tags"]
Plain = str | float | date | datetime | None


_WORDS: dict[str, Callable[[Any], str]] = {
    "number": number,
    "metres": lambda metres: f"{number(round(metres))} 米",
    "date": day,
}


@dataclass(frozen=True)
class Cell:
    """What the template needs of one value: its words and, by kind, its tone, address, instant or parts."""

    text: str
    tone: Tone | None = None
    url: str | None = None
    at: datetime | None = None
    parts: tuple[str, ...] = ()


def cell_of(value: Any, kind: Kind, states: Mapping[str, State] | None = None) -> Cell:
    """Return a value as its column's kind shows it; nothing is shown as —."""
    if value is None or value in ("", (), []):
        return Cell(EMPTY)
    if kind == "state":
        state = state_of(value, states)
        return Cell(state.word, tone=state.tone)
    if kind == "time":
        return Cell(minute(value), at=check_aware(value))
    if kind == "tags":
        return Cell("、".join(map(str, value)), parts=tuple(map(str, value)))
    if isinstance(value, Link):
        return Cell(value.text, url=value.url)
    words = _WORDS.get(kind, str)
    return Cell(words(value))


def plain_of(value: Any, kind: Kind, states: Mapping[str, State] | None = None) -> Plain:
    """Return a value for a workbook: numbers and dates as such, everything else as text."""
    if value is None or value in ("", (), []):
        return None
    match kind:
        case "number":
            return float(value) if isinstance(value, float) else int(value)
        case "metres":
            return round(float(value))
        case "date":
            return date.fromisoformat(day(value))
        case "time":
            return check_aware(value).astimezone(SHANGHAI).replace(tzinfo=None)
        case _:
            return cell_of(value, kind, states).text
