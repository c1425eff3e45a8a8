"""Operations, outcomes and counts of the audit trail in words."""

from rider_hub.web.values import State, Tone

__all__ = ["COUNTS", "OPERATIONS", "OUTCOMES", "REVIEWS"]

OUTCOMES = {
    "done": State("已完成", Tone.DONE),
    "refused": State("被拒绝", Tone.OVERDUE),
    "absent": State("查无此项", Tone.TODO),
    "failed": State("未完成", Tone.PLAIN),
}
REVIEWS = {
    "reviewed": State("已复核", Tone.DONE),
    "own": State("本人操作，由他人复核", Tone.TODO),
    "open": State("未复核", Tone.PLAIN),
}
#: An operation that has no word yet is shown by its own name.
OPERATIONS = {
    "session.open": "登录",
    "session.close": "退出",
    "users.change": "改动账号",
    "riders.view": "查看骑手",
    "riders.unmask": "查看姓名和电话",
    "riders.review": "核对同一人",
    "requests.view": "查看诉求",
    "requests.unmask": "查看诉求联系人",
    "requests.file": "登记诉求",
    "requests.answer": "答复诉求",
    "requests.track": "跟踪诉求期限",
    "invitations.view": "查看活动邀请",
    "invitations.send": "办理活动邀请",
    "activities.change": "登记活动",
    "rider.own": "骑手本人操作",
    "membership.surface": "梳理活动邀请",
    "notices.publish": "发布告知书",
    "match.view": "查看匹配结果",
    "match.run": "运行匹配",
    "match.approve": "审批匹配",
    "match.apply": "匹配生效",
    "feeds.push": "平台报送",
    "feeds.take": "拉取报送",
    "feeds.view": "查看报送",
    "feeds.replay": "修正重报",
    "feeds.check": "核对报送",
    "senders.change": "改动报送方",
    "imports.change": "导入资料",
    "exports.ask": "申请导出",
    "exports.approve": "审批导出",
    "exports.take": "取走导出",
    "emergency.ask": "申请应急授权",
    "emergency.approve": "审批应急授权",
    "messages.send": "发送消息",
    "jobs.run": "运行任务",
    "audit.view": "查看审计",
    "audit.export": "导出审计",
    "audit.review": "复核",
    "audit.prune": "清理到期记录",
}
COUNTS = {
    "riders": "骑手",
    "requests": "诉求",
    "invitations": "邀请",
    "links": "关联",
    "rows": "记录",
    "seals": "封存",
    "messages": "消息",
    "left_out": "另有未记",
}
