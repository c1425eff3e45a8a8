"""Use case: what was refused of a stream is tried again, from quarantine or from the topic itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from sqlalchemy import RowMapping, and_, or_, select

from connectors.contract import Row
from connectors.records import FeedType
from connectors.transport.kafka.cluster import Cluster
from connectors.transport.kafka.places import Message, Place
from connectors.transport.kafka.rereading import rereading
from rider_hub.access import Actor, Hub
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.batches import Source, keyed_digest, take_batch
from rider_hub.intake.model import QuarantineState, Receipt, Sender
from rider_hub.intake.quarantine import replay
from rider_hub.intake.stream_tables import dead_letter
from rider_hub.intake.stream_taking import as_row
from rider_hub.intake.tables import quarantine
from rider_hub.storage import in_batches, new_id

__all__ = ["StreamReplay", "replay_stream"]

#: States of a row that may be tried again; in all but the first nothing of it is kept here.
_OPEN: Final = (QuarantineState.WAITING, QuarantineState.REFUSED, QuarantineState.EXPIRED)
_ROWS: Final = 1000


@dataclass
class StreamReplay:
    """What a replay brought: receipts of what was tried, and how many messages the topic no longer has."""

    receipts: list[Receipt] = field(default_factory=list)
    gone: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return counts and receipts; no value of a row stands in them."""
        return {
            "tried": sum(one.received for one in self.receipts),
            "rejected": sum(one.rejected for one in self.receipts),
            "gone": self.gone,
            "receipts": [one.to_json() for one in self.receipts],
        }


async def replay_stream(hub: Hub, actor: Actor, cluster: Cluster, platform: str) -> StreamReplay:
    """Try again every message of a platform's streams that was refused and is not settled.

    Rows that wait in quarantine go as they stand there, mended or not. Of the others nothing was kept: they
    are read from the topic once more, and count as gone where it has them no longer. Positions stay where
    they are, and no dead letter is written. Tried twice, the second time changes nothing. Raises Absent out
    of scope, ClusterError where the cluster can't be reached.
    """
    async with hub.look(actor, "feeds.replay", target=f"sender:{platform}") as look:
        sender = await store.find_sender(look.connection, platform, look.scope)
        if sender is None:
            raise Absent
        rows = (await look.connection.execute(_unsettled(platform))).mappings().all()
    done = StreamReplay()
    kept = [row["entry"] for row in rows if row["state"] == QuarantineState.WAITING]
    for ids in in_batches(kept, _ROWS):
        done.receipts += await replay(hub, actor, ids=ids)
    lost = [row for row in rows if row["state"] != QuarantineState.WAITING]
    if not lost:
        return done
    wanted: dict[Place, list[int]] = {}
    for row in lost:
        wanted.setdefault(_place(row), []).append(row["offset"])
    async with rereading(cluster) as reader:
        found = await reader.read(wanted)
    there = [row for row in lost if (_place(row), row["offset"]) in found]
    done.gone = len(lost) - len(there)
    for feed_type in sorted({row["feed_type"] for row in there}):
        mine = [row for row in there if row["feed_type"] == feed_type]
        for part in in_batches(mine, _ROWS):
            done.receipts.append(await _take_again(hub, actor, sender, part, found))
    return done


def _unsettled(platform: str) -> Any:
    """Return the query of dead letters with their rows in quarantine, as far as those may be tried again."""
    entry = and_(quarantine.c.receipt_id == dead_letter.c.receipt_id, quarantine.c.row == dead_letter.c.row)
    query = select(dead_letter, quarantine.c.id.label("entry"), quarantine.c.state)
    # What was erased at a rider's wish ended with its record's id (`ports.erase`): it is not fetched again.
    c = quarantine.c
    not_erased = or_(c.state != QuarantineState.EXPIRED, c.record_id.is_not(None))
    query = query.join(quarantine, entry).where(
        dead_letter.c.platform == platform, c.state.in_(_OPEN), not_erased
    )
    return query.order_by(dead_letter.c.created_at, dead_letter.c.partition, dead_letter.c.offset)


async def _take_again(
    hub: Hub,
    actor: Actor,
    sender: Sender,
    rows: Sequence[RowMapping],
    found: Mapping[tuple[Place, int], Message],
) -> Receipt:
    """Take messages that were read once more; one that is refused again keeps its entry."""
    numbered: list[tuple[int, Row]] = [
        (number, as_row(found[_place(row), row["offset"]])) for number, row in enumerate(rows, 1)
    ]
    source = Source(
        transport="replay",
        idempotency_key=f"replay:{new_id()}",
        body_digest=keyed_digest(hub, "".join(row["id"] for row in rows).encode()),
        name=f"stream:{rows[0]['topic'][:180]}",
        replays={number: row["entry"] for number, row in enumerate(rows, 1)},
    )
    feed_type = cast("FeedType", rows[0]["feed_type"])
    return await take_batch(hub, actor, sender, feed_type=feed_type, rows=numbered, source=source)


def _place(row: RowMapping) -> Place:
    return Place(row["cluster"], row["topic_id"], row["partition"], row["topic"])
