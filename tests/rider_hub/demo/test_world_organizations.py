"""The organizations form one tree, cover what exists, and leave gaps on purpose."""

from collections import Counter

from rider_hub.demo.world_model import World


def test_parents_and_codes_are_sound(world: World) -> None:
    """Codes are unique, each parent exists, and each division is one of the code table."""
    codes = [o.code for o in world.organizations]
    divisions = {row.code for row in world.divisions}
    assert len(set(codes)) == len(codes)
    assert all(o.parent is None or o.parent in codes for o in world.organizations)
    assert all(o.division in divisions for o in world.organizations)


def test_every_street_and_the_county_are_covered_once(world: World) -> None:
    """Each street has its committee and an instructor's post, the county its industry organization."""
    covers = Counter((c.kind, c.ref) for o in world.organizations for c in o.covers)
    streets = list(world.street_polygons["code"])
    assert all(covers["street", code] == 1 for code in streets)
    assert covers["county", world.county] == 1
    assert [post.street for post in world.instructors] == streets
    assert all(post.label.endswith("党建工作指导员（示例）") for post in world.instructors)


def test_most_communities_have_an_organization_and_some_have_none(world: World) -> None:
    """80 to 99 % of the communities have one organization: a committee, a general branch or a branch."""
    hosted = [o for o in world.organizations if o.host_kind == "community"]
    assert {o.kind for o in hosted} == {"committee", "general_branch", "branch"}
    assert len({o.host for o in hosted}) == len(hosted)
    assert 0.8 < len(hosted) / len(world.community_polygons) < 0.99


def test_stations_have_an_own_or_a_joint_branch_or_none(world: World) -> None:
    """No station is covered twice; joint branches have 2 to 4 stations; about half have none."""
    known = {station.ref for station in world.stations}
    branches = [o for o in world.organizations if o.host_kind == "station"]
    covered = [c.ref for o in branches for c in o.covers]
    assert len(set(covered)) == len(covered)
    assert set(covered) <= known
    assert all(len(o.covers) == 1 for o in branches if o.kind == "branch")
    assert all(2 <= len(o.covers) <= 4 for o in branches if o.kind == "joint_branch")
    assert {o.kind for o in branches} == {"branch", "joint_branch"}
    assert 40 <= len(covered) <= 60


def test_there_is_one_mobile_member_branch(world: World) -> None:
    """Exactly one branch takes members whose affiliation lies elsewhere."""
    assert [o.kind for o in world.organizations].count("mobile_member_branch") == 1


def test_activities_have_a_host_and_a_time(world: World) -> None:
    """Each activity belongs to an organization, lasts two hours, and knows its time zone."""
    codes = {o.code for o in world.organizations}
    assert len(world.activities) == 16
    for activity in world.activities:
        assert activity.organization in codes
        assert (activity.ends_at - activity.starts_at).total_seconds() == 7200
        assert activity.starts_at.utcoffset() is not None
    assert any(activity.starts_at.date() > world.today for activity in world.activities)
    assert {activity.open_to_all for activity in world.activities} == {True, False}
