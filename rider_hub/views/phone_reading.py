"""A rider's copy in words: names for codes, numbers folded away; the JSON keeps the codes (PIPL 45)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.assignments.reasons import explain
from rider_hub.consent.correcting import WISHES
from rider_hub.consent.ports import Section
from rider_hub.divisions.store import names
from rider_hub.lovestations.store import find as love_stations
from rider_hub.organizations.store import instructor_titles, station_titles, titles
from rider_hub.organizations.tables import platform
from rider_hub.requests.wording import RIDER_STATES
from rider_hub.riders.model import RegistrationState
from rider_hub.views.audit_words import OUTCOMES
from rider_hub.views.phone_opened import act_of

__all__ = ["Read", "in_words"]

Known = Mapping[str, Mapping[str, str]]
Entries = list[tuple[str, str]]

#: Numbers that say something to a clerk or a program alone.
_NUMBERS: Final = frozenset({"id", "platform_rider_ref", "request", "run", "version"})
_FOLDED: Final = frozenset({"history", "match_changes"})
_FIELDS: Final = {"name": "姓名", "phone": "手机号", "station_ref": "配送站点", "state": "在册状态"}
_SAID: Final = {"value": "填写", "note": "说明", "answer": "答复"}
_CHANGES: Final = {
    "new": "新匹配",
    "moved": "变更",
    "lost": "不再匹配",
    "unresolved": "待确认",
    "unchanged": "不变",
}
#: Section → field → the word of each code.
_WORDS: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "corrections": {"field": _FIELDS},
    "messages": {
        "kind": {
            "sign_in_code": "登录验证码",
            "invitation": "活动邀请",
            "request_answered": "诉求答复",
            "rights": "权利请求答复",
        }
    },
    "rights_requests": {
        "kind": {"correct": "更正", "erase": "删除个人信息"},
        "state": {"open": "办理中", "done": "已办结", "refused": "未办理"},
    },
    "match_changes": {"kind": _CHANGES},
    "requests": {"state": {str(key): state.word for key, state in RIDER_STATES.items()}},
    "request_events": {
        "kind": {
            "filed": "提交",
            "routed": "转到责任单位",
            "overdue": "超过时限",
            "answered": "答复",
            "confirmed": "确认解决",
            "reopened": "重新办理",
        }
    },
    "trail": {"outcome": {key: state.word for key, state in OUTCOMES.items()}},
}
_SAME: Final = {
    "confidential_requests": "requests",
    "confidential_request_events": "request_events",
    "private_trail": "trail",
}
_TOLD: Final[Mapping[str, Callable[[str], str]]] = {"operation": act_of, "unresolved": explain}
_PLACES: Final = frozenset({"division", "chosen_community", "area_community", "county"})


@dataclass(frozen=True)
class Read:
    """One section to be read: each record's entries, and its numbers to be folded away."""

    title: str
    records: Sequence[tuple[Entries, Entries]]
    folded: bool


async def in_words(connection: AsyncConnection, sections: Iterable[Section]) -> list[Read]:
    """Return the sections that hold anything, as their rider reads them."""
    held = [section for section in sections if section.records]
    known = await _known(connection, held)
    return [_read(section, known) for section in held]


def _read(section: Section, known: Known) -> Read:
    plain = replace(
        section,
        fields={
            name: title.replace("（社区代码）", "").replace("代码", "")
            for name, title in section.fields.items()
        },
        records=[
            {name: _word(section.key, name, value, _with(record, known)) for name, value in record.items()}
            for record in section.records
        ],
    )
    numbers = {title for name, title in plain.fields.items() if name in _NUMBERS}
    records = [
        (
            [entry for entry in entries if entry[0] not in numbers],
            [entry for entry in entries if entry[0] in numbers],
        )
        for entries in plain.shown
    ]
    return Read(section.title, records, section.key in _FOLDED)


def _with(record: Mapping[str, Any], known: Known) -> Known:
    """Add the names that a match's reasons speak of."""
    if "reasons" not in record:
        return known
    parts = ("station", "station_branch", "community_branch", "instructor")
    said = {name: known[name].get(record[name] or "", "") for name in parts}
    near = record["love_stations"]
    said["love_station"] = known["love_stations"].get(near[0], "") if near else ""
    said["community"] = known["division"].get(record["division"] or "", "")
    return {**known, "said": {name: word for name, word in said.items() if word}}


def _title(title: str) -> str:
    return title.replace("（社区代码）", "").replace("代码", "")


def _word(key: str, name: str, value: Any, known: Known) -> Any:
    """Return one value in words; a code that has none stays as it is."""
    if isinstance(value, list | tuple):
        lines = [_line(key, name, str(one), known) for one in value]
        return [line for line in lines if line]
    if not isinstance(value, str):
        return value
    if name in _TOLD:
        return _TOLD[name](value)
    words = known.get(name) or _WORDS.get(_SAME.get(key, key), {}).get(name, {})
    if key == "corrections" and name == "value":
        words = {**known["station_ref"], "left": RegistrationState.LEFT.title_zh}
    return words.get(value, value)


def _line(key: str, name: str, line: str, known: Known) -> str:
    if name == "love_stations":
        return known[name].get(line, line)
    part, _, rest = line.partition(": ")
    if name == "reasons":
        # How far the love station is stands in no copy.
        return explain(rest, known["said"]).replace("（— 米）", "")
    if key == "rights_requests":
        if part == "what":
            return WISHES.get(rest, ("", None))[0]
        return f"{_SAID[part]}：{rest}" if part in _SAID else ""
    return line


async def _known(connection: AsyncConnection, sections: Sequence[Section]) -> dict[str, dict[str, str]]:
    """Look up the names of all codes at once, by the field they stand in."""
    codes = _codes(sections)
    query = select(platform.c.code, platform.c.name).where(platform.c.code.in_(sorted(codes["platform"])))
    platforms = {row.code: row.name for row in await connection.execute(query)}
    # A corrected station stands under "value", beside names and phones that no station has.
    refs = {f"{code}/{ref}" for code in codes["platform"] for ref in codes["station_ref"] | codes["value"]}
    stations = await station_titles(connection, refs)
    bodies = await titles(connection, codes["station_branch"] | codes["community_branch"])
    near = await love_stations(connection, sorted(codes["love_stations"]))
    places = await names(connection, {code for name in _PLACES for code in codes[name]})
    return {
        **dict.fromkeys(_PLACES, places),
        "platform": platforms,
        "station_ref": {ref.partition("/")[2]: title for ref, title in stations.items()},
        "station": await station_titles(connection, codes["station"]),
        "station_branch": bodies,
        "community_branch": bodies,
        "instructor": await instructor_titles(connection, codes["instructor"]),
        "love_stations": {code: one.name for code, one in near.items()},
    }


def _codes(sections: Sequence[Section]) -> dict[str, set[str]]:
    """Return what stands in each field, over all sections."""
    codes = defaultdict[str, set[str]](set)
    for section in sections:
        for record in section.records:
            for name, value in record.items():
                many = value if isinstance(value, list | tuple) else [value]
                codes[name].update(one for one in many if isinstance(one, str) and one)
    return codes
