"""A stream is taken once and whole, whatever comes in between."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from sqlalchemy import func, select

from connectors.transport.kafka.places import Message, MovedError, Place, StreamBatch
from connectors.transport.kafka.reader import StreamReader
from rider_hub.errors import Conflict, Unavailable
from rider_hub.intake.model import ReceiptState
from rider_hub.intake.stream_positions import HubPositions
from rider_hub.intake.stream_tables import stream_gap, stream_position
from rider_hub.intake.stream_taking import StreamTaker
from rider_hub.intake.streams import change_streams
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.riders.tables import registration
from rider_hub.storage import Database
from tests.factories import county_staff
from tests.kafka_server import make_topic
from tests.rider_hub.intake.build import STREETS, WEST, WIDTH, count, rider, sender_of
from tests.rider_hub.riders.build import state_of
from tests.rider_hub.streams.site import PLATFORM, opened, positions, produce, taken, until


async def test_readers_come_and_go_and_each_message_counts_once(
    postgres_url: str, tmp_path: Path, kafka: str
) -> None:
    """Three partitions, readers that join and leave while messages come: one receipt holds each of them."""
    async with opened(postgres_url, tmp_path, kafka, partitions=3) as site:
        async with site.reading():
            for step in range(4):
                rows = [rider(100 * step + n) for n in range(100)]
                await produce(kafka, site.topic, [(n % 3, None, one) for n, one in enumerate(rows)])
                async with site.reading():
                    await until(lambda least=100 * step + 30: _stored(site.hub, least))
            await until(site.is_at_end)
        assert sum((await taken(site.hub, site.topic)).values()) == 400
        assert await count(site.hub, registration) == 400


async def _stored(hub: Any, least: int) -> bool:
    return await count(hub, registration) >= least


async def test_who_has_what_was_read_elsewhere_takes_nothing(
    postgres_url: str, tmp_path: Path, kafka: str
) -> None:
    """A reader that lost its partition takes its batch whole, in part or not at all: only the last is so."""
    async with opened(postgres_url, tmp_path, kafka) as site:
        place = Place("cluster", "0" * 32, 0, site.topic)
        held = HubPositions(site.hub)
        await held.topics()
        assert await held.begin({place: 5}) == {place: 5}
        assert await held.begin({place: 9}) == {place: 5}
        messages = tuple(
            Message(5 + n, None, b'{"record_id":"%d","platform_rider_ref":"%d"}' % (n, n)) for n in range(4)
        )
        batch = StreamBatch(place, 5, 9, messages, 9)
        takes = StreamTaker(site.hub)
        both = await asyncio.gather(takes(batch), StreamTaker(site.hub)(batch), return_exceptions=True)
        assert {type(one) for one in both} == {MovedError, type(None)}
        for late in (batch, *batch.halves(), StreamBatch(place, 8, 10, messages[3:], 10)):
            with pytest.raises(MovedError):
                await takes(late)
        assert await positions(site.hub, site.topic) == {("0" * 32, 0): 9}
        assert await count(site.hub, receipt) == 1
        assert await count(site.hub, quarantine) == 4


async def test_a_topic_made_anew_is_read_from_its_beginning(
    postgres_url: str, tmp_path: Path, kafka: str
) -> None:
    """Under the same name, with more messages than were read of the old one, none of them is passed over."""
    async with opened(postgres_url, tmp_path, kafka) as site, site.reading():
        await produce(kafka, site.topic, [(0, None, rider(n)) for n in range(5)])
        await until(lambda: _stored(site.hub, 5))
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.delete_topics([site.topic])
        await admin.close()
        await _made_again(kafka, site.topic)
        await produce(kafka, site.topic, [(0, None, rider(n)) for n in range(10, 30)])
        await until(lambda: _stored(site.hub, 25))
        await until(lambda: _stands(site.hub, site.topic, [5, 20]))


async def _made_again(kafka: str, topic: str) -> None:
    for _ in range(100):
        try:
            await make_topic(kafka, name=topic)
        except Exception:  # noqa: BLE001 - until the broker has taken the old one away
            await asyncio.sleep(0.1)
        else:
            return


async def _stands(hub: Any, topic: str, wanted: list[int]) -> bool:
    return sorted((await positions(hub, topic)).values()) == wanted


async def test_what_retention_took_is_told_as_a_gap(postgres_url: str, tmp_path: Path, kafka: str) -> None:
    """Messages deleted before they were read stand as a gap; reading goes on at what is there."""
    async with opened(postgres_url, tmp_path, kafka) as site:
        await produce(kafka, site.topic, [(0, None, rider(n)) for n in range(4)])
        await site.read_to_the_end()
        await produce(kafka, site.topic, [(0, None, rider(n)) for n in range(4, 12)])
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.delete_records({TopicPartition(site.topic, 0): RecordsToDelete(before_offset=9)})
        await admin.close()
        await site.read_to_the_end()
        async with site.hub.database.read() as connection:
            [gap] = (await connection.execute(select(stream_gap))).mappings()
        assert (gap["from_offset"], gap["to_offset"], gap["platform"]) == (4, 9, PLATFORM)
        assert await count(site.hub, registration) == 4 + 3


async def test_a_database_that_is_away_moves_no_position_and_makes_no_rebalance(
    postgres_url: str, tmp_path: Path, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For longer than the session's time nothing is taken; then all of it, by the reader that has waited."""
    begun: list[Any] = []
    assigned = StreamReader.assigned
    monkeypatch.setattr(
        StreamReader, "assigned", lambda self, given: (begun.append(given), assigned(self, given))
    )
    async with opened(postgres_url, tmp_path, kafka) as site, site.reading():
        await until(lambda: _stands(site.hub, site.topic, [0]))
        with monkeypatch.context() as away:

            def gone(_: Database) -> Any:
                raise Unavailable("不在", "away")

            away.setattr(Database, "write", gone)
            await produce(kafka, site.topic, [(0, None, rider(n)) for n in range(50)])
            await asyncio.sleep(site.settings.group.session_s + 1)
            assert await _stands(site.hub, site.topic, [0])
        await until(lambda: _stored(site.hub, 50))
        assert len(begun) == 1


async def test_a_named_reader_comes_back_without_a_rebalance(
    postgres_url: str, tmp_path: Path, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started again within the session's time, a reader with a name has what it had; nobody else stops."""
    begun: list[str | None] = []
    assigned = StreamReader.assigned

    def noting(self: StreamReader, given: Any) -> None:
        begun.append(self._group.instance)
        assigned(self, given)

    monkeypatch.setattr(StreamReader, "assigned", noting)
    async with (
        opened(postgres_url, tmp_path, kafka, partitions=2) as site,
        site.reading(instance="one", session_s=30),
    ):
        async with site.reading(instance="two", session_s=30):
            await until(lambda: _begun_by(begun, "two"))
            await produce(kafka, site.topic, [(n % 2, None, rider(n)) for n in range(20)])
            await until(lambda: _stored(site.hub, 20))
        before = begun.count("one")
        await produce(kafka, site.topic, [(n % 2, None, rider(n)) for n in range(20, 40)])
        async with site.reading(instance="two", session_s=30):
            await until(lambda: _stored(site.hub, 40))
        assert (begun.count("one"), begun.count("two")) == (before, 2)
        assert await taken(site.hub, site.topic) == {0: 20, 1: 20}


async def _begun_by(begun: list[str | None], name: str) -> bool:
    return name in begun


async def test_a_suspect_batch_is_held_and_the_stream_goes_on(
    postgres_url: str, tmp_path: Path, kafka: str
) -> None:
    """Points that fit another frame are held as in a push; what follows is taken."""
    wrong = [
        rider(
            n,
            work_area={
                "community_code": None,
                "street": "第1街道",
                "lng": round(WEST + WIDTH * 1.5, 3),
                "lat": 39.915,
                "frame": "wgs84",
            },
        )
        for n in range(40)
    ]
    async with opened(postgres_url, tmp_path, kafka) as site:
        await produce(kafka, site.topic, [(0, None, one) for one in wrong])
        await site.read_to_the_end()
        await produce(kafka, site.topic, [(0, None, rider(50))])
        await site.read_to_the_end()
        async with site.hub.database.read() as connection:
            states = list((await connection.execute(select(receipt.c.state))).scalars())
            query = select(func.count()).where(quarantine.c.state == "held")
            assert (await connection.execute(query)).scalar_one() == 40
        assert sorted(states) == [ReceiptState.DONE, ReceiptState.HELD]
        assert await count(site.hub, registration) == 1


async def test_a_topic_is_one_senders(database_url: str, tmp_path: Path, kafka: str) -> None:
    """No platform can be given another's topic, and what a message says of itself counts for nothing."""
    async with opened(database_url, tmp_path, kafka) as site:
        await sender_of(site.hub, "wu")
        with pytest.raises(Conflict):
            await change_streams(site.hub, county_staff(), "wu", {"station": site.topic})
        await produce(
            kafka, site.topic, [(0, b"wu", rider(1) | {"work_area": {"community_code": f"{STREETS[1]}001"}})]
        )
        await site.read_to_the_end()
        async with site.hub.database.read() as connection:
            assert (await connection.execute(select(registration.c.platform))).scalars().all() == [PLATFORM]
            assert (await connection.execute(select(stream_position.c.platform))).scalars().all() == [
                PLATFORM
            ]
        assert await state_of(site.hub)
