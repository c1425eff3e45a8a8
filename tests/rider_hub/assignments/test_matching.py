"""The rules of matching, each case named as a sentence."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from multiprocessing import get_context

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.assignments.matching import Current, difference
from rider_hub.assignments.model import Assignment, ChangeKind, NearStation
from rider_hub.assignments.reasons import reasons
from rider_hub.organizations.model import Network
from rider_hub.riders.area_changes import LIKE_TRACK
from rider_hub.riders.model import RegistrationSnapshot, RiderSnapshot
from tests.rider_hub.assignments.town import (
    COMMUNITIES,
    NOW,
    crowdsourced,
    dedicated,
    match,
    near,
    rider,
    station,
)

INSIDE = (116.405, 39.905)
#: About 8 m from the border between two communities of one street.
AT_BORDER = (116.4099, 39.905)
#: About 40 m inside the first street: certain for an exact point, not for a rounded one.
NEAR_STREET_BORDER = (116.405, 39.9096)


def test_a_dedicated_rider_belongs_to_the_community_of_the_stations_point() -> None:
    """The station's point decides community, street and what covers them."""
    (found,) = match([rider(dedicated("A"))], [station("jia/A", *INSIDE)])
    assert (found.community, found.street, found.station) == ("110101001001", "110101001", "jia/A")
    assert (found.station_branch, found.community_branch) == ("A-ZB", "C11")
    assert found.reasons["place"] == "station_point"
    assert found.reasons["station_branch"] == "own_branch"
    assert found.unresolved is None


def test_a_joint_branch_is_named_as_one() -> None:
    """A station covered together with others says so."""
    (found,) = match([rider(dedicated("J"))], [station("jia/J", *INSIDE)])
    assert found.reasons["station_branch"] == "joint_branch"


def test_a_station_at_a_border_is_asked_about_and_not_guessed() -> None:
    """Within 15 m of a border the community stays open, and the street answers meanwhile."""
    (found,) = match([rider(dedicated("B"))], [station("jia/B", *AT_BORDER)])
    assert (found.community, found.street, found.unresolved) == (None, "110101001", "border_ambiguous")
    assert found.community_branch == "S1"
    assert found.reasons["community_branch"] == "fallback_street_only"


def test_what_the_platform_states_decides_at_a_border() -> None:
    """A stated community settles what the point leaves open."""
    (found,) = match([rider(dedicated("B"))], [station("jia/B", *AT_BORDER, stated="110101001002")])
    assert (found.community, found.reasons["place"], found.unresolved) == (
        "110101001002",
        "station_stated",
        None,
    )


def test_a_point_well_inside_wins_over_another_stated_community() -> None:
    """Surveyed borders count for more than a stated code, and the reason says that they differ."""
    (found,) = match([rider(dedicated("A"))], [station("jia/A", *INSIDE, stated="110101002002")])
    assert (found.community, found.reasons["place"]) == ("110101001001", "station_point_over_stated")


def test_a_sketched_border_is_no_evidence_against_what_is_stated() -> None:
    """Where borders are only drawn (示意边界), the stated community stands."""
    stations = [station("jia/A", *INSIDE, stated="110101002002")]
    (found,) = match([rider(dedicated("A"))], stations, sketch=True)
    assert (found.community, found.reasons["place"]) == ("110101002002", "station_stated")


def test_without_a_point_the_stated_community_stands() -> None:
    """A station that only states its community is placed there."""
    (found,) = match([rider(dedicated("A"))], [station("jia/A", None, None, stated="110101002002")])
    assert (found.community, found.community_branch) == ("110101002002", "C22")


def test_an_unknown_station_waits_with_a_reason() -> None:
    """A registration whose station was never sent is kept, answered by the county, and says what lacks."""
    (found,) = match([rider(dedicated("Z"))])
    assert (found.unresolved, found.community_branch) == ("waiting_for_station", "HY")


def test_a_held_work_area_is_answered_by_the_county_unless_there_is_another() -> None:
    """An area that changes like a track is not read; another platform's area of the same rider is."""
    held = msgspec.structs.replace(
        crowdsourced(community="110101001001", at=NOW + timedelta(days=1)), hold=LIKE_TRACK
    )
    found, other = match([rider(held), rider(held, crowdsourced(community="110101002002"), rider_id="r2")])
    assert (found.unresolved, found.community, found.community_branch) == (LIKE_TRACK, None, "HY")
    assert (other.unresolved, other.community) == (None, "110101002002")


def test_a_rounded_point_decides_the_street_and_asks_for_the_community() -> None:
    """A work-area point of three decimals never decides a community."""
    (found,) = match([rider(crowdsourced(point=INSIDE))])
    assert (found.community, found.street, found.unresolved) == (None, "110101001", "rounded_point")


def test_a_rounded_point_near_a_street_border_decides_nothing() -> None:
    """Within 75 m of a street's border even the street stays open; the county answers."""
    (found,) = match([rider(crowdsourced(point=NEAR_STREET_BORDER))])
    assert (found.street, found.unresolved, found.community_branch) == (None, "border_ambiguous", "HY")


def test_a_point_outside_every_area_is_told_so() -> None:
    """Outside all communities is a reason, not a guess."""
    (found,) = match([rider(crowdsourced(point=(116.5, 39.9)))])
    assert found.unresolved == "outside_areas"


def test_the_riders_own_choice_wins() -> None:
    """A community chosen on the phone page stands over station and area."""
    (found,) = match([rider(dedicated("A"), chosen="110101002002")], [station("jia/A", *INSIDE)])
    assert (found.community, found.reasons["place"], found.station_branch) == (
        "110101002002",
        "own_choice",
        "A-ZB",
    )


def test_an_unknown_own_choice_is_not_followed() -> None:
    """A chosen community that is no longer there leaves the rider where the station is."""
    (found,) = match([rider(dedicated("A"), chosen="110101009009")], [station("jia/A", *INSIDE)])
    assert found.community == "110101001001"


@pytest.mark.parametrize(
    ("community", "branch", "reason"),
    [
        ("110101001001", "C11", "community_organization"),
        ("110101001002", "S1", "fallback_street"),
        ("110101002001", "HY", "fallback_county"),
    ],
)
def test_the_fallback_ladder_is_climbed_one_step_at_a_time(community: str, branch: str, reason: str) -> None:
    """Community, else street, else the county's industry organization (article 10)."""
    (found,) = match([rider(crowdsourced(community=community))])
    assert (found.community_branch, found.reasons["community_branch"]) == (branch, reason)


def test_with_nobody_to_answer_the_reason_says_so() -> None:
    """Where not even the county has an organization, that is the finding."""
    (found,) = match([rider(crowdsourced(community="110101002001"))], network=Network())
    assert (found.community_branch, found.unresolved) == (None, "no_organization")


def test_an_instructor_answers_where_no_branch_covers_the_station() -> None:
    """Article 12: the street's instructor, only where there is no branch."""
    stations = [station("jia/A", *INSIDE), station("jia/B", *INSIDE)]
    covered, bare = match([rider(dedicated("A")), rider(dedicated("B"), rider_id="r2")], stations)
    assert (covered.instructor, bare.instructor) == (None, "I1")


def test_a_station_counts_before_a_work_area_and_the_later_before_the_earlier() -> None:
    """Of several registrations the dedicated one leads; among equals the latest."""
    stations = [station("jia/A", *INSIDE), station("jia/C", 116.415, 39.915)]
    newer = NOW + timedelta(days=1)
    (found,) = match([rider(crowdsourced(community="110101002001", at=newer), dedicated("A"))], stations)
    assert found.station == "jia/A"
    (found,) = match([rider(dedicated("A"), dedicated("C", at=newer))], stations)
    assert found.station == "jia/C"


LOVE = near(("L1", 116.405, 39.906), ("L2", 116.405, 39.909), ("L3", 116.405, 39.917), ("L4", 116.6, 39.9))


def test_love_stations_are_the_nearest_within_the_radius_in_metres() -> None:
    """The nearest come first with metres right on the ellipsoid; beyond 1,500 m there are none."""
    (found,) = match([rider(dedicated("A"))], [station("jia/A", *INSIDE)], love=LOVE)
    assert [near_.code for near_ in found.love_stations] == ["L1", "L2", "L3"]
    assert found.love_stations[0].metres == pytest.approx(111.0, abs=0.5)
    assert found.reasons["love_stations"] == "near_station"


def _had(*codes: str) -> dict[str, Current]:
    had = tuple(NearStation(code, 1.0) for code in codes)
    return {"r1": Current(Assignment("r1", "110101", love_stations=had), 1)}


def test_a_love_station_is_replaced_only_by_one_nearer_by_more_than_200_metres() -> None:
    """Small gains in metres don't move a rider; a gain of more than 200 m does."""
    riders, stations = [rider(dedicated("A"))], [station("jia/A", *INSIDE)]
    close = near(*[(f"L{i}", 116.405, 39.906 + i * 0.0002) for i in range(4)])
    (kept,) = match(riders, stations, love=close, current=_had("L1", "L2", "L3"))
    assert [each.code for each in kept.love_stations] == ["L1", "L2", "L3"]
    far = near(*[(f"L{i}", 116.405, 39.906 + i * 0.003) for i in range(4)])
    (moved,) = match(riders, stations, love=far, current=_had("L1", "L2", "L3"))
    assert [each.code for each in moved.love_stations] == ["L0", "L1", "L2"]


def test_love_stations_equally_far_keep_their_order() -> None:
    """Where rounded metres are equal, matching again does not swap the stations."""
    riders = [rider(crowdsourced(point=(116.406, 39.913)))]
    (first,) = match(riders, love=LOVE)
    (again,) = match(riders, love=LOVE, current={"r1": Current(first, 1)})
    assert again == first


def test_a_closed_love_station_is_replaced() -> None:
    """A station that is gone from the registry leaves the rider's list."""
    (found,) = match(
        [rider(dedicated("A"))], [station("jia/A", *INSIDE)], love=LOVE, current=_had("L0", "L1", "L2")
    )
    assert [each.code for each in found.love_stations] == ["L1", "L2", "L3"]


_points = st.tuples(st.floats(116.39, 116.43), st.floats(39.89, 39.93)).map(
    lambda p: (round(p[0], 3), round(p[1], 3))
)
_registrations = st.one_of(
    st.sampled_from(["A", "B", "J", "Z"]).map(dedicated),
    st.sampled_from([*COMMUNITIES, "110101009009"]).map(lambda code: crowdsourced(community=code)),
    _points.map(lambda point: crowdsourced(point=point)),
    st.just(crowdsourced()),
)
_riders = st.lists(
    st.tuples(st.lists(_registrations, max_size=3), st.none() | st.sampled_from(list(COMMUNITIES))),
    max_size=12,
)
STATIONS = [station("jia/A", *INSIDE), station("jia/B", *AT_BORDER), station("jia/J", 116.415, 39.915)]


def _as_riders(drawn: list[tuple[list[RegistrationSnapshot], str | None]]) -> list[RiderSnapshot]:
    return [rider(*regs, rider_id=f"r{i:02}", chosen=chosen) for i, (regs, chosen) in enumerate(drawn)]


@given(drawn=_riders)
def test_every_rider_gets_an_assignment_with_reasons_that_have_words(
    drawn: list[tuple[list[RegistrationSnapshot], str | None]],
) -> None:
    """Whoever is active is answered for, or the reason code says why not; every code has its sentence."""
    riders = _as_riders(drawn)
    found = match(riders, STATIONS, love=LOVE)
    assert [each.rider_id for each in found] == [each.rider_id for each in riders]
    for each in found:
        assert each.community_branch is not None
        assert each.community or each.unresolved
        assert each.community is None or each.division == each.community
        assert set(each.reasons.values()) | {each.unresolved or "own_branch"} <= reasons().keys()


@given(drawn=_riders, seed=st.randoms(use_true_random=False))
def test_the_order_of_riders_changes_no_rider(
    drawn: list[tuple[list[RegistrationSnapshot], str | None]], seed: object
) -> None:
    """Shuffled input gives the same assignment for each rider."""
    riders = _as_riders(drawn)
    shuffled = list(riders)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    straight = {each.rider_id: each for each in match(riders, STATIONS, love=LOVE)}
    assert {each.rider_id: each for each in match(shuffled, STATIONS, love=LOVE)} == straight


@given(drawn=_riders)
def test_matching_again_changes_nothing(drawn: list[tuple[list[RegistrationSnapshot], str | None]]) -> None:
    """With its own result in force, a second run of the same inputs finds only unchanged riders."""
    riders = _as_riders(drawn)
    first = match(riders, STATIONS, love=LOVE)
    current = {each.rider_id: Current(each, 1) for each in first}
    again = match(riders, STATIONS, love=LOVE, current=current)
    assert {change.kind for change in difference(again, current)} <= {ChangeKind.UNCHANGED}


def test_differences_are_named_by_kind() -> None:
    """New, moved, lost, unchanged and unresolved riders are told apart."""
    a = Assignment("a", "110101001001", community="110101001001")
    moved = Assignment("m", "110101001002", community="110101001002")
    open_ = Assignment("u", "110101001", unresolved="rounded_point")
    same = Assignment("s", "110101001001", love_stations=(NearStation("L1", 5.0),))
    current = {
        "m": Current(Assignment("m", "110101001001", community="110101001001"), 3),
        "s": Current(Assignment("s", "110101001001", love_stations=(NearStation("L1", 9.0),)), 1),
        "gone": Current(Assignment("gone", "110101001001"), 2),
    }
    kinds = {change.rider_id: change.kind.value for change in difference([a, moved, open_, same], current)}
    assert kinds == {"a": "new", "m": "moved", "u": "unresolved", "s": "unchanged", "gone": "lost"}


def test_parts_on_other_processes_match_the_same() -> None:
    """Riders in parts of two, in threads and in another process: the same assignments in the same order."""
    stations = [station("jia/A", *INSIDE), station("jia/B", *AT_BORDER)]
    riders = [rider(dedicated(name), rider_id=f"r{nth}") for nth, name in enumerate("ABABA")]
    alone = match(riders, stations)
    with ThreadPoolExecutor(2) as threads:
        assert match(riders, stations, executor=threads, part=2) == alone
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        assert match(riders, stations, executor=processes, part=2) == alone
