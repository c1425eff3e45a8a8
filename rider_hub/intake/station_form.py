"""The form a station's clerk fills in: columns in Chinese, put into the standard's names; pure.

A cell that is left empty says nothing: the day of beginning, the record's id and its time are then made here.
A row that came filled in and was not touched is as old as the form; a change is as new as its arrival.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from connectors.records import TIER_B_FIELDS, Tier
from connectors.transport.files import FileRow
from rider_hub.clock import SHANGHAI

__all__ = ["COLUMNS", "EMPLOYMENTS", "HEADINGS", "OPS", "columns_of", "in_words", "standard_rows"]

#: Standard field → heading of the form and what to write there.
COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "platform_rider_ref": ("骑手编号", "平台分配的骑手编号，必填。已填好的不要改动。"),
    "op": ("变动", "没有变化的留空；新来的写“新增”，离开的写“离开”，改了资料的写“更新”。"),
    "name": ("姓名", "只在新增或改正时填写，留空表示不变。"),
    "phone": ("手机号", "11 位。新增时填写，留空表示不变；已有的号码不能通过上报链接改。"),
    "effective_at": ("到岗日期", "例如 2026-11-01。留空：新增的按报送当天，已有的不变。"),
    "employment": ("配送方式", "专送。留空即为专送。"),
    "station_ref": ("站点编号", "留空即为本站点。不要写别的站点。"),
    "updated_at": ("名单时间", "系统填写，请不要改动；新增的行留空。"),
}
HEADINGS: Final[Mapping[str, str]] = {title: field for field, (title, _) in COLUMNS.items()}
#: What may stand under 变动, first what the form offers.
OPS: Final[Mapping[str, str]] = {
    "新增": "upsert",
    "更新": "upsert",
    "离开": "leave",
    "不变": "upsert",
    "在岗": "upsert",
    "离职": "leave",
}
_FORM_TIME: Final = COLUMNS["updated_at"][0]
_UNTOUCHED: Final = frozenset({"", "不变", "在岗"})
EMPLOYMENTS: Final[Mapping[str, str]] = {"专送": "dedicated", "众包": "crowdsourced"}
#: Only these are read of a row that says somebody left.
_OF_LEAVER: Final = ("record_id", "platform_rider_ref", "op", "updated_at")
_SAID: Final = ("name", "phone", "phone_ext", "id_number", "id_hash", "effective_at")
_DAY: Final = re.compile(r"(20[0-9]{2})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?(?:[T ]+([0-9:.]+))?")


def columns_of(tier: Tier) -> list[tuple[str, str, str]]:
    """Return field, heading and note of each column of the form under an agreement's tier."""
    shown = [field for field in COLUMNS if tier == "B" or field not in TIER_B_FIELDS]
    return [(field, *COLUMNS[field]) for field in shown]


def standard_rows(
    rows: Sequence[FileRow], *, station_ref: str | None, now: datetime, mark: str
) -> list[FileRow]:
    """Return rows of a table in standard names; lines of JSON, and lines nobody can read, stay as they are.

    `station_ref` is the station where there is but one; `mark` makes the ids of records that bring none.
    """
    return [
        (number, _row(row, station_ref, now, f"{mark}-{number}") if type(row) is dict else row)
        for number, row in rows
    ]


def in_words(path: str) -> str:
    """Return the heading of a field's column, the field itself where the form has none."""
    return COLUMNS[path][0] if path in COLUMNS else path


def _row(row: Mapping[str, Any], station_ref: str | None, now: datetime, record_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        field = HEADINGS.get(name, name)
        found[name if field in row and field != name else field] = value
    said = _plain(found.get("op"))
    op = found["op"] = OPS.get(said, said or "upsert")
    # Times of the standard are their sender's own; the form's is ours, and a change is later than that.
    touched = _FORM_TIME in row and (said not in _UNTOUCHED or _says_more(found))
    kept = "" if touched else _plain(found.get("updated_at"))
    found["updated_at"] = _moment(kept) if kept else now.isoformat()
    found["record_id"] = _plain(found.get("record_id")) or record_id
    if op == "leave":
        # A station named beside it must be an own one all the same; nothing else is said of who left.
        named = {"station_ref": found["station_ref"]} if _plain(found.get("station_ref")) else {}
        unknown = {name: value for name, value in found.items() if name not in {*COLUMNS, *_OF_LEAVER}}
        return {name: found[name] for name in _OF_LEAVER if name in found} | named | unknown
    employment = _plain(found.get("employment")) or "dedicated"
    found["employment"] = EMPLOYMENTS.get(employment, employment)
    found["station_ref"] = found.get("station_ref") or station_ref or ""
    day = _plain(found.get("effective_at"))
    found["effective_at"] = _moment(day) if day else found["updated_at"]
    return found


def _says_more(row: Mapping[str, Any]) -> bool:
    return any(row.get(name) not in (None, "") for name in _SAID)


def _plain(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def _moment(text: str) -> str:
    """Return a day or time as the standard writes it, China's where it names no zone; else as it stands."""
    found = _DAY.fullmatch(text)
    if found is not None:
        year, month, day, time = found.groups()
        text = f"{year}-{int(month):02d}-{int(day):02d}" + (f"T{time}" if time else "")
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (read if read.tzinfo else read.replace(tzinfo=SHANGHAI)).isoformat()
