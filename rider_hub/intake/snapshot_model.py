"""Values of snapshots: what a sender declares, how far one has come, what is told of it; no query."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote

from sqlalchemy import RowMapping

from rider_hub.clock import check_aware
from rider_hub.errors import Failure, Invalid

__all__ = [
    "CLOSED",
    "IN_FORCE",
    "UNNAMED",
    "Declared",
    "Snapshot",
    "SnapshotState",
    "declared_by",
    "snapshot_invalid",
]

_STATION: Final = "station:"
#: What the hub's own names begin with, of snapshots that came in one batch and have none.
UNNAMED: Final = "batch:"
_MAX_NAME, _MAX_REF, _MAX_TOTAL = 128, 128, 10_000_000
_MODES: Final = ("changes", "snapshot")
_TOTAL: Final = re.compile("[0-9]{1,8}")


class SnapshotState(StrEnum):
    """How far a snapshot has come, or how it ended."""

    ARRIVING = "arriving"
    ARRIVED = "arrived"
    HELD = "held"
    APPLYING = "applying"
    APPLIED = "applied"
    SUPERSEDED = "superseded"
    DROPPED = "dropped"
    OVER = "over"
    LAPSED = "lapsed"

    @property
    def title_zh(self) -> str:
        """The state's name on pages."""
        return _WORDS[self][0]

    @property
    def zh(self) -> str:
        """What it means, and what is to be done."""
        return _WORDS[self][1]

    @property
    def en(self) -> str:
        """The same in English."""
        return _WORDS[self][2]


_WORDS: Final[Mapping[SnapshotState, tuple[str, str, str]]] = {
    SnapshotState.ARRIVING: (
        "接收中",
        "全量名册还没有收齐，没有人因此离开。请报送其余部分。",
        "The snapshot is not whole yet, so nobody leaves by it. Send its other parts.",
    ),
    SnapshotState.ARRIVED: (
        "已收齐",
        "全量名册已收齐，正在核对。",
        "The snapshot is whole and is being judged.",
    ),
    SnapshotState.HELD: (
        "待区县核对",
        "全量名册已收齐，但将离开的人过多，或有行读不出骑手编号。离开的人暂不处理，由区县核对后放行或作废。",
        "Whole, but too many would leave or a row names no rider: the county releases or drops it.",
    ),
    SnapshotState.APPLYING: (
        "处理中",
        "全量名册已生效，正在处理离开的人。",
        "The snapshot is in force; leavers are being written.",
    ),
    SnapshotState.APPLIED: (
        "已生效",
        "全量名册已生效：不在名单中的骑手记为已离开，时间按名册的截至时间。",
        "The snapshot is in force: who is not in it has left as of its time.",
    ),
    SnapshotState.SUPERSEDED: (
        "已被取代",
        "已有更新的全量名册，这一份不再使人离开。",
        "A newer snapshot is in force: nobody leaves by this one.",
    ),
    SnapshotState.DROPPED: (
        "已作废",
        "区县已作废这份全量名册，没有人因此离开。各行本身已照常入库。",
        "The county dropped the snapshot: nobody leaves by it. Its rows count as records.",
    ),
    SnapshotState.OVER: (
        "超出总数",
        "收到的行数多于声明的总数，这份全量名册不使人离开。请核对总数，用新的名册编号重报。",
        "More rows came than the total declared: nobody leaves by it. Send anew under a new rfs-snapshot.",
    ),
    SnapshotState.LAPSED: (
        "未收齐，已过期",
        "全量名册在时限内没有收齐，没有人因此离开。各行本身已照常入库。",
        "The snapshot did not become whole in time: nobody leaves by it. Its rows count as records.",
    ),
}
#: States in which absence counts as having left.
IN_FORCE: Final = (SnapshotState.APPLYING, SnapshotState.APPLIED)
#: States in which all rows have come and count, so that no further part may.
CLOSED: Final = (SnapshotState.ARRIVED, SnapshotState.HELD, *IN_FORCE)


@dataclass(frozen=True)
class Declared:
    """What a sender says of a batch: it is the whole of a scope at a time, or a part of that whole."""

    as_of: datetime
    #: Rows of all parts together.
    total: int
    #: "" for the sender's whole feed, else one station.
    station_ref: str = ""
    #: The sender's name of the snapshot; "" where it is this batch alone.
    name: str = ""

    @property
    def text(self) -> str:
        """The declaration in one line, so that a retry with another is known as such."""
        return f"snapshot\n{self.name}\n{self.station_ref}\n{self.as_of.isoformat()}\n{self.total}"


@dataclass(frozen=True)
class Snapshot:
    """One snapshot as the hub knows it."""

    id: str
    platform: str
    county: str
    name: str
    station_ref: str
    as_of: datetime
    total: int
    state: SnapshotState
    found: Mapping[str, Any]
    begun_at: datetime

    @property
    def order(self) -> tuple[datetime, str]:
        """What orders snapshots of one scope; the greatest says who is there."""
        return (self.as_of, self.name)

    @classmethod
    def of(cls, row: RowMapping) -> "Snapshot":
        """Return the snapshot a row describes."""
        plain = {name: row[name] for name in cls.__dataclass_fields__ if name != "state"}
        return cls(**plain, state=SnapshotState(row["state"]))

    def to_json(self) -> dict[str, Any]:
        """Return what its sender is told: counts alone."""
        return {
            "id": self.id,
            "name": self.name,
            "scope": f"{_STATION}{self.station_ref}" if self.station_ref else "county",
            "as_of": self.as_of.isoformat(),
            "total": self.total,
            "state": self.state.value,
            **self.found,
            "zh": self.state.zh,
            "en": self.state.en,
        }


def declared_by(headers: Mapping[str, str], now: datetime, ahead: timedelta) -> Declared | None:
    """Read a push's `rfs-mode`, `-scope`, `-as-of`, `-total`, `-snapshot`; None for a batch of changes.

    `rfs-scope` is `county` (the sender's whole feed, the default) or `station:` and a reference, which may be
    percent-encoded. Raises Invalid with every fault by header; `ahead` is how far as-of may lie after now.
    """
    mode = headers.get("rfs-mode", "changes").strip().lower()
    if mode == "changes":
        return None
    faults: list[Failure] = []
    if mode not in _MODES:
        faults.append(_fault("rfs-mode", "应为 snapshot 或 changes", "must be snapshot or changes"))
    scope = _unquoted(headers.get("rfs-scope", "county").strip())
    station_ref = scope.removeprefix(_STATION).strip() if scope.startswith(_STATION) else ""
    if scope != "county" and not (0 < len(station_ref) <= _MAX_REF and station_ref.isprintable()):
        faults.append(
            _fault("rfs-scope", "应为 county 或 station:站点编号", "must be county or station:<station_ref>")
        )
    as_of = _moment(headers.get("rfs-as-of", ""))
    if as_of is None:
        faults.append(_fault("rfs-as-of", "应为带时区的时间", "must be an RFC 3339 time with an offset"))
    elif as_of > now + ahead:
        faults.append(_fault("rfs-as-of", "不能晚于现在", "must not lie in the future"))
    total = headers.get("rfs-total", "").strip()
    if not (_TOTAL.fullmatch(total) and int(total) <= _MAX_TOTAL):
        faults.append(_fault("rfs-total", "应为各部分合计的行数", "must be the number of rows of all parts"))
    name = headers.get("rfs-snapshot", "").strip()
    if len(name) > _MAX_NAME or not (name.isascii() and (name == "" or name.isprintable())):
        faults.append(_fault("rfs-snapshot", "应为最多 128 个可见 ASCII 字符", "at most 128 visible ASCII"))
    elif name.startswith(UNNAMED):
        faults.append(_fault("rfs-snapshot", f"不能以 {UNNAMED} 开头", f"must not begin with {UNNAMED}"))
    if faults or as_of is None:
        raise snapshot_invalid(faults)
    return Declared(as_of, int(total), station_ref, name)


def snapshot_invalid(faults: list[Failure]) -> Invalid:
    """Return the error for a declaration that can't be taken, with its faults."""
    words = "；".join(f"{one.path} {one.zh}" for one in faults)
    return Invalid(
        f"全量名册的声明有误：{words}。",
        f"The snapshot's declaration is wrong: {'; '.join(f'{one.path} {one.en}' for one in faults)}.",
        code="snapshot_invalid",
        errors=faults,
    )


def _unquoted(text: str) -> str:
    """Return a percent-encoded text, "" where it is none: a damaged reference must not become another."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return ""


def _moment(text: str) -> datetime | None:
    try:
        return check_aware(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        return None


def _fault(path: str, zh: str, en: str) -> Failure:
    return Failure(row=0, path=path, code="snapshot_invalid", zh=zh, en=en)
