"""What a rider had erased is not fetched from the topic again."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete, select

from connectors.transport.kafka.cluster import Cluster
from connectors.transport.kafka.places import ClusterError, Message, Place, StreamBatch
from rider_hub.intake.keeping import close_rows
from rider_hub.intake.model import QuarantineState
from rider_hub.intake.ports import erase
from rider_hub.intake.stream_positions import HubPositions
from rider_hub.intake.stream_replay import replay_stream
from rider_hub.intake.stream_taking import STREAM, StreamTaker
from rider_hub.intake.streams import change_streams
from rider_hub.intake.tables import quarantine
from rider_hub.riders.tables import registration
from tests.factories import county_staff, make_hub
from tests.rider_hub.intake.build import bring_in_county, push, quarantine_rows, rider, sender_of

NOBODY = Cluster(("127.0.0.1:1",))
PLACE = Place("c", "t", 0, "ding.riders")


async def test_a_replay_fetches_what_expired_and_nothing_that_was_erased(
    database_url: str, tmp_path: Path
) -> None:
    """Both are wiped here and lie in the topic still; nobody asks the broker for the rider's."""
    async with make_hub(database_url, tmp_path) as hub:
        await bring_in_county(hub)
        sender, _ = await sender_of(hub)
        await push(hub, sender, [rider(1)])
        await change_streams(hub, county_staff(), "ding", {"registration": PLACE.topic})
        positions = HubPositions(hub)
        await positions.topics()
        await positions.begin({PLACE: 0})
        refused = msgspec.json.encode(rider(1, employment="neither"))
        await StreamTaker(hub)(StreamBatch(PLACE, 0, 1, (Message(0, None, refused),), 1))
        [row] = await quarantine_rows(hub)
        async with hub.change(STREAM, "feeds.take") as work:
            await close_rows(work, [row["id"]], QuarantineState.EXPIRED)
        with pytest.raises(ClusterError):
            await replay_stream(hub, county_staff(), NOBODY, "ding")
        await StreamTaker(hub)(StreamBatch(PLACE, 1, 2, (Message(1, None, refused),), 2))
        async with hub.change(STREAM, "feeds.take") as work:
            rider_id = (await work.connection.execute(select(registration.c.rider_id))).scalar_one()
            assert await erase(work, hub.keys, rider_id) == 1
            await work.connection.execute(delete(quarantine).where(quarantine.c.id == row["id"]))
        assert (await replay_stream(hub, county_staff(), NOBODY, "ding")).to_json()["tried"] == 0
