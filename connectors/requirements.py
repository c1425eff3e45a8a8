"""What a sender must, may and must not send under its agreement, made from what checks the rows."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, Literal

import msgspec

from connectors.contract import Unknown
from connectors.fields import FieldRule, field_rules
from connectors.forbidden import MAX_DEPTH
from connectors.payload import MAX_KEPT_BYTES
from connectors.records import (
    MAX_WORK_AREA_DECIMALS,
    RECORD_TYPES,
    RFS_VERSION,
    TIER_B_FIELDS,
    FeedType,
    Frame,
    Tier,
)
from connectors.rules import REQUIRED_BY_EMPLOYMENT, REQUIRED_OF_UPSERT, RULES_IN_WORDS
from connectors.transport.http_push import (
    MAX_ARRAY,
    MAX_ELEMENTS,
    MAX_INFLATED,
    MAX_LINE,
    MAX_LINES,
    MAX_SENT,
)
from connectors.versions import versions

Need = Literal["required", "conditional", "optional", "forbidden"]

SNAPSHOT_HEADERS: Final = {
    "rfs-mode": "snapshot, or changes (the default)",
    "rfs-scope": "county (the default), or station: and a station_ref, percent-encoded where it is not ASCII",
    "rfs-as-of": "of when it is: RFC 3339 with an offset, not in the future",
    "rfs-total": "how many rows all parts have together",
    "rfs-snapshot": "its name, where it comes in several pushes: the same in each",
}
"""What a push of a whole declares, and how."""


class FieldNeed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field: whether it is needed, and on what else that hangs.

    A conditional field is required where `when` holds, else optional; of several conditions any will do.
    """

    path: str
    need: Need
    kind: str
    when: tuple[dict[str, str], ...] = ()
    choices: tuple[str, ...] = ()
    max_length: int | None = None
    low: float | None = None
    high: float | None = None
    decimals: int | None = None


class FeedNeeds(msgspec.Struct, frozen=True):
    """One feed type: its fields, and the rules across them in words."""

    fields: tuple[FieldNeed, ...]
    rules: str


class Limits(msgspec.Struct, frozen=True):
    """The most a push may have; a row refused beyond `kept_row_bytes` is not kept to be mended."""

    sent_bytes: int = MAX_SENT
    inflated_bytes: int = MAX_INFLATED
    array_bytes: int = MAX_ARRAY
    rows: int = MAX_LINES
    array_rows: int = MAX_ELEMENTS
    row_bytes: int = MAX_LINE
    kept_row_bytes: int = MAX_KEPT_BYTES


class Requirements(msgspec.Struct, frozen=True):
    """Everything a sender can look up before it sends; it holds no person's data."""

    rfs: str
    tier: Tier
    #: The frame of points that state none; null where each must state its own.
    frame: Frame | None
    #: What becomes of unknown fields: freeze refuses their row, discard drops them.
    unknown_fields: Unknown
    notice_months: int
    max_depth: int
    work_area_decimals: int
    limits: Limits
    #: Header → what a snapshot of registrations says in it.
    snapshot_headers: dict[str, str]
    feeds: dict[str, FeedNeeds]
    #: Group of forbidden data → the patterns by which its names are known.
    forbidden_names: dict[str, dict[str, tuple[str, ...]]]


def requirements(
    feed_types: tuple[FeedType, ...], *, tier: Tier, unknown: Unknown, frame: Frame | None
) -> Requirements:
    """Return the requirements of an agreement for the feed types a hub takes in."""
    return Requirements(
        rfs=RFS_VERSION,
        tier=tier,
        frame=frame,
        unknown_fields=unknown,
        notice_months=versions().notice_months,
        max_depth=MAX_DEPTH,
        work_area_decimals=MAX_WORK_AREA_DECIMALS,
        limits=Limits(),
        snapshot_headers=SNAPSHOT_HEADERS,
        feeds={name: FeedNeeds(_needs(name, tier), RULES_IN_WORDS[name]) for name in feed_types},
        forbidden_names=_forbidden_names(),
    )


def _needs(feed_type: FeedType, tier: Tier) -> tuple[FieldNeed, ...]:
    found: list[FieldNeed] = []
    for name, rule in field_rules(RECORD_TYPES[feed_type]).items():
        withheld = feed_type == "registration" and tier == "A" and name in TIER_B_FIELDS
        found.append(_need(name, rule, feed_type, withheld=withheld))
        if rule.struct is not None:
            inside = field_rules(rule.struct).items()
            found += [_need(f"{name}.{inner}", part, feed_type) for inner, part in inside]
    return tuple(found)


def _need(path: str, rule: FieldRule, feed_type: FeedType, *, withheld: bool = False) -> FieldNeed:
    when = _conditions(path, feed_type)
    otherwise: Need = "conditional" if when else "optional"
    need: Need = "forbidden" if withheld else "required" if rule.required else otherwise
    return FieldNeed(
        path=path,
        need=need,
        kind=rule.kind,
        when=when,
        choices=rule.choices,
        max_length=rule.max_length or None,
        low=rule.low,
        high=rule.high,
        decimals=rule.decimals,
    )


def _conditions(path: str, feed_type: FeedType) -> tuple[dict[str, str], ...]:
    found = [{"op": "upsert"}] if path in REQUIRED_OF_UPSERT[feed_type] else []
    if feed_type == "registration":
        found += [
            {"op": "upsert", "employment": employment}
            for employment, name in REQUIRED_BY_EMPLOYMENT.items()
            if name == path
        ]
    return tuple(found)


@cache
def _forbidden_names() -> dict[str, dict[str, tuple[str, ...]]]:
    text = Path(__file__).with_name("disallowed.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    groups = {name: rules for name, rules in table.items() if isinstance(rules, dict)}
    groups.pop("identity_numbers")  # allowed names whose values are treated with care
    return {name: {how: tuple(parts) for how, parts in rules.items()} for name, rules in groups.items()}
