"""What a field of few choices may hold, in the sender's own values, each with a word for it; pure."""

from collections.abc import Mapping
from typing import Final

from connectors.fields import field_rules
from connectors.records import RECORD_TYPES, FeedType
from connectors.sources import Manifest

__all__ = ["choices_of"]

_WORDS: Final[Mapping[str, str]] = {
    "upsert": "新增或更新",
    "leave": "离开",
    "retract": "撤回",
    "dedicated": "专送",
    "crowdsourced": "众包",
    "wgs84": "WGS 84",
    "cgcs2000": "国家 2000",
    "gcj02": "GCJ-02（高德、腾讯）",
    "bd09": "BD-09（百度）",
}


def choices_of(field: str, feed_type: FeedType, mapping: Manifest | None) -> tuple[tuple[str, str], ...]:
    """Return what a standard field may hold: a value as its sender writes it, and its word; else nothing.

    Where the sender has codes of its own those are the values.
    """
    if mapping is not None and feed_type in mapping.feeds:
        codes = mapping.feed(feed_type).codes.get(field, {})
        if codes:
            return tuple((code, _word(code, standard)) for code, standard in codes.items())
    return tuple((value, _word(value, value)) for value in _standard(field, feed_type))


def _standard(field: str, feed_type: FeedType) -> tuple[str, ...]:
    rules = field_rules(RECORD_TYPES[feed_type])
    above, _, inner = field.rpartition(".")
    if above:
        part = rules.get(above)
        rules = field_rules(part.struct) if part is not None and part.struct is not None else {}
    rule = rules.get(inner)
    return rule.choices if rule is not None else ()


def _word(value: str, standard: str) -> str:
    word = _WORDS.get(standard, "")
    return f"{word}（{value}）" if word and value not in {word, standard} else word or value
