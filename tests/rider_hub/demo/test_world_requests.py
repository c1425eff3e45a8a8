"""Service requests cover every category and ending, and name places, not persons."""

from rider_hub.demo.world_model import World


def test_requests_cover_every_category_and_ending(world: World) -> None:
    """120 requests, the oldest first, with each category and each ending among them."""
    assert len(world.requests) == 120
    assert {r.category for r in world.requests} == {"entry", "stairs", "parking", "charging", "other"}
    assert {r.ending for r in world.requests} == {"open", "answered", "confirmed", "overdue"}
    hours = [r.hours_ago for r in world.requests]
    assert hours == sorted(hours, reverse=True)
    assert all(0 <= value < 400 for value in hours)


def test_overdue_requests_are_old_and_open_ones_fresh(world: World) -> None:
    """An overdue request is more than ten days old, an open one not yet one day."""
    assert all(r.hours_ago >= 240 for r in world.requests if r.ending == "overdue")
    assert all(r.hours_ago < 24 for r in world.requests if r.ending == "open")


def test_a_request_names_its_place_and_no_person(world: World) -> None:
    """The text begins with the community; some are anonymous; no rider's name or phone stands in it."""
    names = dict(zip(world.community_polygons["code"], world.community_polygons["name"], strict=True))
    for request in world.requests:
        assert request.text[:2] == names[request.community][:2]
        assert "199" not in request.text
    assert 0 < sum(r.rider is None for r in world.requests) < 60
