"""A notice: what a rider is told before consenting to one purpose; pure values."""

import msgspec

__all__ = ["PURPOSE_TITLES", "Notice", "Point", "Purpose"]


class Purpose:
    """The purposes a rider may consent to, each apart from the others."""

    #: To keep the rider's own statement of membership and show it to one body.
    DECLARATION = "declaration"
    #: To be invited by that body to its activities.
    PARTY_ACTIVITIES = "party_activities"
    #: To have the home organization say whether it knows the rider as its member.
    VERIFICATION = "verification"
    #: To be invited to activities that are open to everyone; has nothing to do with membership.
    OPEN_ACTIVITIES = "open_activities"


#: The purposes as pages call them.
PURPOSE_TITLES = {
    Purpose.DECLARATION: "党员身份申报",
    Purpose.PARTY_ACTIVITIES: "党组织活动邀请",
    Purpose.VERIFICATION: "组织关系所在党组织核验",
    Purpose.OPEN_ACTIVITIES: "开放活动邀请",
}


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One short answer of a notice: a question a rider has, and the answer in plain words."""

    heading: str
    text: str


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of a notice; once published its words never change."""

    #: The purpose this notice is for.
    key: str
    version: int
    title: str
    #: The one thing asked, as it stands beside the button.
    question: str
    agree: str
    points: tuple[Point, ...]
    #: The long text, folded on the page.
    details: tuple[str, ...] = ()
