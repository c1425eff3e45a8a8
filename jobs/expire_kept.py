"""Deletes what is kept for a time only, and clears the pages of the database of riders who were erased."""

from collections.abc import Mapping

from jobs.job import Daily, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.consent.erasing import clear_erased
from rider_hub.runs.model import Run
from rider_hub.views.retention import forget_past_limits

__all__ = ["JOB"]


@takes()
async def expire_kept(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Delete what is past its limit; where somebody was erased since yesterday, write the tables anew."""
    actor = Actor.job("expire_kept")
    counts = await forget_past_limits(hub, actor)
    counts["cleared"] = await clear_erased(hub, actor)
    return counts


JOB = Job(
    "expire_kept",
    "过期数据清理",
    "删除超过保存期限的数据（待修正数据 30 天、已离开的登记 365 天等），并清除应本人要求删除后的痕迹。",
    Daily(2, 0),
    expire_kept,
    counted={
        "quarantine": "待修正数据",
        "sign_in_codes": "验证码",
        "sessions": "过期登录",
        "settled_messages": "已发消息",
        "closed_requests": "已办结诉求",
        "closed_rights_requests": "权利请求",
        "past_invitations": "活动邀请",
        "past_assignments": "过去的匹配结果",
        "match_changes": "匹配变化",
        "registration_history": "登记变化",
        "work_area_marks": "片区变动时间",
        "left_riders": "已离开的登记",
        "absent_contents": "全量中缺席的登记内容",
        "receipts": "回执",
        "dead_letters": "数据流退回通知",
        "station_links": "站点链接",
        "job_runs": "任务记录",
        "cleared": "清除删除痕迹",
    },
    withheld=(
        *("sign_in_codes", "sessions", "settled_messages", "past_invitations"),
        *("closed_requests", "closed_rights_requests", "cleared"),
    ),
)
