"""Caps, cool-down, windows and reasons of outreach, as pure functions."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.clock import SHANGHAI
from rider_hub.consent.model import Purpose
from rider_hub.errors import Conflict
from rider_hub.membership.model import Consent
from rider_hub.outreach.model import Activity, Invitation, State, moved
from rider_hub.outreach.rules import Figures, choose, hindrance, may_message, reason_words

NOW = datetime(2026, 11, 2, 6, 30, tzinfo=UTC)
FIGURES = Figures.read()
DIVISION = "110101001001"


def _consent(purpose: str = Purpose.PARTY_ACTIVITIES, body: str = "ORG") -> Consent:
    return Consent(f"{purpose}-{body}", "rider", purpose, body, 1, NOW)


def _activity(
    number: int = 1,
    *,
    body: str = "ORG",
    open_to_all: bool = False,
    division: str = DIVISION,
    in_hours: float = 24,
) -> Activity:
    starts_at = NOW + timedelta(hours=in_hours)
    return Activity(
        f"a{number}",
        body,
        division,
        "活动",
        "training",
        open_to_all,
        None,
        starts_at,
        starts_at + timedelta(hours=1),
    )


def _past(state: State, days_ago: float, *, activity: str = "old", body: str = "ORG") -> Invitation:
    at = NOW - timedelta(days=days_ago)
    return Invitation(
        f"i-{activity}-{days_ago}",
        "rider",
        activity,
        body,
        "p",
        "c",
        (),
        state,
        at,
        invited_at=at,
        answered_at=at,
    )


def _chosen(
    consents: list[Consent], activities: list[Activity], past: list[Invitation] | None = None
) -> list[tuple[str, str, tuple[str, ...]]]:
    found = choose(consents, activities, past or [], division=DIVISION, now=NOW, figures=FIGURES)
    return [(each.activity.id, each.consent.purpose, each.reasons) for each in found]


def test_party_consent_carries_the_bodys_own_activities_only() -> None:
    """Another body's party activity and another body's open one are not proposed on it."""
    activities = [_activity(1), _activity(2, body="OTHER"), _activity(3, body="OTHER", open_to_all=True)]
    assert [each[0] for each in _chosen([_consent()], activities)] == ["a1"]


def test_open_consent_carries_open_activities_nearby() -> None:
    """Those of the body, the street and the county; no party activity, none of another street."""
    activities = [
        _activity(1),
        _activity(2, open_to_all=True, division="110105"),
        _activity(3, body="OTHER", open_to_all=True, division="110101001009", in_hours=30),
        _activity(4, body="OTHER", open_to_all=True, division="110101002001"),
    ]
    found = _chosen([_consent(Purpose.OPEN_ACTIVITIES)], activities)
    assert [each[0] for each in found] == ["a2", "a3"]


def test_of_two_consents_the_one_that_says_less_carries() -> None:
    """A declared rider who also opted in is proposed for an open activity like anyone else."""
    found = _chosen(
        [_consent(), _consent(Purpose.OPEN_ACTIVITIES)], [_activity(1, open_to_all=True), _activity(2)]
    )
    assert {each[0]: each[1] for each in found} == {
        "a1": Purpose.OPEN_ACTIVITIES,
        "a2": Purpose.PARTY_ACTIVITIES,
    }


def test_a_consent_to_the_declaration_alone_invites_to_nothing() -> None:
    """Being seen by a body is one purpose, being invited by it another."""
    assert _chosen([_consent(Purpose.DECLARATION)], [_activity(1, open_to_all=True)]) == []


def test_no_more_than_the_weekly_cap_is_proposed_and_off_peak_comes_first() -> None:
    """Of five activities two are proposed, the off-peak one before an earlier one; waiting ones count."""
    activities = [_activity(number, in_hours=24 + number) for number in range(5)] + [
        _activity(9, in_hours=49)
    ]
    found = _chosen([_consent()], activities)
    assert [each[0] for each in found] == ["a0", "a1"]
    assert found[0][2] == ("own_activity", "off_peak")
    assert len(_chosen([_consent()], activities, [_past(State.SURFACED, 20)])) == 1
    assert _chosen([_consent()], activities, [_past(State.INVITED, 1), _past(State.ATTENDED, 2)]) == []
    assert len(_chosen([_consent()], activities, [_past(State.CANCELLED, 1), _past(State.LAPSED, 2)])) == 2


@pytest.mark.parametrize(
    ("hours", "proposed"), [(5.9, False), (6, True), (21 * 24, True), (21 * 24 + 1, False)]
)
def test_neither_too_soon_nor_too_far(hours: float, *, proposed: bool) -> None:
    """An activity within six hours or beyond three weeks is not proposed."""
    assert bool(_chosen([_consent()], [_activity(1, in_hours=hours)])) is proposed


def test_an_activity_is_proposed_once_unless_its_consent_ended_in_between() -> None:
    """What was declined or lapsed is not asked again; what a withdrawal cancelled may be, on new consent."""
    for state, expected in ((State.LAPSED, 0), (State.ATTENDED, 0), (State.CANCELLED, 1)):
        assert len(_chosen([_consent()], [_activity(1)], [_past(state, 20, activity="a1")])) == expected


@pytest.mark.parametrize(("days", "free"), [(13.9, False), (14, True)])
def test_after_a_refusal_the_body_waits(days: float, *, free: bool) -> None:
    """For two weeks the body that was declined proposes and sends nothing; another body may."""
    past = [_past(State.DECLINED, days)]
    assert bool(_chosen([_consent()], [_activity(1)], past)) is free
    assert _chosen([_consent(body="OTHER")], [_activity(1, body="OTHER")], past) != []
    waiting = _past(State.SURFACED, 20)
    against = hindrance(waiting, _activity(), past, now=NOW, figures=FIGURES)
    assert (against is None) is free


def test_sending_keeps_the_cap_and_stops_when_the_activity_began() -> None:
    """Two sent within seven days hinder a third; so does an activity that has begun."""
    waiting = _past(State.SURFACED, 20)
    sent = [_past(State.INVITED, 1), _past(State.ACCEPTED, 6.9)]
    assert hindrance(waiting, _activity(), sent[:1], now=NOW, figures=FIGURES) is None
    assert (hindrance(waiting, _activity(), sent, now=NOW, figures=FIGURES) or ("",))[0] == "weekly_cap"
    begun = hindrance(waiting, _activity(in_hours=0), [], now=NOW, figures=FIGURES)
    assert (begun or ("",))[0] == "activity_begun"


@given(st.integers(0, 24 * 60 - 1))
def test_messages_leave_in_the_off_peak_window_only(minute: int) -> None:
    """At any minute of the day: from 14:00 to before 16:30 yes, else no."""
    at = datetime(2026, 11, 2, minute // 60, minute % 60, tzinfo=SHANGHAI)
    assert may_message(at, FIGURES) is (14 * 60 <= minute < 16 * 60 + 30)


def test_reasons_are_words_without_a_code() -> None:
    """The sentence names the body and says that the rider wished it."""
    invitation = Invitation(
        "i", "rider", "a", "ORG", "p", "c", ("own_activity", "off_peak"), State.SURFACED, NOW
    )
    assert reason_words(invitation, "某支部") == "本人同意接收“某支部”的活动邀请；活动时间在送餐低峰"


def test_states_move_forward_only() -> None:
    """An attended or cancelled invitation stays so; a refused move names both states and changes nothing."""
    for state in (State.ATTENDED, State.CANCELLED, State.LAPSED):
        for to in State:
            with pytest.raises(Conflict):
                moved(_past(state, 1), to, NOW)
    assert moved(_past(State.INVITED, 1), State.ACCEPTED, NOW).answered_at == NOW
