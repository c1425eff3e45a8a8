"""The figures of a demo run, as text for a console and as JSON for a program."""

import resource
import sys
from collections.abc import Mapping

import msgspec

__all__ = ["Summary", "peak_mb"]


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
            f"在册骑手 {self.riders} 人；匹配：{_listed(self.assignments)}",
            f"待确认：{_listed(self.unresolved)}",
            f"梳理活动邀请 {self.surfaced} 条（仅限本人单独同意的骑手）",
            f"诉求：{_listed(self.requests)}",
            f"用时 {self.seconds} 秒，内存峰值 {self.peak_mb} MB",
        ]
        return "\n".join(lines)


def peak_mb() -> float:
    """Return the peak memory of this process in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 if sys.platform != "darwin" else 1024 * 1024), 1)


def _listed(counts: Mapping[str, int]) -> str:
    return "，".join(f"{name} {count}" for name, count in counts.items()) or "无"
