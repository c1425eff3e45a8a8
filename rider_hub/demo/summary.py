"""The figures of a demo run, as text for a console and as JSON for a program."""

import resource
import sys
from collections.abc import Mapping

import msgspec

from rider_hub.assignments.reasons import explain

__all__ = ["Summary", "peak_mb"]

_KINDS = {
    "station_branch": "站点党组织",
    "community_branch": "社区或兜底党组织",
    "instructor": "指导员",
    "love_stations": "附近驿站",
}
_STATES = {
    "open": "待答复",
    "answered": "已答复",
    "confirmed": "已办结",
    "reopened": "重新办理",
    "overdue": "已超期",
}


class Summary(msgspec.Struct, frozen=True):
    """What went in, what came of it, how long it took and how much memory."""

    received: int
    accepted: int
    #: By code of the fault.
    refused: dict[str, int]
    riders: int
    #: By kind: station_branch, community_branch, instructor, love_stations.
    assignments: dict[str, int]
    #: By reason code.
    unresolved: dict[str, int]
    surfaced: int
    #: By state.
    requests: dict[str, int]
    seconds: float
    peak_mb: float
    unchanged: int = 0
    waiting: int = 0
    held: int = 0

    def text(self) -> str:
        """Return the summary for a console, Chinese first."""
        refused = f"退回 {sum(self.refused.values())}（{_listed(self.refused)}）"
        taken = f"入库 {self.accepted}，重复 {self.unchanged}，等待站点 {self.waiting}，整批暂存 {self.held}"
        lines = [
            f"接收 {self.received} 条：{taken}，{refused}",
            f"在册骑手 {self.riders} 人；匹配：{_listed(self.assignments, _KINDS)}",
            f"待确认：{_listed({explain(code): count for code, count in self.unresolved.items()})}",
            f"梳理活动邀请 {self.surfaced} 条（仅限本人单独同意的骑手）",
            f"诉求：{_listed(self.requests, _STATES)}",
            f"用时 {self.seconds} 秒，内存峰值 {self.peak_mb} MB",
        ]
        return "\n".join(lines)


def peak_mb() -> float:
    """Return the peak memory of this process in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 if sys.platform != "darwin" else 1024 * 1024), 1)


def _listed(counts: Mapping[str, int], names: Mapping[str, str] | None = None) -> str:
    return "，".join(f"{(names or {}).get(name, name)} {count}" for name, count in counts.items()) or "无"
