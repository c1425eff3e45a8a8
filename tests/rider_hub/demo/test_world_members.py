"""Members are few, still riding, and name a body of the county."""

from rider_hub.demo.world_model import World


def test_members_are_few_and_name_a_body_of_the_county(world: World) -> None:
    """1.8 % of riders will declare, most of them consenting, to a community's or the industry's body."""
    kinds = {o.code: o.kind for o in world.organizations}
    hosts = {o.code: o.host_kind for o in world.organizations}
    assert len(world.members) == 72
    assert len({member.rider for member in world.members}) == 72
    assert 0.7 < sum(member.consent for member in world.members) / 72 < 0.97
    assert {member.kind for member in world.members} == {"full", "probationary"}
    assert all(
        kinds[member.body] == "industry_organization" or hosts[member.body] == "community"
        for member in world.members
    )


def test_members_are_still_riding(world: World) -> None:
    """Nobody who left declares."""
    assert all(
        registration.left_at is None
        for member in world.members
        for registration in world.riders[member.rider].registrations
    )
