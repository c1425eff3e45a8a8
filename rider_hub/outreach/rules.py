"""Whom to invite to what and when: caps, quiet hours, off-peak windows, cool-down; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rider_hub.clock import SHANGHAI
from rider_hub.consent.model import Purpose
from rider_hub.membership.model import Consent
from rider_hub.outreach.model import Activity, Invitation, State
from rider_hub.parameters import parameter

__all__ = ["Figures", "Proposal", "choose", "hindrance", "may_message", "reason_words"]

_WEEK = timedelta(days=7)
_STREET = 9
#: States that took none of the rider's attention.
_UNSEEN = frozenset({State.LAPSED, State.CANCELLED})


@dataclass(frozen=True)
class Figures:
    """The figures of parameters/outreach.toml that one decision used."""

    a_week: int
    quiet_from: float
    quiet_to: float
    off_peak_from: float
    off_peak_to: float
    cool_down: timedelta
    horizon: timedelta
    lead_time: timedelta

    @classmethod
    def read(cls) -> "Figures":
        """Return the figures in force."""

        def value(name: str) -> float:
            return parameter(f"outreach.{name}").value

        return cls(
            a_week=int(value("invitations_a_week")),
            quiet_from=value("quiet_from"),
            quiet_to=value("quiet_to"),
            off_peak_from=value("off_peak_from"),
            off_peak_to=value("off_peak_to"),
            cool_down=timedelta(days=value("cool_down")),
            horizon=timedelta(days=value("horizon")),
            lead_time=timedelta(hours=value("lead_time")),
        )


@dataclass(frozen=True)
class Proposal:
    """One activity proposed to one rider, the consent it rests on, and why."""

    activity: Activity
    consent: Consent
    reasons: tuple[str, ...]


def choose(
    consents: Sequence[Consent],
    activities: Sequence[Activity],
    past: Sequence[Invitation],
    *,
    division: str,
    now: datetime,
    figures: Figures,
) -> list[Proposal]:
    """Return what a rider should be invited to, best first; the same inputs give the same answer.

    An activity is proposed once. Where two consents would carry it, it rests on the one that says less: to
    open activities before to party activities.
    """
    seen = {each.activity for each in past if each.state != State.CANCELLED}
    room = figures.a_week - _recent(past, now)
    found: dict[str, Proposal] = {}
    for consent in sorted(consents, key=lambda each: (each.purpose != Purpose.OPEN_ACTIVITIES, each.id)):
        if _cooling(past, consent.body, now, figures):
            continue
        for activity in activities:
            why = _why(consent, activity, division)
            soon = now + figures.lead_time <= activity.starts_at <= now + figures.horizon
            if why and soon and activity.id not in seen and activity.id not in found:
                off_peak = ("off_peak",) if _is_off_peak(activity.starts_at, figures) else ()
                found[activity.id] = Proposal(activity, consent, (why, *off_peak))
    ranked = sorted(
        found.values(), key=lambda each: (len(each.reasons) == 1, each.activity.starts_at, each.activity.id)
    )
    return ranked[: max(0, room)]


def hindrance(
    invitation: Invitation, activity: Activity, past: Sequence[Invitation], *, now: datetime, figures: Figures
) -> tuple[str, str, str] | None:
    """Return why an invitation must not be sent now (code, zh, en), None where nothing speaks against it."""
    if activity.starts_at <= now:
        return "activity_begun", "活动已经开始，不能再邀请。", "The activity has begun."
    if _cooling(past, invitation.body, now, figures):
        days = figures.cool_down.days
        return (
            "cool_down",
            f"对方最近谢绝过邀请，{days} 天内不再打扰。",
            f"The rider declined lately: no invitation for {days} days.",
        )
    sent = [each for each in past if each.invited_at is not None and now - each.invited_at < _WEEK]
    if len(sent) >= figures.a_week:
        return (
            "weekly_cap",
            f"对方 7 天内已收到 {len(sent)} 次邀请，请过几天再发。",
            f"The rider got {len(sent)} invitations within 7 days: send it some days later.",
        )
    return None


def may_message(now: datetime, figures: Figures) -> bool:
    """Say whether a message may leave now: in the off-peak window, and never in quiet hours."""
    hour = _hour(now)
    quiet = hour >= figures.quiet_from or hour < figures.quiet_to
    return not quiet and figures.off_peak_from <= hour < figures.off_peak_to


def reason_words(invitation: Invitation, body: str, *, who: str = "本人") -> str:
    """Say in words why this rider was proposed; the rider is spoken to by `who`="您"."""
    words = {
        "own_activity": f"{who}同意接收“{body}”的活动邀请",
        "open_activity": f"{who}愿意收到附近开放活动的邀请",
        "off_peak": "活动时间在送餐低峰",
    }
    return "；".join(words[code] for code in invitation.reasons if code in words)


def _why(consent: Consent, activity: Activity, division: str) -> str | None:
    own = activity.organization == consent.body
    if consent.purpose == Purpose.PARTY_ACTIVITIES:
        return "own_activity" if own else None
    if consent.purpose != Purpose.OPEN_ACTIVITIES or not activity.open_to_all:
        return None
    street = division[:_STREET]
    near = activity.division.startswith(street) or street.startswith(activity.division)
    return "open_activity" if own or near else None


def _recent(past: Sequence[Invitation], now: datetime) -> int:
    """Count what is waiting for the rider or took their attention within a week."""
    return sum(
        each.state == State.SURFACED or (each.state not in _UNSEEN and now - each.surfaced_at < _WEEK)
        for each in past
    )


def _cooling(past: Sequence[Invitation], body: str, now: datetime, figures: Figures) -> bool:
    return any(
        each.body == body
        and each.state == State.DECLINED
        and each.answered_at is not None
        and now - each.answered_at < figures.cool_down
        for each in past
    )


def _is_off_peak(at: datetime, figures: Figures) -> bool:
    return figures.off_peak_from <= _hour(at) < figures.off_peak_to


def _hour(at: datetime) -> float:
    local = at.astimezone(SHANGHAI)
    return local.hour + local.minute / 60
