"""Guesses what each column of a sample may be, for a person to correct: decides nothing, keeps no value."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from connectors.fields import FieldRule, field_rules
from connectors.records import MAX_WORK_AREA_DECIMALS, RECORD_TYPES, TIER_B_FIELDS, FeedType, Tier
from connectors.sources.looks import Kind, Look, look_at
from connectors.sources.registry import is_forbidden_column
from connectors.sources.values import Form, leaf_paths
from connectors.spelling import folded

__all__ = ["ColumnGuess", "Note", "columns_of", "form_of", "guesses", "rule_of"]

Note = Literal["forbidden_name", "forbidden_values", "too_precise", "not_in_tier"]

#: The look of a value → the kinds of field it can't be; what is not told apart here fits.
_FITS: Final[Mapping[str, frozenset[Kind]]] = {
    "timestamp": frozenset({"time", "day", "epoch_ms", "epoch_s", "empty"}),
    "date": frozenset({"day", "time", "empty"}),
    "phone": frozenset({"phone", "text", "integer", "empty"}),
    "id_number": frozenset({"id_number", "text", "empty"}),
    "id_hash": frozenset({"digest", "empty"}),
    "code": frozenset({"community", "empty"}),
    "number": frozenset({"lng", "lat", "number", "integer", "empty"}),
    "integer": frozenset({"integer", "empty"}),
    "choice": frozenset({"text", "integer", "empty"}),
    "extension": frozenset({"integer", "empty"}),
    "reference": frozenset(
        {"text", "integer", "digest", "epoch_ms", "epoch_s", "community", "phone", "empty"}
    ),
    "line": frozenset({"text", "integer", "empty"}),
    "text": frozenset({"text", "integer", "empty"}),
}
#: A look so telling that an unknown name does not matter.
_BY_LOOK: Final[Mapping[Kind, tuple[str, ...]]] = {
    "id_number": ("id_number",),
    "digest": ("id_hash",),
    "phone": ("phone",),
    "community": ("work_area.community_code", "community_code", "place.community_code"),
    "lng": ("work_area.lng", "lng", "place.lng"),
    "lat": ("work_area.lat", "lat", "place.lat"),
}
_TIME_FORMS: Final[Mapping[Kind, Form]] = {
    "epoch_ms": "epoch_ms",
    "epoch_s": "epoch_s",
    "time": "local_time",
    "day": "local_time",
}


class ColumnGuess(msgspec.Struct, frozen=True):
    """What a column may be: a standard field, or a point that goes into `point` ("" is the record itself)."""

    column: str
    look: Look
    target: str | None = None
    point: str | None = None
    form: Form | None = None
    codes: dict[str, str | None] = {}
    """Code met → the value it may stand for, None where only its sender knows."""
    notes: tuple[Note, ...] = ()

    @property
    def is_forbidden(self) -> bool:
        """Say whether the column may not be sent at all, so that it can be neither mapped nor passed over."""
        return bool({"forbidden_name", "forbidden_values"} & set(self.notes))


class _Words(msgspec.Struct, frozen=True):
    whole: dict[str, frozenset[str]]
    ending: dict[str, tuple[str, ...]]
    point: dict[str, frozenset[str]]


def columns_of(rows: Sequence[Mapping[Any, Any]], feed_type: FeedType) -> list[str]:
    """List the columns of sample rows in the order met, dotted where an object is gone into."""
    known = {name for name, rule in field_rules(RECORD_TYPES[feed_type]).items() if rule.struct}
    found: dict[str, None] = {}
    for row in rows:
        branches = frozenset(known | {str(name) for name, value in row.items() if isinstance(value, Mapping)})
        found |= dict.fromkeys(leaf_paths(row, branches))
    return list(found)


def guesses(
    feed_type: FeedType, columns: Mapping[str, Sequence[Any]], *, tier: Tier
) -> tuple[ColumnGuess, ...]:
    """Return a guess for each column (name → values of the sample), no field guessed twice."""
    looks = {name: look_at(values) for name, values in columns.items()}
    targets = _targets(feed_type, looks)
    found = []
    for name, values in columns.items():
        notes = _forbidden(name, values)
        if notes:
            # Not a value of it is shown, not even as a list of codes.
            found.append(ColumnGuess(name, Look(looks[name].kind, looks[name].filled), notes=notes))
        else:
            found.append(_guess(feed_type, ColumnGuess(name, looks[name], targets.get(name)), tier))
    return tuple(found)


def form_of(rule: FieldRule, look: Look) -> Form | None:
    """Return the form in which values of this look are read as this field; None where they need none."""
    if rule.kind == "timestamp":
        return None if look.has_offset else _TIME_FORMS.get(look.kind)
    if rule.kind == "date":
        return "local_day" if look.kind in {"time", "day"} else None
    if rule.kind in {"number", "integer"}:
        return "text_for_number"
    return "number_for_text" if look.is_number else None


def rule_of(feed_type: FeedType, path: str) -> FieldRule:
    """Return the rule of a standard field by its dotted path."""
    outer, _, inner = path.partition(".")
    rule = field_rules(RECORD_TYPES[feed_type])[outer]
    return field_rules(rule.struct)[inner] if inner else rule


def _guess(feed_type: FeedType, one: ColumnGuess, tier: Tier) -> ColumnGuess:
    """Complete what may be a field of this feed: its form, its codes, and what is wrong with it."""
    look, target = one.look, one.target
    fine: tuple[Note, ...] = ("too_precise",) if look.decimals > MAX_WORK_AREA_DECIMALS else ()
    if look.kind in {"point_lng_lat", "point_lat_lng"}:
        into = next(iter(_words(feed_type).point))
        notes = fine if feed_type == "registration" else ()
        return ColumnGuess(one.column, look, point=into, notes=notes)
    if target is None:
        return one
    if tier == "A" and feed_type == "registration" and target in TIER_B_FIELDS:
        return ColumnGuess(one.column, look, notes=("not_in_tier",))
    rule = rule_of(feed_type, target)
    return msgspec.structs.replace(
        one,
        form=form_of(rule, look),
        codes=_codes(target, look) if rule.kind == "choice" else {},
        notes=fine if rule.decimals is not None else (),
    )


def _forbidden(name: str, values: Sequence[Any]) -> tuple[Note, ...]:
    if is_forbidden_column(name):
        return ("forbidden_name",)
    telling = _forbidden_values()
    return ("forbidden_values",) if any(isinstance(v, str) and v.strip() in telling for v in values) else ()


def _targets(feed_type: FeedType, looks: Mapping[str, Look]) -> dict[str, str]:
    """Match columns to fields: by whole name, then by its ending, then by a telling look; each field once."""
    found: dict[str, str] = {}
    for match in (_by_whole, _by_ending, _by_look):
        for name, look in looks.items():
            if name in found or is_forbidden_column(name):
                continue
            for path in match(feed_type, name, look):
                if path not in found.values() and look.kind in _FITS[rule_of(feed_type, path).kind]:
                    found[name] = path
                    break
    return found


def _by_whole(feed_type: FeedType, name: str, _look: Look) -> list[str]:
    keys = {folded(name), folded(name.rpartition(".")[2])}
    return [path for path, words in _words(feed_type).whole.items() if keys & words]


def _by_ending(feed_type: FeedType, name: str, _look: Look) -> list[str]:
    key = folded(name)
    return [path for path, words in _words(feed_type).ending.items() if key.endswith(words)]


def _by_look(feed_type: FeedType, _name: str, look: Look) -> list[str]:
    paths = _words(feed_type).whole
    return [path for path in _BY_LOOK.get(look.kind, ()) if path in paths]


def _codes(target: str, look: Look) -> dict[str, str | None]:
    """Guess what each code of a column stands for; a word says it, a number does not."""
    words = {word: value for value, listed in _table()["codes"].get(target, {}).items() for word in listed}
    meant = {folded(word): value for word, value in words.items()}
    return {code: None if code.isdigit() else meant.get(folded(code)) for code in look.few}


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("synonyms.toml").read_text(encoding="utf-8"))


@cache
def _words(feed_type: FeedType) -> _Words:
    table = _table()[feed_type]
    return _Words(
        whole={path: frozenset(map(folded, words)) for path, words in table["whole"].items()},
        ending={path: tuple(map(folded, words)) for path, words in table["ending"].items()},
        point={path: frozenset(map(folded, words)) for path, words in table["point"].items()},
    )


@cache
def _forbidden_values() -> frozenset[str]:
    return frozenset(value for listed in _table()["forbidden_values"].values() for value in listed)
