"""A small county with riders, brought in by the use cases that serve a real one."""

from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.records import FeedType
from rider_hub.access import Actor, Hub
from rider_hub.clock import FixedClock, local_date
from rider_hub.demo.ground import bring_in_ground, console
from rider_hub.demo.world import build_world
from rider_hub.demo.world_model import Record, World
from rider_hub.intake.batches import Source, take_batch
from rider_hub.intake.model import Sender
from rider_hub.intake.senders import register_sender

COUNTY = "110101"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@dataclass(frozen=True)
class County:
    """The world that was brought in, and who works there."""

    world: World
    staff: Actor
    street_staff: Actor
    clock: FixedClock


async def take(hub: Hub, platform: str, feed_type: FeedType, records: list[Record], key: str) -> None:
    """Take standard records of a platform in, as a batch of its own."""
    sender = Sender(platform=platform, county=COUNTY, tier="B")
    source = Source(transport="file", idempotency_key=key, body_digest=key.encode())
    rows = [
        (number, {**record, "platform": platform} if feed_type == "station" else record)
        for number, record in enumerate(records, 1)
    ]
    await take_batch(hub, console(), sender, feed_type=feed_type, rows=rows, source=source)


async def bring_in_county(hub: Hub, *, scale: float = 0.05) -> County:
    """Bring in streets, communities, organizations, stations and riders."""
    assert isinstance(hub.clock, FixedClock)
    hub.clock.at = NOW
    world = build_world(scale=scale, today=local_date(NOW))
    accounts = {account.username: account.actor for account in await bring_in_ground(hub, world)}
    for feed in world.feeds:
        await register_sender(
            hub, console(), platform=feed.platform, county=COUNTY, tier="B", basis="separate_consent"
        )
        await take(hub, feed.platform, "station", list(feed.stations), f"{feed.platform}-s")
        await take(hub, feed.platform, "registration", list(feed.registrations), f"{feed.platform}-r")
    return County(world, accounts["qu"], accounts["jiedao"], hub.clock)
