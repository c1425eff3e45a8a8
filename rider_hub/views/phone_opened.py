"""谁看过我的信息: each time staff opened a rider's data, as post, place and purpose, never a name."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from rider_hub.access import Keyring, Look
from rider_hub.access.trail import opened_of
from rider_hub.clock import local_date
from rider_hub.riders.persons import same_person

__all__ = ["Opened", "act_of", "opened_for"]

_ROWS = 200
_WORDS = {
    "riders.view": "查看登记",
    "riders.unmask": "查看姓名和电话",
    "riders.review": "核对登记",
    "requests.view": "查看诉求",
    "requests.answer": "办理诉求",
    "requests.unmask": "查看联系电话和诉求原文",
    "exports.take": "导出台账",
    "invitations.view": "查看活动邀请",
    "invitations.send": "办理活动邀请",
    "rights.copy": "办理查阅复制",
}
_ELSE = {"membership.": "核验申报", "rights.": "办理个人信息申请", "exports.": "导出台账"}


@dataclass(frozen=True)
class Opened:
    """What somebody of one post did for one purpose on one day, how many times, and when last."""

    at: datetime
    who: str
    what: str
    purpose: str
    times: int = 1


async def opened_for(look: Look, keys: Keyring, rider_id: str, *, private: bool) -> list[Opened]:
    """Return who opened a rider's data, under any of the rider's linked ids, the newest first."""
    persons = await same_person(look.connection, rider_id)
    rows = await opened_of(look.connection, keys, persons, private=private, at_most=_ROWS)
    days: dict[tuple[date, str, str, str], Opened] = {}
    for row in rows:
        one = Opened(row["at"], row["actor_title"] or "工作人员", act_of(row["operation"]), row["purpose"])
        key = (local_date(one.at), one.who, one.what, one.purpose)
        known = days.get(key)
        days[key] = replace(known, times=known.times + 1) if known else one
    return list(days.values())


def act_of(operation: str) -> str:
    """Return what staff did, in a rider's words."""
    general = next((word for start, word in _ELSE.items() if operation.startswith(start)), "查看个人信息")
    return _WORDS.get(operation, general)
