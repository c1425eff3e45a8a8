"""How streams stand is told on pages from the database alone; no broker is needed here."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.transport.kafka.cluster import Cluster
from connectors.transport.kafka.places import Place, Seen
from rider_hub.access import Role, Scope
from rider_hub.errors import Absent, Invalid
from rider_hub.intake import store
from rider_hub.intake.freshness import measure
from rider_hub.intake.stream_listing import behind_of, stream_state
from rider_hub.intake.stream_positions import HubPositions
from rider_hub.intake.stream_replay import replay_stream
from rider_hub.intake.streams import change_streams, topics_of
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.intake.build import bring_in_county, sender_of
from tests.rider_hub.riders.staff_site import staff_site

PAGES = ["rider_hub.intake.pages", "rider_hub.intake.snapshot_pages"]
OLD, NEW = "0" * 32, "1" * 32


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a platform that streams: one partition is 7 messages behind, one has a gap."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        await sender_of(opened)
        await change_streams(opened, county_staff(), "ding", {"registration": "ding.riders"})
        positions = HubPositions(opened)
        await positions.topics()
        await positions.begin({Place("c", OLD, 0, "ding.riders"): 900})
        opened.clock.advance(minutes=5)
        first, second = (Place("c", NEW, number, "ding.riders") for number in (0, 1))
        await positions.begin({first: 1000, second: 40})
        await positions.lost(second, 40, 50)
        seen = [Seen(first, 1000, 1000, 1007), Seen(second, 40, 40, 50)]
        assert await positions.seen(seen) == [second]
        assert await positions.seen([Seen(second, 50, 50, 50)]) == []
        yield opened


async def test_pages_tell_how_far_behind_a_stream_is(hub: Any) -> None:
    """Partitions and gaps stand on the sender's page, for the county and the platform itself alone."""
    itself = replace(staff(Role.PLATFORM_ACCOUNT, divisions=()), scope=Scope(platforms=("ding",)))
    for viewer in (county_staff(), itself):
        async with staff_site(hub, viewer, PAGES) as site:
            listed = await (await site.get("/feeds")).text()
            shown = await (await site.get("/feeds/senders/ding")).text()
        assert "数据流未读" in listed
        for words in ("ding.riders", "在读", "1,000", "改从位置"):
            assert words in shown
        assert "没有进程在读" not in shown
    await sender_of(hub, "jia")
    other = replace(itself, scope=Scope(platforms=("jia",)))
    async with staff_site(hub, other, PAGES) as site:
        assert (await site.get("/feeds/senders/ding")).status == 404
        assert "ding.riders" not in await (await site.get("/feeds")).text()


async def test_a_stream_nobody_reads_is_told(hub: Any) -> None:
    """After minutes without a sign of a reader; a topic since made anew is left out, as is one taken away."""
    async with hub.database.read() as connection:
        assert await behind_of(connection) == {("ding", "registration"): 7}
        for later, reads in ((timedelta(0), True), (timedelta(minutes=4), False)):
            found = await stream_state(connection, "ding", hub.clock.now() + later)
            assert [(one.position, one.behind, one.is_read) for one in found.partitions] == [
                (1000, 7, reads),
                (50, 0, reads),
            ]
        await measure(connection, hub.clock.now())
    await change_streams(hub, county_staff(), "ding", {})
    async with hub.database.read() as connection:
        assert not (await stream_state(connection, "ding", hub.clock.now())).partitions


@pytest.mark.parametrize(
    "said", [["registration"], ["rider=x"], ["station=a b"], ["station=x.dlq"], ["station=x", "request=x"]]
)
def test_topics_are_read_or_refused(said: list[str]) -> None:
    """A feed, one topic of its own each, and none that ends as dead letters do."""
    assert topics_of(["station=x", "request=y"], ".dlq") == {"station": "x", "request": "y"}
    with pytest.raises(Invalid):
        topics_of(said, ".dlq")


async def test_streams_of_another_county_are_absent(hub: Any) -> None:
    """Neither topics nor replays of a sender out of scope: as of one that is not there."""
    elsewhere = county_staff("110105")
    for platform in ("ding", "nobody"):
        with pytest.raises(Absent):
            await change_streams(hub, elsewhere, platform, {"station": "x"})
        with pytest.raises(Absent):
            await replay_stream(hub, elsewhere, Cluster(()), platform)
    async with hub.database.read() as connection:
        found = await store.find_sender(connection, "ding", county_staff().scope)
    assert found is not None
    assert found.settings["kafka"] == {"registration": "ding.riders"}
