"""Each sender's feeds: last seen by type, late against what was agreed, gaps, declared against received."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from jobs.watch_feeds import JOB
from rider_hub.access import Hub, Role, Scope
from rider_hub.errors import Invalid
from rider_hub.intake.freshness import FeedState, feed_states, gaps_of, rhythm_of
from rider_hub.runs.model import Run
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.intake.build import bring_in_county, push, rider, sender_of, station
from tests.rider_hub.intake.test_snapshots import whole
from tests.rider_hub.riders.staff_site import staff_site

PAGES = ["rider_hub.intake.pages", "rider_hub.intake.snapshot_pages"]


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        yield opened


async def states(hub: Hub) -> dict[str, FeedState]:
    """Return the feeds of all senders by type."""
    async with hub.database.read() as connection:
        found = await feed_states(connection, Scope.all(), hub.clock.now())
    return {one.feed_type: one for one in found}


async def test_each_feed_is_late_by_its_own_rhythm(hub: Any) -> None:
    """Riders daily, stations weekly as agreed: each is late two hours after its own time."""
    sender, _ = await sender_of(hub, settings={"every_hours": {"registration": 24, "station": 168}})
    assert all(one.late for one in (await states(hub)).values())
    await push(hub, sender, [station(1)], "station")
    await push(hub, sender, [rider(1), rider(2, phone="bad")])
    assert not any(one.late for one in (await states(hub)).values())
    assert (await states(hub))["registration"].totals["rejected"] == 1
    hub.clock.advance(hours=26, seconds=1)
    assert {kind for kind, one in (await states(hub)).items() if one.late} == {"registration"}
    hub.clock.advance(days=6)
    assert {kind for kind, one in (await states(hub)).items() if one.late} == {"registration", "station"}


async def test_gaps_are_told_with_their_ends(hub: Any) -> None:
    """Two silent days between two pushes are one gap; a day with a push is none."""
    sender, _ = await sender_of(hub)
    start = hub.clock.now()
    for number, hours in enumerate((0, 24, 72)):
        hub.clock.at = start + timedelta(hours=hours)
        await push(hub, sender, [rider(number)])
    async with hub.database.read() as connection:
        gaps = await gaps_of(connection, (await states(hub))["registration"], hub.clock.now())
    assert gaps == [(start + timedelta(hours=24), start + timedelta(hours=72))]


async def test_the_pages_tell_the_county_and_the_platform_itself(hub: Any) -> None:
    """A late feed, a gap and a snapshot that is not whole stand on the sender's page; another's is absent."""
    sender, _ = await sender_of(hub, settings={"every_hours": {"registration": 12}})
    await push(hub, sender, [rider(1)])
    got = await whole(hub, sender, [rider(1)], name="day", total=3)
    hub.clock.advance(hours=15)
    itself = staff(Role.PLATFORM_ACCOUNT, divisions=())
    for viewer in (county_staff(), _of_platform(itself, "ding")):
        async with staff_site(hub, viewer, PAGES) as site:
            listed = await (await site.get("/feeds")).text()
            shown = await (await site.get("/feeds/senders/ding")).text()
            snapshots = await (await site.get("/feeds/snapshots")).text()
            single = await site.get(f"/feeds/snapshots/{(got.snapshot or {})['id']}")
            assert "还没有收齐" in await single.text()
        assert "逾期未报" in listed
        assert "骑手登记" in listed
        assert "每 12 小时" in shown
        assert "接收中" in snapshots
    await sender_of(hub, "jia")
    async with staff_site(hub, _of_platform(itself, "jia"), PAGES) as site:
        assert (await site.get("/feeds/senders/ding")).status == 404
        assert "逾期未报" in await (await site.get("/feeds/senders/jia")).text()  # who never sent anything


def _of_platform(actor: Any, platform: str) -> Any:
    return replace(actor, scope=Scope(platforms=(platform,)))


async def test_a_held_snapshot_is_decided_on_its_page(hub: Any) -> None:
    """County staff see the figures and release it; a platform's account sees them and may not."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1), rider(2)])
    got = await whole(hub, sender, [rider(1)])
    assert got.snapshot is not None
    url = f"/feeds/snapshots/{got.snapshot['id']}"
    async with staff_site(hub, _of_platform(staff(Role.PLATFORM_ACCOUNT), "ding"), PAGES) as site:
        assert "待区县核对" in await (await site.get(url)).text()
        assert (await site.post(f"{url}/release")).status == 404
    async with staff_site(hub, county_staff(), PAGES) as site:
        assert "属实，放行" in await (await site.get(url)).text()
        assert "全量" in await (await site.get(f"/feeds/receipts/{got.id}")).text()
        done = await site.post(f"{url}/release")
        assert "已生效" in await done.text()


async def test_the_job_measures_feeds_without_a_word_of_a_person(hub: Any) -> None:
    """The gauges name platforms and feeds; a snapshot that is not whole shows the rows that are missing."""
    sender, _ = await sender_of(hub, settings={"every_hours": {"registration": 12}})
    await whole(hub, sender, [rider(1)], name="day", total=3)
    hub.clock.advance(hours=15)
    counts = await JOB.run(hub, Run("1", JOB.name, hub.clock.now(), 1))
    assert counts == {"carried_on": 0, "lapsed": 0, "late": 1}
    text = generate_latest().decode()
    assert 'rider_hub_feed_late{feed="registration",platform="ding"} 1.0' in text
    assert 'rider_hub_snapshot_missing_rows{platform="ding"} 2.0' in text
    assert "D00001" not in text


def test_a_rhythm_is_read_or_refused() -> None:
    """A feed and its hours; anything else is told."""
    assert rhythm_of(["registration=24", "station=168.5"]) == {"registration": 24, "station": 168.5}
    for text in ("registration", "rider=24", "station=0", "station=x"):
        with pytest.raises(Invalid):
            rhythm_of([text])
