"""Organizations announce activities; nobody announces for another's."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rider_hub.access import Actor, Hub, Role
from rider_hub.clock import FixedClock
from rider_hub.errors import Absent, Invalid, Refused
from rider_hub.outreach.activities import create_activity, list_activities, own_organizations
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.membership.factories import BRANCH, INDUSTRY, settle
from tests.rider_hub.outreach.factories import OFF_PEAK, secretary


async def _create(hub: Hub, actor: Actor, **changed: Any) -> str:
    start = hub.clock.now() + timedelta(days=1)
    given: dict[str, Any] = {
        "organization": BRANCH,
        "title": " 急救  培训\n",
        "kind": "training",
        "open_to_all": True,
        "place": None,
        "starts_at": start,
        "ends_at": start + timedelta(hours=1),
    }
    return await create_activity(hub, actor, **(given | changed))


async def _titles(hub: Hub, actor: Actor, *, coming: bool = True) -> list[tuple[str, str]]:
    async with hub.look(actor, "activities.change") as look:
        rows, total = await list_activities(look, coming=coming, limit=50, offset=0)
    assert total == len(rows)
    return [(row["title"], row["organizer"]) for row in rows]


async def test_an_organization_announces_for_itself(database_url: str, tmp_path: Path) -> None:
    """A secretary announces for the own organization, county staff for one in scope; both see it."""
    clock = FixedClock(OFF_PEAK)
    async with make_hub(database_url, tmp_path, clock) as hub:
        await settle(hub)
        await _create(hub, secretary())
        await _create(hub, county_staff(), organization=INDUSTRY, title="安全培训")
        assert await _titles(hub, secretary()) == [("急救 培训", "东四第一社区党支部(示例)")]
        assert len(await _titles(hub, county_staff())) == 2
        assert await _titles(hub, county_staff("110105")) == []
        clock.advance(days=3)
        assert await _titles(hub, secretary()) == []
        assert len(await _titles(hub, secretary(), coming=False)) == 1


async def test_nobody_announces_for_others(database_url: str, tmp_path: Path) -> None:
    """Another's organization and an unknown one are absent; a platform account may not announce at all."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        for actor, organization in ((secretary(), INDUSTRY), (county_staff("110105"), BRANCH)):
            with pytest.raises(Absent):
                await _create(hub, actor, organization=organization)
        with pytest.raises(Absent):
            await _create(hub, county_staff(), organization="NOWHERE")
        with pytest.raises(Refused):
            await _create(hub, staff(Role.PLATFORM_ACCOUNT))


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"title": " \u200b "}, "title"),
        ({"title": "长" * 61}, "title"),
        ({"kind": "party"}, "kind"),
        ({"place": "长" * 61}, "place"),
        ({"starts_at": OFF_PEAK}, "starts_at"),
        ({"ends_at": OFF_PEAK}, "ends_at"),
    ],
)
async def test_each_bad_field_is_named(
    database_url: str, tmp_path: Path, changed: dict[str, Any], path: str
) -> None:
    """What can't be used is told by field."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        with pytest.raises(Invalid) as refusal:
            await _create(hub, secretary(), **changed)
        assert [fault.path for fault in refusal.value.errors] == [path]


async def test_one_is_offered_the_own_organizations(database_url: str, tmp_path: Path) -> None:
    """A secretary is offered the own ones, county staff those of the county."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        for actor, codes in ((secretary(), [BRANCH]), (county_staff(), [INDUSTRY, BRANCH])):
            async with hub.look(actor, "activities.change") as look:
                assert [code for code, _ in await own_organizations(look)] == codes
