"""Values of service requests: categories, channels, states and their moves; no query, no rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from rider_hub.errors import Conflict

__all__ = [
    "CONFIDENTIAL",
    "WAITING",
    "Category",
    "Channel",
    "Event",
    "EventKind",
    "Filed",
    "RequestState",
    "ServiceRequest",
    "Status",
    "moved_to",
    "status_of",
]


class Category(StrEnum):
    """What a difficulty is about (article 29); the words are the riders' own."""

    ENTRY = "entry"
    STAIRS = "stairs"
    PARKING = "parking"
    CHARGING = "charging"
    REST = "rest"
    PAY = "pay"
    COUNSELLING = "counselling"
    LEGAL = "legal"
    OTHER = "other"

    @property
    def title_zh(self) -> str:
        """The category's name on pages."""
        return _CATEGORIES[self][0]

    @property
    def is_confidential(self) -> bool:
        """Whether it is told in confidence to the counselling and legal officer."""
        return self in CONFIDENTIAL

    @property
    def hint_zh(self) -> str:
        """Examples that help a rider to choose."""
        return _CATEGORIES[self][1]


_CATEGORIES = {
    Category.ENTRY: ("进门难", "小区、写字楼不让进，登记排队久"),
    Category.STAIRS: ("上楼难", "没有电梯、楼道没灯、楼号看不清"),
    Category.PARKING: ("停车难", "没地方停车，被拖车、贴条"),
    Category.CHARGING: ("充电难", "没有换电柜，充电口坏了"),
    Category.REST: ("休息难", "没地方喝水、休息、上厕所"),
    Category.PAY: ("报酬结算", "报酬、扣款、申诉说不清"),
    Category.COUNSELLING: ("心理疏导", "压力大、睡不好、心里难受。只有心理法律专员能看到"),
    Category.LEGAL: ("法律求助", "工伤、合同、纠纷。只有心理法律专员能看到"),
    Category.OTHER: ("其他", "路面、照明和别的困难"),
}


#: Seen, answered and counted by the counselling and legal officer alone.
CONFIDENTIAL: Final = frozenset({Category.COUNSELLING, Category.LEGAL})


class Channel(StrEnum):
    """How a request came in."""

    PHONE = "phone"
    ANONYMOUS = "anonymous"
    STAFF = "staff"
    FEED = "feed"

    @property
    def title_zh(self) -> str:
        """The channel's name on pages."""
        return {
            "phone": "骑手页面",
            "anonymous": "骑手页面（匿名）",
            "staff": "工作人员代录",
            "feed": "平台报送",
        }[self]


class RequestState(StrEnum):
    """Where a request stands; lateness is no state but a matter of the clock (Status)."""

    OPEN = "open"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"
    REOPENED = "reopened"


#: The states in which somebody owes an answer.
WAITING: Final = (RequestState.OPEN, RequestState.REOPENED)

_MOVES: Final = {
    (RequestState.OPEN, RequestState.ANSWERED),
    (RequestState.REOPENED, RequestState.ANSWERED),
    (RequestState.ANSWERED, RequestState.CONFIRMED),
    (RequestState.ANSWERED, RequestState.REOPENED),
}
_TITLES: Final = {
    RequestState.OPEN: "待答复",
    RequestState.ANSWERED: "已答复",
    RequestState.CONFIRMED: "已办结",
    RequestState.REOPENED: "重新办理",
}


def moved_to(state: str, target: RequestState) -> RequestState:
    """Return the target; raises Conflict where a request in `state` can't move there."""
    now = RequestState(state)
    if (now, target) not in _MOVES:
        raise Conflict(
            f"这条诉求现在是“{_TITLES[now]}”，不能改为“{_TITLES[target]}”。请刷新页面查看最新进展。",
            f"The request is {now}; it can't become {target}. Reload to see where it stands.",
            code="request_state",
        )
    return target


class Status(StrEnum):
    """A request as a list shows it: its state, with the clock where an answer is owed."""

    OPEN = "open"
    SOON = "soon"
    OVERDUE = "overdue"
    REOPENED = "reopened"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"


def status_of(state: str, due_at: datetime, *, now: datetime, soon: datetime) -> Status:
    """Return the status: what is owed is overdue after its due time, and soon due up to `soon`."""
    if state in WAITING and due_at < now:
        return Status.OVERDUE
    if state in WAITING and due_at <= soon:
        return Status.SOON
    return Status(state)


class EventKind(StrEnum):
    """What can happen to a request, in the order that things of one moment happened in."""

    FILED = "filed"
    ROUTED = "routed"
    OVERDUE = "overdue"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"
    REOPENED = "reopened"


@dataclass(frozen=True)
class Filed:
    """A filed request and the 查询码 its reporter keeps; the hub keeps only the code's index."""

    id: str
    query_code: str


@dataclass(frozen=True)
class Event:
    """One thing that happened to a request, its text opened."""

    at: datetime
    kind: EventKind
    actor_title: str
    text: str = ""


@dataclass(frozen=True)
class ServiceRequest:
    """A request with its words opened and its codes named, for the page of one."""

    id: str
    category: Category
    channel: Channel
    place: str
    address: str
    text: str
    anonymous: bool
    state: RequestState
    status: Status
    organization: str
    #: Why this organization answers, as a clerk reads it.
    reason: str
    filed_at: datetime
    due_at: datetime
    #: False where the due time lies beyond the published holidays, so that only weekends were left out.
    due_sure: bool
    escalated_to: str
    events: Sequence[Event]
    #: The reporter's name and phone: masked, until they are opened with a purpose; None where unknown.
    reporter_name: str | None = None
    reporter_phone: str | None = None
