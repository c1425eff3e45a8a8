"""Reads rows of organizations, instructors' posts and platforms; needs no database."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from rider_hub.divisions.faults import fault
from rider_hub.divisions.model import level_of
from rider_hub.divisions.registry import Entry, read_entries
from rider_hub.divisions.rows import Cells, Row, separated
from rider_hub.errors import Failure
from rider_hub.organizations.model import CoveredKind, HostKind, OrganizationKind

__all__ = [
    "INSTRUCTOR",
    "ORGANIZATION",
    "PLATFORM",
    "person_columns",
    "read_instructors",
    "read_organizations",
    "read_platforms",
]

ORGANIZATION: Final = {
    "code": ("编号", "组织编号", "党组织编号", "代码", "党组织代码"),
    "name": ("名称", "党组织名称", "组织名称"),
    "kind": ("类别", "类型", "党组织类别", "组织类别"),
    "host_kind": ("依托单位类别", "依托类别", "依托类型"),
    "host_ref": ("依托单位", "依托", "依托单位编号"),
    "parent": ("上级", "上级党组织", "上级编号", "上级党组织编号"),
    "division": ("区划", "区划代码", "所在区划", "所在区划代码"),
    "covers": ("覆盖范围", "覆盖"),
    "valid_from": ("成立日期", "开始日期", "启用日期"),
    "valid_to": ("撤销日期", "截止日期", "停用日期"),
}
INSTRUCTOR: Final = {
    "code": ("编号", "岗位编号", "代码"),
    "title": ("岗位", "岗位名称", "名称"),
    "division": ("区划", "区划代码", "街道代码", "所在街道"),
    "valid_from": ("开始日期", "启用日期"),
    "valid_to": ("截止日期", "停用日期"),
}
PLATFORM: Final = {"code": ("编号", "代码", "平台代码"), "name": ("名称", "平台名称")}
#: Folded headings that mean a person stands in the row.
_PERSON: Final = ("姓名", "name", "电话", "手机", "手机号", "联系电话", "phone", "mobile", "身份证号")

_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    OrganizationKind.COMMITTEE: ("党委", "党工委"),
    OrganizationKind.GENERAL_BRANCH: ("党总支", "总支"),
    OrganizationKind.BRANCH: ("党支部", "支部"),
    OrganizationKind.JOINT_BRANCH: ("联合党支部", "联合支部"),
    OrganizationKind.MOBILE_MEMBER_BRANCH: ("流动党员党支部", "流动党员支部"),
    OrganizationKind.INDUSTRY_ORGANIZATION: ("行业党组织", "行业党委"),
}
_HOSTS: Final[Mapping[str, tuple[str, ...]]] = {
    HostKind.STREET: ("街道", "乡镇", "街道乡镇"),
    HostKind.COMMUNITY: ("社区", "村", "社区村"),
    HostKind.PARK: ("园区",),
    HostKind.PLATFORM: ("平台", "平台企业"),
    HostKind.PARTNER: ("合作企业",),
    HostKind.STATION: ("站点", "配送站点"),
    HostKind.ASSOCIATION: ("协会", "行业协会"),
}
_COVERED: Final[Mapping[str, str]] = {
    "站点": CoveredKind.STATION,
    "配送站点": CoveredKind.STATION,
    "社区": CoveredKind.COMMUNITY,
    "村": CoveredKind.COMMUNITY,
    "街道": CoveredKind.STREET,
    "乡镇": CoveredKind.STREET,
    "区县": CoveredKind.COUNTY,
    **{kind.value: kind for kind in CoveredKind},
}
_MAX_REF: Final = 168


def read_organizations(rows: Iterable[Row], today: date) -> list[Entry]:
    """Read organizations with what they cover; `values["covers"]` are pairs of kind and ref."""

    def read(cells: Cells) -> Entry:
        start, end = cells.period(today)
        entry = Entry(
            cells,
            {
                "code": cells.text("code", limit=48, required=True),
                "name": cells.text("name", limit=128, required=True),
                "kind": cells.choice("kind", _KINDS),
                "host_kind": cells.choice("host_kind", _HOSTS),
                "host_ref": cells.text("host_ref", limit=64),
                "parent": cells.text("parent", limit=48),
                "division": cells.code("division", required=True),
                "valid_from": start,
                "valid_to": end,
            },
        )
        covers = _covers(cells)
        entry.values["covers"] = covers
        if entry.values["division"]:
            entry.divisions.append(("division", entry.values["division"]))
        entry.divisions += [("covers", ref) for kind, ref in covers if kind != CoveredKind.STATION]
        return entry

    return read_entries(rows, ORGANIZATION, read)


def read_instructors(rows: Iterable[Row], today: date) -> list[Entry]:
    """Read instructors' posts, each in a street."""

    def read(cells: Cells) -> Entry:
        start, end = cells.period(today)
        division = cells.code("division", required=True)
        if division is not None and level_of(division) != "street":
            cells.fail("division", "division_level", zh="街道(乡镇)", en="street")
        values = {
            "code": cells.text("code", limit=48, required=True),
            "title": cells.text("title", limit=128, required=True),
            "division": division,
            "valid_from": start,
            "valid_to": end,
        }
        entry = Entry(cells, values)
        if division is not None:
            entry.divisions.append(("division", division))
        return entry

    return read_entries(rows, INSTRUCTOR, read)


def read_platforms(rows: Iterable[Row]) -> list[Entry]:
    """Read platforms by code and name."""

    def read(cells: Cells) -> Entry:
        values = {
            "code": cells.text("code", limit=32, required=True),
            "name": cells.text("name", limit=64, required=True),
        }
        return Entry(cells, values)

    return read_entries(rows, PLATFORM, read)


def person_columns(rows: Sequence[Row]) -> list[Failure]:
    """Return a fault where a table of posts has a column about persons."""
    for count, item in enumerate(rows, 1):
        number, row = item if isinstance(item, tuple) else (count, item)
        if isinstance(row, bytes):
            row = _mapping(row)
        if any(str(word).strip().casefold() in _PERSON for word in row):
            return [fault(number, "", "person_column")]
    return []


def _mapping(text: bytes) -> Mapping[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _covers(cells: Cells) -> list[tuple[str, str]]:
    """Read coverage from `kind:ref; kind:ref` or from pairs; repeated ones count once."""
    value = cells.raw("covers")
    if value is None:
        return []
    pairs = [_pair(part) for part in separated(value)] if isinstance(value, str) else list(value)
    found: list[tuple[str, str]] = []
    for pair in pairs:
        kind, ref = pair if len(pair) == 2 else ("", "")  # noqa: PLR2004 - kind and ref
        covered = _COVERED.get(str(kind).strip())
        if covered is None or not _fits(covered, str(ref)):
            cells.fail("covers", "covers_invalid")
            return []
        found.append((str(covered), str(ref).strip()))
    return list(dict.fromkeys(found))


def _pair(text: str) -> tuple[str, ...]:
    kind, _, ref = text.replace("：", ":").partition(":")
    return kind.strip(), ref.strip()


def _fits(kind: str, ref: str) -> bool:
    if kind == CoveredKind.STATION:
        platform, _, station = ref.partition("/")
        return bool(platform and station) and len(ref) <= _MAX_REF
    return level_of(ref) == kind
