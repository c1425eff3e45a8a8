"""What the overview of a platform shows of each of its senders; figures alone, nobody's personal data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from rider_hub.access import Actor, Hub, Look
from rider_hub.access.users import shown_names
from rider_hub.intake import store
from rider_hub.intake.freshness import FeedState, feed_states, feeds_late, latest_snapshots
from rider_hub.intake.listing import platform_names
from rider_hub.intake.model import Sender
from rider_hub.intake.sender_keys import LiveKey, changed_lately, live_keys
from rider_hub.intake.tables import receipt

__all__ = ["Portal", "Sending", "read_portal"]

_RECEIPTS, _SNAPSHOTS = 5, 3


@dataclass(frozen=True)
class Sending:
    """How one sender stands."""

    sender: Sender
    name: str
    feeds: Sequence[FeedState]
    receipts: Sequence[RowMapping]
    #: {"it": Snapshot, "rows": how many of those declared came}, the newest first.
    snapshots: Sequence[Mapping[str, Any]]
    #: Rows that wait to be mended, and rows of batches held whole.
    waiting_rows: int
    held_rows: int
    keys: Sequence[LiveKey]
    #: Keys made or removed lately, with the name of who did it.
    changes: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Portal:
    """Everything the overview shows."""

    now: datetime
    senders: Sequence[Sending]


async def read_portal(hub: Hub, actor: Actor) -> Portal:
    """Return how the senders in the viewer's scope stand."""
    async with hub.look(actor, "portal.view") as look:
        named = await platform_names(look)
        states = await feed_states(look.connection, look.scope, look.now)
        standing = {
            one.platform: one
            for one in await store.freshness(look.connection, look.scope, feeds_late(states))
        }
        senders = [
            Sending(
                sender=one,
                name=named[one.platform],
                feeds=[state for state in states if state.platform == one.platform],
                receipts=await _last_receipts(look, one.platform),
                snapshots=await latest_snapshots(look.connection, one.platform, _SNAPSHOTS),
                waiting_rows=standing[one.platform].waiting_rows,
                held_rows=standing[one.platform].held_rows,
                keys=await live_keys(look, hub.keys, one.platform),
                changes=await _changes(look, one.platform),
            )
            for one in await store.senders(look.connection, look.scope)
        ]
        return Portal(look.now, senders)


async def _last_receipts(look: Look, platform: str) -> Sequence[RowMapping]:
    query = store.receipts(look.scope, receipt.c.platform == platform).limit(_RECEIPTS)
    found: Sequence[RowMapping] = (await look.connection.execute(query)).mappings().all()
    return found


async def _changes(look: Look, platform: str) -> Sequence[Mapping[str, Any]]:
    """Return the changes of keys that somebody else made; one's own are no news."""
    found = await changed_lately(look.connection, platform, look.now)
    others = [one for one in found if one["by"] != look.actor.id]
    people = await shown_names(look.connection, [one["by"] for one in others])
    return [{**one, "name": people.get(one["by"], "")} for one in others]
