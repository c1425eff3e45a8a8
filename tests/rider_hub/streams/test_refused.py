"""What is refused of a stream: kept as of a push, told in a topic of its own, and tried again."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from rider_hub.intake import batches
from rider_hub.intake.quarantine import replay
from rider_hub.intake.stream_replay import replay_stream
from rider_hub.intake.stream_tables import dead_letter
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.riders.tables import registration
from tests.factories import county_staff
from tests.kafka_server import make_topic
from tests.rider_hub.intake.build import count, quarantine_rows, rider
from tests.rider_hub.riders.build import state_of
from tests.rider_hub.streams.site import PLATFORM, Site, everything_in, opened, produce, taken

CANARY = "金丝雀党员canary"
MIB = 1024 * 1024


def messages() -> list[tuple[int, bytes | None, Any]]:
    """Return good messages with every kind of bad one between them."""
    return [
        (0, b"R-1", rider(1)),
        (0, b"R-2", None),
        (0, b"R-3", b"{"),
        (0, b"R-4", rider(4) | {"政治面貌": CANARY}),
        (0, b"R-5", rider(5, phone=CANARY)),
        (0, b"R-6", b"1" * (2 * MIB)),
        (0, None, b"[1]"),
        (0, b"R-8", rider(8)),
    ]


async def bad_rows(site: Site) -> list[Any]:
    """Stream the messages, read them all and return the dead letters."""
    letters = await make_topic(site.kafka, name=f"{site.topic}.dlq")
    await produce(site.kafka, site.topic, messages(), max_request_size=3 * MIB, compression_type="gzip")
    await site.read_to_the_end()
    return await everything_in(site.kafka, letters)


async def test_bad_messages_are_kept_and_told_and_the_stream_goes_on(
    database_url: str, tmp_path: Path, kafka: str
) -> None:
    """Null, no JSON, forbidden, wrong, too long: each has its dead letter, and none of its values."""
    async with opened(database_url, tmp_path, kafka) as site:
        letters = await bad_rows(site)
        assert await taken(site.hub, site.topic) == {0: 8}
        assert await count(site.hub, registration) == 2
        told = [(one.key, dict(one.headers)) for one in letters]
        assert [(key, head["rfs-offset"], head["rfs-code"], head["rfs-path"]) for key, head in told] == [
            (b"R-2", b"1", b"row_empty", b""),
            (b"R-3", b"2", b"row_not_json", b""),
            (b"R-4", b"3", b"field_forbidden", "政治面貌".encode()),
            (b"R-5", b"4", b"phone_invalid", b"phone"),
            (b"R-6", b"5", b"row_too_large", b""),
            (b"", b"6", b"row_not_object", b""),
        ]
        assert {one.value for one in letters} == {None}
        async with site.hub.database.read() as connection:
            [receipt_id] = (await connection.execute(select(receipt.c.id))).scalars()
            assert set((await connection.execute(select(dead_letter.c.sealed))).scalars()) == {None}
        for _, head in told:
            assert head["rfs-receipt"].decode() == receipt_id
            assert (head["rfs-topic"].decode(), head["rfs-partition"]) == (site.topic, b"0")
            assert msgspec.json.decode(head["rfs-failures"])[0]["zh"] == head["rfs-zh"].decode()
            assert head["rfs-en"]
            assert CANARY.encode() not in b"".join(head.values())
        kept = {row["row"]: row["sealed"] is not None for row in await quarantine_rows(site.hub)}
        assert kept == {2: False, 3: False, 4: False, 5: True, 6: False, 7: False}


async def test_three_replays_change_nothing_after_the_first(
    postgres_url: str, tmp_path: Path, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mended rows go from quarantine, what was not kept from the topic; no dead letter is written again."""
    store = batches.store_records

    async def failing(work: Any, keys: Any, sender: Any, taken: Any, **given: Any) -> None:
        if any(one.record.platform_rider_ref == "D00008" for one in given["records"]):
            raise RuntimeError(CANARY)
        await store(work, keys, sender, taken, **given)

    async with opened(postgres_url, tmp_path, kafka) as site:
        with monkeypatch.context() as broken:
            # One row over which the hub fails is found, put aside, and does not stop the others.
            broken.setattr(batches, "store_records", failing)
            letters = await bad_rows(site)
        assert [dict(one.headers)["rfs-code"] for one in letters][-1] == b"row_failed"
        assert (await taken(site.hub, site.topic), await count(site.hub, registration)) == ({0: 8}, 1)
        [wrong] = [row for row in await quarantine_rows(site.hub) if row["sealed"] is not None]
        mended = {wrong["id"]: msgspec.json.encode(rider(5))}
        await replay(site.hub, county_staff(), ids=[wrong["id"]], mended=mended)
        states = []
        for _ in range(3):
            done = await replay_stream(site.hub, county_staff(), site.settings.cluster, PLATFORM)
            assert done.gone == 0
            states.append((await state_of(site.hub), await _open_rows(site.hub), done.to_json()["rejected"]))
        assert await count(site.hub, registration) == 3
        assert states[0] == states[1] == states[2]
        assert len(await everything_in(kafka, f"{site.topic}.dlq")) == len(letters)
        assert await count(site.hub, dead_letter) == len(letters)
        assert (await taken(site.hub, site.topic)) == {0: 8}


async def _open_rows(hub: Any) -> set[Any]:
    async with hub.database.read() as connection:
        query = select(quarantine.c.id, quarantine.c.state, quarantine.c.receipt_id)
        return set((await connection.execute(query)).all())


async def test_what_the_topic_no_longer_has_is_said(postgres_url: str, tmp_path: Path, kafka: str) -> None:
    """A replay counts messages of a topic that is gone instead of passing over them."""
    async with opened(postgres_url, tmp_path, kafka) as site:
        await bad_rows(site)
        async with site.hub.database.write() as connection:
            await connection.execute(dead_letter.update().values(topic_id="0" * 32))
        done = await replay_stream(site.hub, county_staff(), site.settings.cluster, PLATFORM)
        assert (done.gone, done.to_json()["tried"], done.to_json()["rejected"]) == (5, 1, 1)
