"""Assignments in words."""

from rider_hub.assignments.listing import Names
from rider_hub.assignments.model import Assignment, NearStation
from rider_hub.assignments.reasons import explain, reasons

NAMES = Names(
    {"110101001001": "甲社区", "110101001": "甲街道"},
    {"ZB": "东四站党支部", "SQ": "甲社区党委"},
    {"L1": "甲驿站"},
    {"jia/S-1": "东四站"},
)
FOUND = Assignment(
    "r1",
    "110101001001",
    community="110101001001",
    street="110101001",
    station="jia/S-1",
    station_branch="ZB",
    community_branch="SQ",
    love_stations=(NearStation("L1", 120.4),),
    reasons={
        "place": "station_point",
        "station_branch": "own_branch",
        "community_branch": "community_organization",
        "love_stations": "near_station",
    },
)


def test_the_reason_names_what_it_speaks_of() -> None:
    """A clerk reads which station, which organization, which love station and how far."""
    assert NAMES.reason(FOUND) == (
        "配送站点“东四站”位于甲社区；该站点单独组建了东四站党支部；该社区由甲社区党委负责；"
        "离配送站点最近的是甲驿站（120 米）"
    )


def test_what_stays_open_is_said_once() -> None:
    """An open point is part of the reason, and not twice where the place itself is open."""
    waiting = Assignment(
        "r2", "110101", reasons={"place": "waiting_for_station"}, unresolved="waiting_for_station"
    )
    assert NAMES.reason(waiting) == "配送站点尚未报送，待平台补报"


def test_every_sentence_can_be_told_without_names() -> None:
    """No reason breaks where a name is not known, and none shows a bracket."""
    for code in reasons():
        assert "{" not in explain(code)
    assert explain("no_such_code") == "no_such_code"
