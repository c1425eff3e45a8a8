"""A row to be mended as a form: a field each, its fault beside it, its value where it may be shown; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from connectors.records import FeedType
from connectors.sources import Manifest
from rider_hub.intake.mend_choices import choices_of

__all__ = ["TITLES", "MendField", "changed_fields", "fields_of", "mended_row"]

#: Standard field → its name on pages.
TITLES: Final[Mapping[str, str]] = {
    "record_id": "记录编号",
    "platform_rider_ref": "骑手编号",
    "op": "操作",
    "employment": "配送方式",
    "station_ref": "站点编号",
    "work_area": "常跑片区",
    "work_area.community_code": "常跑片区：社区代码",
    "work_area.street": "常跑片区：街道",
    "work_area.lng": "常跑片区：经度",
    "work_area.lat": "常跑片区：纬度",
    "work_area.frame": "常跑片区：坐标系",
    "effective_at": "生效时间",
    "updated_at": "更新时间",
    "occurred_at": "发生时间",
    "frame": "坐标系",
    "name": "名称",
    "phone": "手机号",
    "phone_ext": "分机号",
    "id_number": "证件号码",
    "id_hash": "证件号码的散列值",
    "platform": "平台",
    "partner": "合作企业",
    "address": "地址",
    "community_code": "社区代码",
    "street": "街道",
    "lng": "经度",
    "lat": "纬度",
    "active_from": "启用日期",
    "active_to": "停用日期",
    "headcount": "骑手人数",
    "category": "类别",
    "text": "诉求内容",
    "place": "地点",
    "place.address": "地点：地址",
    "place.community_code": "地点：社区代码",
    "place.street": "地点：街道",
    "place.lng": "地点：经度",
    "place.lat": "地点：纬度",
    "place.frame": "地点：坐标系",
}
#: Fields of a row about a rider that say nothing of the person once they are right; a station's all do so.
_PLAIN: Final[Mapping[str, frozenset[str]]] = {
    "registration": frozenset(
        {"record_id", "op", "employment", "station_ref", "effective_at", "updated_at", "frame"}
        | {name for name in TITLES if name.startswith("work_area.")}
    ),
    "request": frozenset({"record_id", "category", "place.community_code", "updated_at", "occurred_at"}),
}
#: Faults that an object lacks a place, whichever way it is given.
_LACKING: Final = frozenset({"work_area_required", "place_required"})
_MAX_FIELDS: Final = 90
_ABSENT: Final = object()


@dataclass(frozen=True)
class MendField:
    """One field of a row as a form shows it."""

    #: Where it is in the row, as JSON: names may hold dots.
    path: str
    name: str
    title: str
    value: str
    #: False where the value stays closed until a purpose is given; left empty, it stays as it is.
    shown: bool
    faults: tuple[str, ...]
    #: Set for a field that neither standard nor mapping knows, which can only be left out.
    unknown: bool
    #: What it may hold, each with its word, where that is a list.
    choices: tuple[tuple[str, str], ...] = ()


def fields_of(
    content: Mapping[str, Any],
    failures: Sequence[Mapping[str, Any]],
    feed_type: FeedType,
    mapping: Manifest | None,
    *,
    opened: bool,
) -> list[MendField]:
    """Return the fields of a kept row, those with a fault first, and those that are missing.

    Without `opened` a value shows only where it was found right and its field says nothing of a person: what
    is wrong may be anything, a phone in another column among it.
    """
    standard = _standard_names(feed_type, mapping)
    faults: dict[str, list[Mapping[str, Any]]] = {}
    for one in failures:
        faults.setdefault(_place_of(one, mapping), []).append(one)
    found: dict[str, tuple[list[str], Any]] = {
        ".".join(keys): (keys, value) for keys, value in _leaves(content)
    }
    for path in faults:
        if path and path not in found and not any(name.startswith(f"{path}.") for name in found):
            found[path] = (path.split("."), _ABSENT)
    plain = _PLAIN.get(feed_type, frozenset(TITLES))
    # What a rider wrote may be told in confidence to the officer alone: nobody opens it here.
    closed = frozenset(names_closed(content, standard)) if feed_type == "request" else frozenset()
    fields = []
    for name, (keys, value) in found.items():
        mine = [
            one
            for path, some in faults.items()
            if path == name or name.startswith(f"{path}.")
            for one in some
        ]
        meant = standard.get(name, name)
        # What was never sent has nothing to hide.
        shown = value is _ABSENT or (not mine and meant in plain) or (opened and meant not in closed)
        fields.append(
            MendField(
                path=msgspec.json.encode(keys).decode(),
                name=name,
                title="姓名" if meant == "name" and feed_type == "registration" else TITLES.get(meant, name),
                value=_text(value) if shown else "",
                shown=shown,
                faults=tuple(dict.fromkeys(str(one["zh"]) for one in mine)),
                unknown=any(one["code"] == "field_unknown" for one in mine),
                choices=choices_of(meant, feed_type, mapping),
            )
        )
    return sorted(fields, key=lambda one: not one.faults)[:_MAX_FIELDS]


def _place_of(fault: Mapping[str, Any], mapping: Manifest | None) -> str:
    """Return the field a fault stands beside: where a place is missing, the code that is quickest to give."""
    path = str(fault["path"])
    # A manifest's fault already names a column that fills a part of the place.
    lacks = mapping is None and fault["code"] in _LACKING
    return f"{path}.community_code" if lacks else path


def changed_fields(
    content: Mapping[str, Any],
    fields: Sequence[MendField],
    changes: Iterable[tuple[str, str]],
    left_out: Iterable[str],
) -> dict[MendField, str]:
    """Return which fields of the form get which text; an empty one takes its field away.

    A text that is what stood there is no change, so that a number stays one; nor is an empty one where the
    value was not shown. Raises ValueError for a field the form did not list, for a change to one the standard
    does not know, and for leaving out one it does know.
    """
    listed = {one.path: one for one in fields}
    changed: dict[MendField, str] = {}
    for path, text in changes:
        old = _get(content, _keys(path))
        if path not in listed:
            if text or old is not _ABSENT:
                raise ValueError(path)
            continue  # a page opened before the field was taken away sends it empty
        one = listed[path]
        if (not text and not one.shown) or _text(old) == text:
            continue
        if one.unknown and text:
            raise ValueError(path)
        changed[one] = text
    for path in left_out:
        if path not in listed or not listed[path].unknown:
            raise ValueError(path)
        changed[listed[path]] = ""
    return changed


def mended_row(content: Mapping[str, Any], changed: Mapping[MendField, str]) -> bytes:
    """Return a kept row with its changed fields as JSON."""
    row = msgspec.json.decode(msgspec.json.encode(content))
    for one, text in changed.items():
        _put(row, _keys(one.path), text)
    return msgspec.json.encode(row)


def _keys(path: str) -> list[str]:
    return msgspec.json.decode(path, type=list[str])


def names_closed(content: Mapping[str, Any], standard: Mapping[str, str]) -> set[str]:
    """Return the fields of a request that stay closed whatever the purpose: its words, any unknown name."""
    names = {standard.get(name, name) for name in (".".join(keys) for keys, _ in _leaves(content))}
    return (names - TITLES.keys()) | {"text"}


def _standard_names(feed_type: FeedType, mapping: Manifest | None) -> Mapping[str, str]:
    if mapping is None or feed_type not in mapping.feeds:
        return {}
    return dict(mapping.feed(feed_type).columns)


def _leaves(content: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[list[str], Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, str(key)))
        else:
            yield [*above, str(key)], value


def _text(value: Any) -> str:
    if value is _ABSENT or value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _get(row: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if not isinstance(row, dict) or key not in row:
            return _ABSENT
        row = row[key]
    return row


def _put(row: dict[str, Any], keys: Sequence[str], text: str) -> None:
    """Set a field, or take it away where the text is empty; what is no object on the way gives way."""
    *above, last = keys
    for key in above:
        inner = row.get(key)
        if not isinstance(inner, dict):
            if not text:
                return
            inner = row[key] = {}
        row = inner
    if text:
        row[last] = text
    else:
        row.pop(last, None)
