"""A push signed with a test key: taken as any other is, part by part, and undone each time; nothing stays.

The answer is made by the code that stores, so that it is the one a real push would get. What it does not
foretell: an earlier try of the same key (none is kept), and who would leave by a snapshot.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from connectors.batch import Checked, Reject
from connectors.contract import Row
from connectors.records import FeedType
from rider_hub.access import Actor, Hub
from rider_hub.intake import store
from rider_hub.intake.batches import Source, Taking, new_receipt, store_part
from rider_hub.intake.checking import check_batch
from rider_hub.intake.model import Receipt, ReceiptState, Sender, Verdict
from rider_hub.intake.snapshot_model import UNNAMED, Declared, Snapshot, SnapshotState
from rider_hub.intake.snapshot_roll import Roll
from rider_hub.intake.snapshots import join_snapshot, scope_warnings, warnings_of
from rider_hub.intake.tables import receipt
from rider_hub.storage import insert_rows, new_id

__all__ = ["rehearse_batch"]


async def rehearse_batch(
    hub: Hub,
    actor: Actor,
    sender: Sender,
    *,
    feed_type: FeedType,
    rows: Iterable[tuple[int, Row]],
    source: Source,
) -> Receipt:
    """Return the receipt that a push of these rows would get; raises like `take_batch`.

    Each part is a transaction of its own, as long as that of a real push, and is rolled back: the part after
    it finds what the hub holds, not what the parts before would have stored.
    """
    async with hub.database.read() as connection:
        batch = await check_batch(connection, sender, feed_type, rows, hub.clock.now(), keys=hub.keys)
    # The sender's own key may be in use by a real push, with which this has nothing to do.
    unlike = replace(source, idempotency_key=f"test:{new_id()}")
    taking = Taking(hub, actor, sender, feed_type, unlike, batch)
    if source.snapshot is not None:
        taking = replace(taking, roll=Roll(sender, batch.outcomes, after=0))
    taken = None
    for part, final in batch.outcomes.parts(hub.database.rows_a_part):
        taken = await _try_part(taking, taken, part, final=final)
        await asyncio.sleep(0)
    if taken is None:
        raise ValueError("a batch has at least one part, if an empty one")
    snapshot = _foretold(taken, source.snapshot, source.idempotency_key) if source.snapshot else None
    return replace(taken, test=True, snapshot=snapshot)


async def _try_part(
    taking: Taking, before: Receipt | None, part: Sequence[Checked | Reject], *, final: bool
) -> Receipt:
    """Return the receipt with one part added to it."""
    hub, sender, declared = taking.hub, taking.sender, taking.source.snapshot
    verdict = taking.batch.judgement.verdict
    held = verdict == Verdict.SUSPECT
    async with hub.rehearse(taking.actor, "feeds.try", target=f"feed:{sender.platform}") as work:
        await store.lock_sender(work.connection, sender.platform)
        row = new_receipt(work, taking) | ({"id": before.id} if before else {})
        await insert_rows(work.connection, receipt, [row])
        taken = before or Receipt.of(row)
        if declared is not None and before is None:
            await join_snapshot(work, row, declared)
        totals = await store_part(work, taking, taken, part, held=held)
        if declared is not None:
            totals.warnings += warnings_of(declared, part)
            if final:
                totals.whole += await scope_warnings(work, sender.platform, declared)
        work.counts = totals.counts
    ended = ReceiptState.HELD if held else ReceiptState.DONE
    values: dict[str, Any] = totals.onto(taken) | {
        "through_row": part[-1].row if part else taken.through_row,
        "frame_verdict": verdict,
        "frame_evidence": taking.batch.judgement.evidence,
        "state": ended if final else ReceiptState.RUNNING,
    }
    return replace(taken, **values)


def _foretold(taken: Receipt, declared: Declared, key: str) -> dict[str, Any]:
    """Return what can be told of a snapshot by this batch alone: whether it is all of it."""
    came = taken.received
    state = SnapshotState.ARRIVED if came == declared.total else SnapshotState.ARRIVING
    return Snapshot(
        id=new_id(),
        platform=taken.platform,
        county=taken.county,
        name=declared.name or f"{UNNAMED}{key}",
        station_ref=declared.station_ref,
        as_of=declared.as_of,
        total=declared.total,
        state=SnapshotState.OVER if came > declared.total else state,
        found={"rows": came},
        begun_at=taken.created_at,
    ).to_json()
