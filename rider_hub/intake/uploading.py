"""Use cases: a file that a person hands in; taken once, whatever brought it, and kept nowhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.records import FeedType
from connectors.transport.files import FileRow
from rider_hub.access import Actor, Hub
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.batches import finished, take_batch
from rider_hub.intake.checking import check_batch
from rider_hub.intake.faults import whole
from rider_hub.intake.file_modes import declared_in
from rider_hub.intake.files import file_source
from rider_hub.intake.model import Receipt, Sender

__all__ = ["HandedIn", "refused_of_upload", "take_upload"]

OPERATION = "feeds.upload"


@dataclass(frozen=True)
class HandedIn:
    """What a person hands in: whose feed it is, the file, and what they say of it in a push's headers."""

    platform: str
    feed_type: FeedType
    name: str
    data: bytes
    rows: Sequence[FileRow]
    words: Mapping[str, str]


async def take_upload(hub: Hub, actor: Actor, given: HandedIn) -> Receipt:
    """Take a file and return its receipt; the same content again, by page, folder or command, counts once.

    Raises Absent for a sender out of scope, Invalid for a declaration that makes no sense.
    """
    sender = await _sender(hub, actor, given.platform)
    declared = declared_in(given.words, given.feed_type, len(given.rows), hub.clock.now())
    source = file_source(hub, "upload", given.data, given.name, declared)
    return await take_batch(hub, actor, sender, feed_type=given.feed_type, rows=given.rows, source=source)


async def refused_of_upload(hub: Hub, actor: Actor, given: HandedIn) -> list[dict[str, Any]]:
    """Return every fault of a file that was taken: it is brought again, since the hub keeps none.

    It is checked anew as of its receipt, whose own list ends at a limit. Raises Absent for a sender out of
    scope, Conflict where no such file was taken.
    """
    sender = await _sender(hub, actor, given.platform)
    declared = declared_in(given.words, given.feed_type, len(given.rows), hub.clock.now())
    source = file_source(hub, "upload", given.data, given.name, declared)
    taken = await finished(hub, sender, given.feed_type, source)
    if taken is None:
        raise whole("file_not_taken")
    async with hub.look(actor, OPERATION, target=f"receipt:{taken.id}") as look:
        batch = await check_batch(
            look.connection, sender, given.feed_type, given.rows, taken.created_at, keys=hub.keys
        )
        look.count(rows=batch.rejected)
    return [msgspec.to_builtins(one) for one in batch.failures]


async def _sender(hub: Hub, actor: Actor, platform: str) -> Sender:
    async with hub.look(actor, OPERATION, target=f"sender:{platform}") as look:
        sender = await store.find_sender(look.connection, platform, look.scope)
    if sender is None:
        raise Absent
    return sender
