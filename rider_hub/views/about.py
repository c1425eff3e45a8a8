"""The public page about personal data: what is kept and how long, what never is, rights, notices."""

import re
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.consent.model import Notice
from rider_hub.consent.store import published
from rider_hub.parameters import parameter
from rider_hub.web.shell import render

__all__ = ["routes"]

#: Each is held by tests; docs/promises.md names them.
_PROMISES = (
    "不论是不是党员，每一位骑手都能找到附近开放的爱心驿站，都能反映困难，并查到谁在办、办到哪一步。",
    "党员身份只由本人申报、单独同意，随时可以撤回；系统不比对名单，不收集行踪轨迹。",
    "骑手对接哪个站点、社区和党组织，每条结果都写明依据；拿不准的会问清楚，不替人猜。",
    "系统只提建议、不作决定；先预览、再审批、后生效，生效后可以回退。",
    "谁看过个人信息都留有记录，骑手本人可以查询。",
)
#: Names in braces are figures of parameters/retention.toml, or of another file with its name.
_KEPT = (
    ("平台报送的登记", "在册期间；离开后 {left_riders} 天删除"),
    ("登记变化、匹配结果", "{registration_history} 天"),
    ("诉求", "办结 {closed_requests} 天后删去内容、地址和姓名，只留类别、社区、时间"),
    ("更正、删除等权利请求", "办结 {closed_rights_requests} 天"),
    ("常跑片区何时变动", "{work_area_marks} 天；只有时间，没有地点"),
    ("报错待改的报送", "{quarantine} 天"),
    ("已发的消息", "发出后立即删去号码和内容，其余 {settled_messages} 天"),
    ("验证码、登录", "{sign_in_codes} 天"),
    ("党员身份申报、同意", "到您撤回为止；加密另存"),
    ("活动邀请", "活动结束 {past_invitations} 天"),
    ("收到平台数据的回执", "{receipts} 天；只有条数，没有登记的内容"),
    ("重新登记标记", "删除信息后长期保留，用来拒收平台再次报送；从标记推不出是谁"),
    ("操作日志", "{audit.kept} 个月；依法不少于 {audit.kept_at_least} 个月"),
)
_FIGURE = re.compile(r"\{([a-z_.]+)\}")


@dataclass(frozen=True)
class Published:
    """A notice with the day it was published."""

    notice: Notice
    published_at: datetime

    @property
    def points(self) -> list[tuple[str, str]]:
        """The short answers."""
        return [(point.heading, point.text) for point in self.notice.points]


def routes() -> list[web.RouteDef]:
    """Return the public page."""
    return guarded("public", [web.get("/about/privacy", _privacy)])


async def _privacy(request: web.Request) -> web.Response:
    async with request.app[HUB].look(request[ACTOR], "public") as look:
        notices = [Published(notice, at) for notice, at in await published(look.connection)]
    return await render(
        request,
        "views/privacy.html",
        promises=_PROMISES,
        kept=[(title, _FIGURE.sub(_figure, text)) for title, text in _KEPT],
        notices=notices,
        days=int(parameter("rights.answer_within").value),
    )


def _figure(found: re.Match[str]) -> str:
    name = found[1] if "." in found[1] else f"retention.{found[1]}"
    return f"{parameter(name).value:.0f}"
