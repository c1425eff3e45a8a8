"""A sample on its way through the mapping page: read with each step, shown as looks, kept nowhere."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from aiohttp import web

from connectors.problems import feed_error
from connectors.records import FeedType
from connectors.sources.looks import Look
from connectors.sources.suggestion import ColumnGuess, guesses
from connectors.transport.http_push import MIB
from connectors.transport.sample import Sample, likely_form, read_sample
from rider_hub.access import ACTOR, HUB
from rider_hub.intake.mapping_drafts import (
    FORBIDDEN,
    IGNORED,
    POINT,
    TIMES,
    Draft,
    coded_fields,
)
from rider_hub.intake.messages import count_try
from rider_hub.intake.model import Sender
from rider_hub.parameters import parameter
from rider_hub.riders.display import mask_phone
from rider_hub.web.forms import Form, parse_form
from rider_hub.web.shell import SHELL

__all__ = [
    "MAX_FIELDS",
    "MAX_FORM",
    "SentSample",
    "ShownColumn",
    "columns_without_sample",
    "look_through",
    "sent_sample",
]

#: The largest sample, and the largest form before it; a form of 100 columns has some 20 KiB.
MAX_SAMPLE: Final = 4 * MIB
MAX_FORM: Final = 256 * 1024
MAX_FIELDS: Final = 1_500
_MAX_NAME: Final = 200
_EXAMPLES: Final = 2
_SHORT: Final = 6

_LOOKS: Final[Mapping[str, str]] = {
    "empty": "没有值",
    "time": "时间",
    "day": "日期",
    "epoch_ms": "时间（毫秒数）",
    "epoch_s": "时间（秒数）",
    "phone": "手机号",
    "id_number": "18 位证件号码",
    "digest": "散列值",
    "community": "12 位区划代码",
    "lng": "像经度",
    "lat": "像纬度",
    "point_lng_lat": "坐标：经度,纬度",
    "point_lat_lng": "坐标：纬度,经度",
    "integer": "整数",
    "number": "小数",
    "object": "嵌套的内容",
    "text": "文字",
}
NOTES: Final[Mapping[str, str]] = {
    "forbidden_name": "这是禁止采集的信息，带着它报送，每一行都会被拒收。请在导出时去掉这一列。",
    "forbidden_values": "内容像是政治面貌或宗教信仰，属于禁止采集的信息。请在导出时去掉这一列。",
    "too_precise": "常跑片区最多 3 位小数，系统不代为取整。请在导出时取整，如 ROUND(lng, 3)。",
    "not_in_tier": "协议是 A 类，不收姓名、电话、证件号码。请在导出时去掉这一列，或选“忽略”。",
}


@dataclass(frozen=True)
class SentSample:
    """One step of the page: what the form says, and the beginning of the file as the browser sends it."""

    form: Form[Draft]
    name: str
    data: bytes

    @property
    def draft(self) -> Draft:
        """What was chosen; raises Invalid where the form itself has faults."""
        return self.form.checked()


@dataclass(frozen=True)
class ShownColumn:
    """One column as the page shows it: what it looks like, never a whole value of a person."""

    number: int
    name: str
    look: str
    examples: str
    chosen: str
    form: str
    #: The field whose codes these are, and code → value chosen or guessed ("" for none).
    coded: str
    codes: Sequence[tuple[str, str]]
    notes: Sequence[str]
    is_time: bool
    is_forbidden: bool


async def sent_sample(request: web.Request) -> SentSample:
    """Read one step: the urlencoded form, a line end, then the file as it is; its name is in X-File-Name.

    The sample travels with each step, so that the hub keeps none. Raises FeedError for what is too large,
    LimitReached where the account sent too many files within a minute.
    """
    await count_try(request.app[HUB], request[ACTOR].id, parameter("intake.pushes_a_minute").value)
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > MAX_SAMPLE + MAX_FORM:
            raise feed_error("body_too_large", status=413, limit=MAX_SAMPLE // MIB)
    said, _, data = bytes(body).partition(b"\n")
    if len(said) > MAX_FORM or len(data) > MAX_SAMPLE:
        raise feed_error("body_too_large", status=413, limit=MAX_SAMPLE // MIB)
    told = unquote(request.headers.get("X-File-Name", ""))
    name = "".join(char for char in told if char.isprintable())[:_MAX_NAME]
    return SentSample(parse_form(said, Draft, fields=MAX_FIELDS), name, data)


async def look_through(
    request: web.Request, sent: SentSample, sender: Sender, feed_type: FeedType
) -> tuple[Draft, list[ShownColumn], int]:
    """Return the form brought up to the sample, its columns as shown, and how many rows were read."""
    async with request.app[SHELL].exports:
        return await asyncio.to_thread(_look_through, sent, sender, feed_type)


def _look_through(
    sent: SentSample, sender: Sender, feed_type: FeedType
) -> tuple[Draft, list[ShownColumn], int]:
    draft, form = sent.draft, sent.draft.file_form()
    named = draft.named != "no"
    if not draft.named:
        form, named = likely_form(sent.data, sent.name)
    sample = read_sample(sent.data, feed_type, name=sent.name, form=form, named=named)
    guessed = guesses(feed_type, sample.columns, tier=sender.tier)
    merged = _merged(draft, guessed, sample, feed_type, is_named=named or not sample.is_table)
    return merged, _shown(merged, guessed, sample, feed_type), sample.rows


def _merged(
    draft: Draft, guessed: Sequence[ColumnGuess], sample: Sample, feed_type: FeedType, *, is_named: bool
) -> Draft:
    """Put a guess where nothing was chosen of a column of this name; a choice is never changed."""
    if not is_named and len(draft.column) == len(guessed):
        # Columns known by their place keep what was chosen of them when they are given names.
        draft = msgspec.structs.replace(draft, column=[one.column for one in guessed])
    forms, here = draft.forms(), {one.column for one in guessed}
    # What was chosen of columns that are gone keeps nothing from those that came.
    chosen = {column: what for column, what in draft.chosen().items() if column in here}
    taken = {what for what in chosen.values() if what != IGNORED}
    target, form, met, code = [], [], [], list(draft.code)
    for number, one in enumerate(guessed):
        what = FORBIDDEN if one.is_forbidden else chosen.get(one.column) or _guessed(one, taken)
        target += [f"{number}:{what}"] if what else []
        written = forms.get(one.column) or (one.form if one.form in TIMES else "")
        form += [f"{number}:{written}"] if written else []
        if what in coded_fields(feed_type):
            met += [f"{what}:{text}" for text in one.look.few]
            known = draft.codes(what)
            code += [f"{what}:{v}:{text}" for text, v in one.codes.items() if v and text not in known]
    nulls = draft.nulls or "，".join(sorted({text for one in guessed for text in one.look.nulls}))
    is_turned = not chosen and any(one.look.kind == "point_lat_lng" for one in guessed)
    coded = {entry.partition(":")[2] for entry in target}
    met += [entry for entry in draft.met if entry not in met and entry.partition(":")[0] in coded]
    return msgspec.structs.replace(
        draft,
        column=[one.column for one in guessed],
        target=target,
        form=form,
        met=met,
        code=code,
        named="yes" if is_named else "no",
        names="" if is_named else "\n".join(sample.form.header),
        escape=sample.form.escape,
        nulls=nulls,
        axis="lat_lng" if is_turned else draft.axis,
    )


def _guessed(one: ColumnGuess, taken: set[str]) -> str:
    what = one.target or (f"{POINT}{one.point}" if one.point is not None else "")
    if not what or what in taken:
        return ""
    taken.add(what)
    return what


def _shown(
    draft: Draft, guessed: Sequence[ColumnGuess], sample: Sample, feed_type: FeedType
) -> list[ShownColumn]:
    chosen, forms = draft.chosen(), draft.forms()
    shown = []
    for number, one in enumerate(guessed):
        what = chosen.get(one.column, "")
        coded = what if what in coded_fields(feed_type) else ""
        values = sample.columns[one.column]
        shown.append(
            ShownColumn(
                number,
                one.column,
                _words(one.look, sample.rows),
                "" if one.is_forbidden else _examples(one.look, values, is_coded=bool(coded)),
                what,
                forms.get(one.column, ""),
                coded,
                _codes_of(draft, coded),
                [NOTES[note] for note in one.notes if note in NOTES],
                is_time=one.look.kind in {"time", "day", "epoch_ms", "epoch_s"},
                is_forbidden=one.is_forbidden,
            )
        )
    return shown


def columns_without_sample(draft: Draft, feed_type: FeedType) -> list[ShownColumn]:
    """Return the columns of a form alone, as they are shown before a sample is read."""
    chosen, forms = draft.chosen(), draft.forms()
    return [
        ShownColumn(
            number,
            name,
            "",
            "",
            what := chosen.get(name, ""),
            forms.get(name, ""),
            coded := (what if what in coded_fields(feed_type) else ""),
            _codes_of(draft, coded),
            [NOTES["forbidden_name"]] if what == FORBIDDEN else [],
            is_time=name in forms,
            is_forbidden=what == FORBIDDEN,
        )
        for number, name in enumerate(draft.column)
    ]


def _codes_of(draft: Draft, path: str) -> list[tuple[str, str]]:
    if not path:
        return []
    met = [entry.partition(":")[2] for entry in draft.met if entry.partition(":")[0] == path]
    known = draft.codes(path)
    return [(code, known.get(code, "")) for code in dict.fromkeys(met)]


def _words(look: Look, rows: int) -> str:
    words = _LOOKS[look.kind]
    if look.kind == "time":
        words += "（带时区）" if look.has_offset else "（没有时区）"
    if look.decimals and look.kind in {"lng", "lat", "number", "point_lng_lat", "point_lat_lng"}:
        words += f"，{look.decimals} 位小数"
    if 0 < look.filled < rows:
        words += f"，{look.filled}/{rows} 行有值"
    return words


def _examples(look: Look, values: Sequence[Any], *, is_coded: bool) -> str:
    """Return one or two values so cut that a column is known by them, and no person is."""
    if look.few and (is_coded or look.kind == "integer"):
        return "、".join(look.few[:_SHORT])
    plain = (str(v).strip() for v in values if v is not None and not isinstance(v, list | dict))
    cuts = dict.fromkeys(_cut(text, look) for text in plain if text and text not in look.nulls)
    return "、".join(list(cuts)[:_EXAMPLES])


def _cut(text: str, look: Look) -> str:
    if look.kind in {"time", "day", "epoch_ms", "epoch_s", "community"}:
        return text[:20]
    if look.kind == "phone":
        return mask_phone(text) or ""
    if look.kind in {"lng", "lat"}:
        return text.partition(".")[0] + ".…"
    if look.kind in {"id_number", "digest", "point_lng_lat", "point_lat_lng"}:
        return text[:3] + "…"
    return text[:2] + "…" if len(text) > 3 else text[:1] + "*"  # noqa: PLR2004 - as names are masked elsewhere
