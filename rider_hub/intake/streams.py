"""Which topics are whose: said in the senders' agreements, so that no message says who sent it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.records import FeedType
from rider_hub.access import Actor, Hub
from rider_hub.errors import Absent, Failure, Invalid
from rider_hub.intake import store
from rider_hub.intake.faults import whole
from rider_hub.intake.model import FEED_TITLES, as_feed_type
from rider_hub.intake.tables import sender
from rider_hub.storage import one_at_a_time

__all__ = ["SETTING", "Stream", "change_streams", "check_free", "streams", "topics_of"]

#: Where a sender's settings name its topics: feed → topic.
SETTING: Final = "kafka"
#: Longer names leave no room for the end of a topic of dead letters.
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
_LOCK: Final = b"topics of senders"


class Stream(NamedTuple):
    """Whose a topic is, and what is in it."""

    platform: str
    feed_type: FeedType


async def streams(connection: AsyncConnection) -> dict[str, Stream]:
    """Return whose each topic is; all senders' topics, whoever asks."""
    found = {}
    query = select(sender.c.platform, sender.c.settings).order_by(sender.c.platform)
    for row in await connection.execute(query):
        for kind, topic in (row.settings.get(SETTING) or {}).items():
            if (feed_type := as_feed_type(kind)) is not None:
                found[str(topic)] = Stream(row.platform, feed_type)
    return found


def topics_of(said: Sequence[str], suffix: str) -> dict[str, str]:
    """Read `registration=TOPIC` and the like into feed → topic; raises Invalid for anything else.

    `suffix` ends the names of topics of dead letters: one of those can't be a stream.
    """
    found: dict[str, str] = {}
    for text in said:
        kind, _, topic = text.partition("=")
        right = kind in FEED_TITLES and _TOPIC.fullmatch(topic) and topic.strip(".")
        if not right or topic.endswith(suffix) or kind in found or topic in found.values():
            zh = f"应写成 类别=主题，例如 registration=ding.riders；主题不能以 {suffix} 结尾，也不能重复"
            en = f"write TYPE=TOPIC, such as registration=ding.riders; no end in {suffix}, no topic twice"
            fault = Failure(row=0, path="topics", code="topic_invalid", zh=zh, en=en)
            raise Invalid("数据流主题有误。", "A topic is wrong.", code="topic_invalid", errors=[fault])
        found[kind] = topic
    return found


async def check_free(connection: AsyncConnection, platform: str, topics: Mapping[str, str]) -> None:
    """Raise Conflict where a topic is another sender's; two changes at once are made one after the other."""
    await one_at_a_time(connection, _LOCK)
    known = await streams(connection)
    if any(one in known and known[one].platform != platform for one in topics.values()):
        raise whole("topic_taken")


async def change_streams(hub: Hub, actor: Actor, platform: str, topics: Mapping[str, str]) -> None:
    """Set the topics a platform streams to, feed → topic; none ends its streams.

    Processes that read follow within half a minute. Raises Absent out of scope, Conflict for a topic of
    another sender, Invalid for a feed that the sender's manifest does not offer.
    """
    async with hub.change(actor, "senders.change", target=f"sender:{platform}") as work:
        found = await store.find_sender(work.connection, platform, work.scope)
        if found is None:
            raise Absent
        read_as = ((kind, found.for_feed(kind).mapping) for kind in map(as_feed_type, topics) if kind)
        if any(mapping is not None and kind not in mapping.feeds for kind, mapping in read_as):
            raise whole("feed_not_offered")
        await check_free(work.connection, platform, topics)
        settings: dict[str, Any] = {**found.settings, SETTING: dict(topics)}
        if not topics:
            settings.pop(SETTING)
        mine = update(sender).where(sender.c.platform == platform)
        await work.connection.execute(mine.values(settings=settings))
        work.count(topics=len(topics))


def feed_of(topic: str, settings: Mapping[str, Any]) -> FeedType | None:
    """Return what a sender says is in a topic, None where it is not the sender's (any more)."""
    own = settings.get(SETTING) or {}
    return next((cast("FeedType", kind) for kind, name in own.items() if name == topic), None)
