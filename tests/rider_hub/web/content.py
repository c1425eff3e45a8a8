"""Made-up content of the gallery, the same every time."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from rider_hub.access import Actor, Role, Scope
from rider_hub.web import Link, MenuItem, State, Tone

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
STREETS = ("东华门街道", "景山街道", "交道口街道", "安定门街道", "北新桥街道", "东四街道")
MENU = (
    MenuItem("desk", "工作台", "/", "desk"),
    MenuItem("map", "一张图", "/map", "map"),
    MenuItem("riders", "骑手台账", "/riders", "riders"),
    MenuItem("match", "匹配结果", "/match", "match"),
    MenuItem("branches", "组建建议", "/branches", "branch"),
    MenuItem("invitations", "活动邀请", "/invitations", "invite"),
    MenuItem("requests", "诉求", "/requests", "request"),
    MenuItem("stations", "驿站", "/stations", "love"),
    MenuItem("feeds", "数据接入", "/feeds", "feed"),
    MenuItem("jobs", "定时任务", "/jobs", "job"),
    MenuItem("coverage", "统计考核", "/coverage", "chart"),
    MenuItem("system", "系统管理", "/system", "gear", operation="users.change"),
)
STAFF = Actor(
    id="user:1",
    display_name="张三丰收",
    roles=frozenset({Role.STREET_STAFF}),
    scope=Scope(divisions=("110101001",)),
    scope_title="东城区 / 东华门街道",
)
STATES = {
    "open": State("待办", Tone.TODO),
    "active": State("进行中", Tone.DOING),
    "soon": State("将到期", Tone.SOON),
    "late": State("已超期", Tone.OVERDUE),
    "closed": State("已办结", Tone.DONE),
    "back": State("已撤回", Tone.WITHDRAWN),
}


def rows(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Make riders of a ledger, the same every time."""
    chance = random.Random(seed)
    return [
        {
            "code": f"R{number:07d}",
            "name": f"骑手{'甲乙丙丁戊'[number % 5]}{number:04d}号",
            "phone": f"199****{chance.randrange(10_000):04d}",
            "street": chance.choice(STREETS),
            "orders": chance.choice([0, 7, 12.5, 1234, 98765]),
            "metres": chance.choice([None, 45, 312.4, 1499.6]),
            "since": (NOW - timedelta(days=chance.randrange(900))).date(),
            "due": NOW + timedelta(minutes=chance.randrange(-20_000, 20_000)),
            "state": chance.choice(list(STATES)),
            "station": Link("东四站（示例）", "/riders/station"),
            "reason": "依据：配送站点“东四站”位于东四街道；该站点由东四第一联合党支部覆盖，距站点 312 米。",
            "tags": ["专送", "夜班"] if number % 3 else ["众包"],
        }
        for number in range(1, count + 1)
    ]
