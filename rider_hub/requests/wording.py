"""How requests are worded on pages: chips, choices and the conversation; pure."""

from typing import Any

from rider_hub.requests.model import Category, Channel, Event, EventKind, ServiceRequest, Status
from rider_hub.web.values import State, Tone

__all__ = ["CATEGORY_CHOICES", "RIDER_STATES", "STATES", "STATE_CHOICES", "conversation"]

STATES: dict[str, State] = {
    Status.OPEN: State("待办", Tone.TODO),
    Status.SOON: State("将到期", Tone.SOON),
    Status.OVERDUE: State("已超期", Tone.OVERDUE),
    Status.REOPENED: State("重新办理", Tone.TODO),
    Status.ANSWERED: State("已答复", Tone.DOING),
    Status.CONFIRMED: State("已办结", Tone.DONE),
}
#: A rider is told what happens, not what staff have to do.
RIDER_STATES: dict[str, State] = {
    **STATES,
    Status.OPEN: State("等待答复", Tone.TODO),
    Status.SOON: State("等待答复", Tone.TODO),
}
#: Choices of the ledger's filter; "pending" is whatever an answer is owed to.
STATE_CHOICES = [("pending", "全部待答复"), *((str(key), state.word) for key, state in STATES.items())]
CATEGORY_CHOICES = [(category.value, category.title_zh) for category in Category]


def conversation(request: ServiceRequest) -> list[dict[str, Any]]:
    """Return what was said and what happened, the oldest first, for the timeline of a page."""
    return [{"at": event.at, **_entry(request, event)} for event in request.events]


def _reporter(request: ServiceRequest) -> str:
    if request.channel is Channel.STAFF:
        return "工作人员代骑手登记"
    return "匿名" if request.anonymous else "骑手"


def _entry(request: ServiceRequest, event: Event) -> dict[str, Any]:
    match event.kind:
        case EventKind.FILED:
            return {"title": "提交诉求", "text": request.text, "by": _reporter(request)}
        case EventKind.ROUTED:
            return {"title": f"转给 {event.actor_title or request.organization}", "text": request.reason}
        case EventKind.ANSWERED:
            return {"title": "答复", "text": event.text, "by": event.actor_title, "tone": Tone.DOING}
        case EventKind.CONFIRMED:
            return {"title": "反映人确认：已解决", "tone": Tone.DONE}
        case EventKind.REOPENED:
            return {"title": "反映人：还没解决", "text": event.text, "tone": Tone.TODO}
        case EventKind.OVERDUE:
            watched = f"已由 {event.actor_title} 督办。" if event.actor_title else "请尽快答复。"
            return {"title": "到期未答复", "text": watched, "tone": Tone.OVERDUE}
