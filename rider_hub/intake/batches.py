"""The one way of a batch into the hub, whatever brought it: checked, judged, stored in parts, receipted."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import select

from connectors.batch import Checked, Reject
from connectors.contract import Row
from connectors.records import FeedType
from rider_hub.access import Actor, Change, Hub
from rider_hub.intake import store
from rider_hub.intake.checking import CheckedBatch, check_batch
from rider_hub.intake.faults import warning, whole
from rider_hub.intake.keeping import Keeper, close_rows, plain
from rider_hub.intake.model import QuarantineState, Receipt, ReceiptState, Sender, Transport, Verdict
from rider_hub.intake.snapshot_course import conclude
from rider_hub.intake.snapshot_model import Declared
from rider_hub.intake.snapshot_roll import Roll
from rider_hub.intake.snapshots import join_snapshot, note_part, scope_warnings, warnings_of
from rider_hub.intake.storing import store_records
from rider_hub.intake.tables import receipt
from rider_hub.intake.totals import Totals
from rider_hub.intake.within import Within, check_declared, faults_within, is_bound, within_of
from rider_hub.parameters import parameter
from rider_hub.storage import insert_ignoring, insert_rows, new_id

__all__ = [
    "Beside",
    "Source",
    "Taking",
    "bound",
    "finished",
    "keyed_digest",
    "new_receipt",
    "store_part",
    "take_batch",
]

_OPERATIONS: Mapping[Transport, str] = {
    "push": "feeds.push",
    "pull": "feeds.take",
    "file": "feeds.take",
    "upload": "feeds.upload",
    "kafka": "feeds.take",
    "link": "links.use",
    "replay": "feeds.replay",
}


class Beside(Protocol):
    """What a transport writes in the very transaction that stores its rows."""

    async def before(self, work: Change) -> None:
        """Make sure that the rows are still to be stored; an exception stores nothing."""

    async def after(self, work: Change, taken: Receipt, part: Sequence[Checked | Reject]) -> None:
        """Write what depends on how the rows ended."""


@dataclass(frozen=True)
class Source:
    """Where a batch came from and under which key it is taken once."""

    transport: Transport
    idempotency_key: str
    body_digest: bytes
    name: str | None = None
    #: The position to write down once all rows are stored (pull).
    cursor: str | None = None
    #: Quarantined rows that these rows replay: row → its id.
    replays: Mapping[int, str] = field(default_factory=dict)
    #: Set where the sender declares the batch a snapshot, or a part of one.
    snapshot: Declared | None = None
    #: Set where the whole batch, its receipt and something else are one transaction (Kafka). No key makes it
    #: count once then, but what stands beside it.
    beside: Beside | None = None
    #: Set by `bound` where whoever hands it in may speak of single stations alone.
    within: Within | None = None
    #: Whether the rows replayed are such: empty fields then leave what is stored as it is.
    fills: bool = False


async def bound(
    hub: Hub, actor: Actor, sender: Sender, feed_type: FeedType, source: Source
) -> tuple[Sender, Source]:
    """Return sender and source as they hold for this actor: a partner or a link is held to its stations.

    Their rows are the standard, and the same file of another is another file, so that nobody is answered with
    a receipt of others. Raises Invalid for a feed or a snapshot that is not theirs to send.
    """
    if not is_bound(actor):
        return sender, source
    async with hub.database.read() as connection:
        within = await within_of(connection, actor, sender.platform)
    if within is None:
        return sender, source
    check_declared(within, feed_type, source.snapshot)
    key = f"{source.idempotency_key}:{within.mark}"
    return sender.in_standard(), replace(source, idempotency_key=key, within=within, fills=True)


def keyed_digest(hub: Hub, body: bytes) -> bytes:
    """Return what is kept of a body to know it again; keyed, as a bare hash of personal data is personal."""
    return hub.keys.blind("lasting", "body", hashlib.sha256(body).hexdigest())


async def take_batch(
    hub: Hub,
    actor: Actor,
    sender: Sender,
    *,
    feed_type: FeedType,
    rows: Iterable[tuple[int, Row]],
    source: Source,
) -> Receipt:
    """Take a batch and return its receipt; the same key and body again resumes it or returns its receipt.

    Rows are numbered upwards. They are stored in parts, each in one transaction with the receipt: a break
    anywhere leaves whole parts, and a retry goes on after them. Raises Invalid for a key used with another
    body, Conflict while another try is under way, FeedError where the whole can't be read.
    """
    sender, source = await bound(hub, actor, sender, feed_type, source)
    taken = await _take_whole(hub, actor, sender, feed_type=feed_type, rows=rows, source=source)
    if source.snapshot is None:
        return taken
    return await conclude(hub, actor, _OPERATIONS[source.transport], taken)


async def _take_whole(
    hub: Hub,
    actor: Actor,
    sender: Sender,
    *,
    feed_type: FeedType,
    rows: Iterable[tuple[int, Row]],
    source: Source,
) -> Receipt:
    if source.beside is None and (earlier := await finished(hub, sender, feed_type, source)) is not None:
        return earlier
    async with hub.database.read() as connection:
        # Before the receipt is opened: what can't be read as a whole leaves none.
        batch = await check_batch(
            connection, sender, feed_type, rows, hub.clock.now(), keys=hub.keys, within=source.within
        )
    taking = Taking(hub, actor, sender, feed_type, source, batch)
    if source.beside is not None:
        return await _take_at_once(taking, source.beside)
    taken = await _open_receipt(taking)
    if taken.state is not ReceiptState.RUNNING:
        return taken
    if source.snapshot is not None:
        taking = replace(taking, roll=Roll(sender, batch.outcomes, after=taken.through_row))
    for part, final in batch.outcomes.parts(hub.database.rows_a_part, after=taken.through_row):
        taken = await _take_part(taking, taken, part, final=final)
        await asyncio.sleep(0)
    return taken


@dataclass(frozen=True)
class Taking:
    """Everything that stays the same over the parts of one batch."""

    hub: Hub
    actor: Actor
    sender: Sender
    feed_type: FeedType
    source: Source
    batch: CheckedBatch
    #: Set where the batch is a part of a snapshot.
    roll: Roll | None = None

    @property
    def operation(self) -> str:
        """The operation of the policy that this way of a batch is."""
        return _OPERATIONS[self.source.transport]


async def finished(hub: Hub, sender: Sender, feed_type: FeedType, source: Source) -> Receipt | None:
    """Return the receipt an earlier try of this key ended with, None where there is none yet."""
    query = select(receipt).where(
        receipt.c.platform == sender.platform,
        receipt.c.feed_type == feed_type,
        receipt.c.idempotency_key == source.idempotency_key,
    )
    async with hub.database.read() as connection:
        row = (await connection.execute(query)).mappings().first()
    if row is None:
        return None
    if bytes(row["body_digest"]) != source.body_digest:
        raise whole("idempotency_key_reused")
    return None if row["state"] == ReceiptState.RUNNING else Receipt.of(row, replayed=True)


async def _open_receipt(taking: Taking) -> Receipt:
    """Return the receipt of this key: a new one, one to resume, or the finished one of an earlier try."""
    source = taking.source
    async with taking.hub.change(
        taking.actor, taking.operation, target=f"feed:{taking.sender.platform}"
    ) as work:
        mine = new_receipt(work, taking)
        key = ("platform", "feed_type", "idempotency_key")
        await insert_ignoring(work.connection, receipt, mine, key=key)
        query = select(receipt).where(*(receipt.c[name] == mine[name] for name in key)).with_for_update()
        row = (await work.connection.execute(query)).mappings().one()
        work.target = f"receipt:{row['id']}"
        if row["id"] == mine["id"]:
            if source.snapshot is not None:
                await join_snapshot(work, row, source.snapshot)
            return Receipt.of(row)
        if bytes(row["body_digest"]) != source.body_digest:
            raise whole("idempotency_key_reused")
        if row["state"] == ReceiptState.RUNNING:
            quiet = timedelta(seconds=parameter("intake.take_over").value)
            if row["heartbeat_at"] > work.now - quiet:
                raise whole("batch_in_progress")
            await store.update_receipt(
                work.connection, row["id"], {"heartbeat_at": work.now}, expected_row=None
            )
        return Receipt.of(row, replayed=True)


def new_receipt(work: Change, taking: Taking) -> dict[str, Any]:
    """Return the row of a batch of which nothing is stored yet."""
    sender, source = taking.sender, taking.source
    counts = ("received", "accepted", "unchanged", "waiting", "held", "not_stored", "rejected", "through_row")
    return {
        "id": new_id(),
        "platform": sender.platform,
        "county": sender.county,
        "feed_type": taking.feed_type,
        "transport": source.transport,
        "source_name": source.name,
        "idempotency_key": source.idempotency_key,
        "body_digest": source.body_digest,
        "state": ReceiptState.RUNNING,
        "frame_verdict": None,
        "frame_evidence": None,
        **dict.fromkeys(counts, 0),
        "failures": [],
        "warnings": [],
        "created_at": work.now,
        "heartbeat_at": work.now,
        "partner": source.within.partner if source.within else None,
        "link": source.within.link if source.within else None,
    }


async def _take_part(
    taking: Taking, taken: Receipt, part: Sequence[Checked | Reject], *, final: bool
) -> Receipt:
    """Store one part with its receipt, in one transaction."""
    async with taking.hub.change(taking.actor, taking.operation, target=f"receipt:{taken.id}") as work:
        await store.lock_sender(work.connection, taking.sender.platform)
        return await _write_part(work, taking, taken, part, final=final)


async def _take_at_once(taking: Taking, beside: Beside) -> Receipt:
    """Store the whole batch with its receipt and what stands beside it, in one transaction.

    A receipt opened before would stay open for ever: after a crash the stream may be cut in another way.
    """
    part = list(taking.batch.outcomes)
    async with taking.hub.change(taking.actor, taking.operation) as work:
        await beside.before(work)
        await store.lock_sender(work.connection, taking.sender.platform)
        mine = new_receipt(work, taking)
        work.target = f"receipt:{mine['id']}"
        await insert_rows(work.connection, receipt, [mine])
        taken = await _read_receipt(work, mine["id"])
        taken = await _write_part(work, taking, taken, part, final=True)
        await beside.after(work, taken, part)
        return taken


async def _write_part(
    work: Change, taking: Taking, taken: Receipt, part: Sequence[Checked | Reject], *, final: bool
) -> Receipt:
    """Store one part and write its receipt, in the transaction at hand."""
    batch, hub, sender = taking.batch, taking.hub, taking.sender
    # A resumed batch keeps the verdict its first part was stored under.
    verdict = taken.frame_verdict if taken.through_row else batch.judgement.verdict
    held = verdict == Verdict.SUSPECT
    totals = await store_part(work, taking, taken, part, held=held)
    if taking.roll is not None:
        await note_part(work, hub.keys, taking.roll, taken, part)
    if taking.source.snapshot is not None:
        totals.warnings += warnings_of(taking.source.snapshot, part)
        if final:
            totals.whole += await scope_warnings(work, sender.platform, taking.source.snapshot)
    values = totals.onto(taken) | {
        "through_row": part[-1].row if part else taken.through_row,
        "frame_verdict": verdict,
        "frame_evidence": batch.judgement.evidence,
        "heartbeat_at": work.now,
    }
    if final:
        values["state"] = ReceiptState.HELD if held else ReceiptState.DONE
        if taking.source.cursor is not None:
            await store.move_cursor(
                work.connection, sender.platform, taken.feed_type, taking.source.cursor, work.now
            )
    if not await store.update_receipt(work.connection, taken.id, values, expected_row=taken.through_row):
        raise whole("batch_in_progress")
    if taking.source.within is None:
        # One station's file does not make the platform's feed a fresh one.
        await store.touch_sender(work.connection, sender.platform, work.now)
    work.count(**totals.counts)
    return await _read_receipt(work, taken.id, replayed=taken.replayed)


async def _read_receipt(work: Change, receipt_id: str, *, replayed: bool = False) -> Receipt:
    row = (await work.connection.execute(select(receipt).where(receipt.c.id == receipt_id))).mappings().one()
    return Receipt.of(row, replayed=replayed)


async def _require_within(work: Change, taking: Taking, part: Sequence[Checked | Reject]) -> None:
    """Look again, now that nobody else writes: a station or a rider may have changed hands since the check.

    Raises Conflict where one did; the same file again is checked anew.
    """
    within = taking.source.within
    if within is None:
        return
    good = [one for one in part if isinstance(one, Checked)]
    now = await within_of(work.connection, taking.actor, within.platform)
    if now is None or now.partner != within.partner or await faults_within(work.connection, now, good):
        raise whole("stations_changed")


async def store_part(
    work: Change, taking: Taking, taken: Receipt, part: Sequence[Checked | Reject], *, held: bool
) -> Totals:
    """Store the good rows (or hold them), keep the refused ones, and return how each row ended."""
    await _require_within(work, taking, part)
    totals, keeper = Totals(), Keeper(work, taking.hub.keys, taken)
    replays, needless = taking.source.replays, taking.batch.duplicates
    good = [one for one in part if isinstance(one, Checked)]
    rejects = [one for one in part if isinstance(one, Reject)]
    needed = [one for one in good if one.row not in needless]
    totals.unchanged += len(good) - len(needed)
    totals.warnings += [warning(one.row, "duplicate_in_batch") for one in good if one.row in needless]
    if held:
        totals.held += len(needed)
        await keeper.hold(needed)
    else:
        older = taking.batch.beaten_by(needed)
        await store_records(
            work,
            taking.hub.keys,
            taking.sender,
            taken,
            records=needed,
            totals=totals,
            older=older,
            in_snapshot=taking.roll is not None,
            fills=taking.source.fills,
            own=taking.source.within.stations if taking.source.within else None,
        )
    replayed = [replays[one.row] for one in good if one.row in replays]
    await close_rows(work, replayed, QuarantineState.REPLAYED)
    totals.rejected += len(rejects)
    totals.failures += plain(failure for one in rejects for failure in one.failures)
    await keeper.refuse(rejects, dict(replays))
    return totals
