"""What a sender's agreement asks of its rows: as programs read it, and in the words of a page; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from connectors.records import FeedType
from connectors.requirements import FieldNeed, Requirements, requirements
from rider_hub.intake.mend_choices import choices_of
from rider_hub.intake.mending import TITLES
from rider_hub.intake.model import FEEDS, Sender

__all__ = ["FORBIDDEN", "NeedInWords", "in_words", "needs_of"]

#: Group of forbidden data → what it is called on pages, and names by which it is known.
FORBIDDEN: Final = {
    "political": ("政治面貌", "党员、政治面貌、zzmm、party_member"),
    "religion": ("宗教信仰", "宗教、信仰"),
    "health": ("健康", "体检、病历、健康证"),
    "finance": ("金融", "银行卡、工资、收入"),
    "biometrics": ("生物特征", "人脸、指纹、身份证照片"),
    "positions_over_time": ("行踪轨迹", "轨迹、实时位置、gps、last_lng"),
}
_NEEDS: Final = {"required": "必报", "conditional": "视情况必报", "optional": "选报", "forbidden": "不得报"}
_KINDS: Final = {
    "reference": "编号，文本",
    "line": "文本",
    "text": "文本，可多行",
    "code": "区划代码，文本",
    "number": "数",
    "integer": "整数",
    "date": "日期，如 2026-11-24",
    "timestamp": "时间，带时区，如 2026-11-24T09:30:00+08:00",
    "choice": "选一",
    "object": "对象",
    "phone": "手机号",
    "extension": "分机号",
    "id_number": "证件号码",
    "id_hash": "证件号码的散列值",
}
_WHEN: Final = {
    "upsert": "新增或更新",
    "dedicated": "专送",
    "crowdsourced": "众包",
}
#: `name` is a station's, or a rider's.
_RIDER_NAME: Final = "姓名"


@dataclass(frozen=True)
class NeedInWords:
    """One field as a page tells it."""

    title: str
    #: As the sender writes it: its own column where it has a mapping, with the standard's name behind.
    name: str
    standard: str
    need: str
    form: str


def needs_of(sender: Sender) -> Requirements:
    """Return the requirements of a sender's agreement."""
    mapping = sender.mapping
    return requirements(
        FEEDS,
        tier=sender.tier,
        unknown=mapping.unknown if mapping else "freeze",
        frame=sender.frame or (mapping.frame if mapping else None),
    )


def in_words(sender: Sender, feed_type: FeedType) -> Iterator[NeedInWords]:
    """Give the fields of one feed, those that must come first, then the others in the standard's order."""
    order = list(_NEEDS)
    mapping = sender.mapping
    for one in sorted(needs_of(sender).feeds[feed_type].fields, key=lambda one: order.index(one.need)):
        own = mapping is not None and feed_type in mapping.feeds
        yield NeedInWords(
            title=_RIDER_NAME
            if one.path == "name" and feed_type == "registration"
            else TITLES.get(one.path, one.path),
            name=mapping.source_path(feed_type, one.path) if own and mapping is not None else one.path,
            standard=one.path,
            need=_need(one),
            form=_form(sender, feed_type, one),
        )


def _need(one: FieldNeed) -> str:
    if one.need != "conditional":
        return _NEEDS[one.need]
    cases = ("、".join(_WHEN.get(value, value) for value in case.values()) for case in one.when)
    return f"{' 或 '.join(cases)}时必报"


def _form(sender: Sender, feed_type: FeedType, one: FieldNeed) -> str:
    choices = choices_of(one.path, feed_type, sender.mapping)
    if choices:
        return "选一：" + "；".join(
            value if value == word else f"{value} {word.removesuffix(f'（{value}）')}"
            for value, word in choices
        )
    said = [_KINDS.get(one.kind, one.kind)]
    if one.decimals is not None:
        said.append(f"最多 {one.decimals} 位小数")
    if one.max_length:
        said.append(f"最多 {one.max_length} 字")
    return "，".join(said)
