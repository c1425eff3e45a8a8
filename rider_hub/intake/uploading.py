"""Use cases: a file that a person hands in; taken once, whatever brought it, and kept nowhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.records import FeedType
from connectors.sources.file_form import FileForm
from connectors.transport.files import FileRow
from rider_hub.access import Actor, Hub
from rider_hub.errors import Absent
from rider_hub.intake.batches import Source, bound, finished, keyed_digest, take_batch
from rider_hub.intake.checking import check_batch
from rider_hub.intake.faults import whole
from rider_hub.intake.file_modes import declared_in
from rider_hub.intake.files import file_source
from rider_hub.intake.model import Receipt, Sender, Transport
from rider_hub.intake.station_form import standard_rows
from rider_hub.intake.within import is_bound, sending_for, within_of

__all__ = [
    "HandedIn",
    "earlier_receipt",
    "file_form_of",
    "in_standard_names",
    "refused_of_upload",
    "take_upload",
]


@dataclass(frozen=True)
class HandedIn:
    """What a person hands in: whose feed it is, the file, and what they say of it in a push's headers."""

    platform: str
    feed_type: FeedType
    name: str
    data: bytes
    rows: Sequence[FileRow]
    words: Mapping[str, str]


async def file_form_of(hub: Hub, actor: Actor, platform: str, feed_type: FeedType) -> FileForm:
    """Return how a sender writes its files; raises Absent for one out of scope."""
    return (await _sender(hub, actor, platform)).file_form(feed_type)


async def take_upload(hub: Hub, actor: Actor, given: HandedIn) -> Receipt:
    """Take a file and return its receipt; the same content again, by page, folder or command, counts once.

    A partner, or who holds a station's link, hands in for own stations alone (`intake.within`). Raises Absent
    for a sender out of scope, Invalid for a declaration that makes no sense.
    """
    sender = await _sender(hub, actor, given.platform)
    rows = await in_standard_names(hub, actor, given)
    return await take_batch(
        hub, actor, sender, feed_type=given.feed_type, rows=rows, source=_source(hub, actor, given, sender)
    )


async def earlier_receipt(hub: Hub, actor: Actor, given: HandedIn) -> Receipt | None:
    """Return the receipt the same file got before from the same hands, None where it is new."""
    sender = await _sender(hub, actor, given.platform)
    sender, source = await bound(hub, actor, sender, given.feed_type, _source(hub, actor, given, sender))
    return await finished(hub, sender, given.feed_type, source)


async def refused_of_upload(hub: Hub, actor: Actor, given: HandedIn) -> list[dict[str, Any]]:
    """Return every fault of a file that was taken: it is brought again, since the hub keeps none.

    It is checked anew as of its receipt, whose own list ends at a limit. Raises Absent for a sender out of
    scope, Conflict where no such file was taken.
    """
    sender = await _sender(hub, actor, given.platform)
    sender, source = await bound(hub, actor, sender, given.feed_type, _source(hub, actor, given, sender))
    taken = await finished(hub, sender, given.feed_type, source)
    if taken is None:
        raise whole("file_not_taken")
    rows = await in_standard_names(hub, actor, given)
    async with hub.look(actor, _operation(actor), target=f"receipt:{taken.id}") as look:
        batch = await check_batch(
            look.connection,
            sender,
            given.feed_type,
            rows,
            taken.created_at,
            keys=hub.keys,
            within=source.within,
        )
        look.count(rows=batch.rejected)
    return [msgspec.to_builtins(one) for one in batch.failures]


async def in_standard_names(hub: Hub, actor: Actor, given: HandedIn) -> Sequence[FileRow]:
    """Return the rows of a file as they are to be read: a bound actor's in the standard's names."""
    if not is_bound(actor):
        return given.rows
    async with hub.database.read() as connection:
        within = await within_of(connection, actor, given.platform)
    mark = keyed_digest(hub, given.data).hex()[:12]
    return standard_rows(
        given.rows, station_ref=within.only if within else None, now=hub.clock.now(), mark=mark
    )


def _source(hub: Hub, actor: Actor, given: HandedIn, sender: Sender) -> Source:
    declared = declared_in(given.words, given.feed_type, len(given.rows), hub.clock.now())
    transport: Transport = "link" if actor.station else "upload"
    return file_source(hub, transport, given.data, given.name, declared=declared, mapping=sender.mapping_text)


def _operation(actor: Actor) -> str:
    return "links.use" if actor.station else "feeds.upload"


async def _sender(hub: Hub, actor: Actor, platform: str) -> Sender:
    async with hub.look(actor, _operation(actor), target=f"sender:{platform}") as look:
        sender = await sending_for(look.connection, look.actor, platform)
    if sender is None:
        raise Absent
    return sender
