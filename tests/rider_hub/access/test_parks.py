"""Parks: a scope across streets, made of divisions, which changes with the park at once."""

from pathlib import Path

from rider_hub.access import Hub, Role, Scope
from rider_hub.access.users import add_user, operator
from rider_hub.demo.ground import console
from rider_hub.divisions.overlays import import_parks
from tests.factories import county_staff, make_hub
from tests.rider_hub.divisions.world import COMMUNITIES, COUNTY, STREETS, import_county

PASSWORD = "a password for tests"


async def _account(hub: Hub, **scope: list[str]) -> None:
    await add_user(
        hub,
        console(),
        username="suo",
        display_name="测试员",
        password=PASSWORD,
        roles=[Role.STREET_STAFF],
        **scope,
    )


def _rows(*divisions: str, code: str = "YQ-1") -> list[dict[str, str]]:
    return [{"code": code, "name": "某园区(示例)", "division": division} for division in divisions]


async def test_a_scope_follows_its_park_at_once(database_url: str, tmp_path: Path) -> None:
    """Whoever works for a park sees the divisions it is made of now, across streets, and no others."""
    async with make_hub(database_url, tmp_path) as hub:
        staff = county_staff(COUNTY)
        await import_county(hub, staff)
        assert (await import_parks(hub, staff, _rows(COMMUNITIES[0], COMMUNITIES[-1]))).ok
        await _account(hub, parks=["YQ-1"])
        before = (await operator(hub, "suo")).scope
        assert (await import_parks(hub, staff, _rows(STREETS[1]))).ok
        after = (await operator(hub, "suo")).scope
    assert before.divisions == tuple(sorted((COMMUNITIES[0], COMMUNITIES[-1])))
    assert COMMUNITIES[0][:9] != COMMUNITIES[-1][:9]
    assert not before.covers(COMMUNITIES[1])
    assert after.divisions == (STREETS[1],)


async def test_an_unknown_park_opens_nothing(database_url: str, tmp_path: Path) -> None:
    """A park nobody brought in gives an empty region, also to an account that is limited to a company."""
    async with make_hub(database_url, tmp_path) as hub:
        await _account(hub, parks=["YQ-9"], platforms=["jia"])
        scope = (await operator(hub, "suo")).scope
    assert not scope.covers("110101001001", "jia")
    assert scope != Scope(platforms=("jia",))


async def test_a_park_is_made_of_ones_own_divisions_only(database_url: str, tmp_path: Path) -> None:
    """A park can't reach out of the scope of whoever brings it in, nor can another's park be taken over."""
    async with make_hub(database_url, tmp_path) as hub:
        staff = county_staff(COUNTY)
        await import_county(hub, staff)
        street = county_staff(STREETS[0])
        elsewhere = await import_parks(hub, street, _rows(STREETS[1]))
        assert (await import_parks(hub, staff, _rows(STREETS[1]))).ok
        taken = await import_parks(hub, street, _rows(STREETS[0]))
        twice = await import_parks(hub, staff, _rows(STREETS[0], STREETS[0], code="YQ-2"))
    assert [each.code for each in elsewhere.failures] == ["outside_scope"]
    assert [each.code for each in taken.failures] == ["outside_scope"]
    assert [each.code for each in twice.failures] == ["duplicate"]
