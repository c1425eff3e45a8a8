"""Use cases on rows that were not taken in: release a held batch, mend and replay, return, let expire."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked
from connectors.records import RECORD_TYPES, FeedType
from connectors.telling import is_plain
from rider_hub.access import Actor, Change, Hub, Keyring, Look
from rider_hub.access.purposes import Purpose
from rider_hub.access.unmasking import take_turn
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.batches import Source, keyed_digest, take_batch
from rider_hub.intake.faults import whole
from rider_hub.intake.frames import framed_as, worse_than_another
from rider_hub.intake.keeping import close_rows, plain
from rider_hub.intake.mending import MendField, changed_fields, fields_of, mended_row
from rider_hub.intake.model import QuarantineState, Receipt, ReceiptState, Sender
from rider_hub.intake.storing import store_records
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.intake.totals import Totals
from rider_hub.intake.within import faults_within, is_bound, sending_for, within_of_batch
from rider_hub.storage import new_id

__all__ = [
    "KeptRow",
    "expire_quarantine",
    "is_kept",
    "mend_row",
    "open_row",
    "release_held",
    "replay",
    "return_row",
    "show_row",
]

_OPEN = (QuarantineState.WAITING, QuarantineState.HELD)
#: Faults by which a partner or a link is held to its stations; a platform or county is not held by them.
_NOT_BOUND = frozenset({"station_not_bound", "rider_not_bound", "phone_not_by_link", "number_not_by_link"})


async def release_held(hub: Hub, actor: Actor, receipt_id: str, frame: str) -> Receipt:
    """Take in a held batch, its points read in the frame a person states, and return its receipt.

    `frame` is one of geo.frames.READINGS or cgcs2000. Raises Conflict where the batch is not held, Invalid
    where the evidence speaks clearly for another frame, Absent out of scope.
    """
    while True:
        async with hub.change(actor, "feeds.replay", target=f"receipt:{receipt_id}") as work:
            taken, sender = await _held_batch(work, receipt_id)
            if worse_than_another(frame, dict(taken.frame_evidence or {})):
                raise whole("frame_still_suspect")
            await store.lock_sender(work.connection, sender.platform)
            rows = await _held_rows(work.connection, receipt_id)
            totals = await _let_in(work, hub.keys, taken, sender, rows=rows, frame=frame)
            left = taken.held - len(rows)
            values: dict[str, Any] = totals.onto(taken) | {"heartbeat_at": work.now}
            if left <= 0 or not rows:
                evidence = {**(taken.frame_evidence or {}), "released_as": frame, "released_by": actor.id}
                values |= {"state": ReceiptState.DONE, "frame_evidence": evidence}
            await store.update_receipt(work.connection, receipt_id, values, expected_row=None)
            work.count(**totals.counts)
        if left <= 0 or not rows:
            break
    async with hub.look(actor, "feeds.view") as look:
        done = await store.find_receipt(look.connection, receipt_id, look.scope)
    if done is None:
        raise Absent
    return done


async def _let_in(
    work: Change, keys: Keyring, taken: Receipt, sender: Sender, *, rows: Sequence[RowMapping], frame: str
) -> Totals:
    """Store held rows and return how each ended.

    Those of a partner or link are held to its stations still: what changed hands meanwhile waits on.
    """
    totals = Totals(held=-len(rows))
    records = [_record(keys, row, frame) for row in rows]
    within = await within_of_batch(work.connection, sender.platform, partner=taken.partner, link=taken.link)
    outside = await faults_within(work.connection, within, records) if within else {}
    await store_records(
        work,
        keys,
        sender,
        taken,
        records=[one for one in records if one.row not in outside],
        totals=totals,
        fills=within is not None,
        own=within.stations if within else None,
    )
    await close_rows(work, [row["id"] for row in rows if row["row"] not in outside], QuarantineState.REPLAYED)
    for row in rows:
        if faults := plain(outside.get(row["row"], ())):
            changed = {"state": QuarantineState.WAITING, "failures": faults}
            mine = update(quarantine).where(quarantine.c.id == row["id"])
            await work.connection.execute(mine.values(changed))
            totals.rejected += 1
            totals.failures += faults
    return totals


async def replay(
    hub: Hub,
    actor: Actor,
    *,
    ids: Sequence[str] = (),
    receipt_id: str | None = None,
    mended: Mapping[str, bytes] | None = None,
) -> list[Receipt]:
    """Send quarantined rows the same way again, one batch a platform and feed, and return their receipts.

    `mended` gives rows (JSON objects in the sender's own names) in place of what was kept, by id. A row that
    is refused again waits on with its new faults. Raises Absent for rows out of scope, Conflict for rows of
    which nothing was kept, and where a whole receipt has no row but such as are decided on one by one.
    """
    mended = mended or {}
    async with hub.look(actor, "feeds.replay") as look:
        rows = await _waiting_rows(look.connection, look.scope, ids, receipt_id)
        if receipt_id is not None and not is_bound(look.actor):
            rows = _without_bound(rows)
        found = {
            platform: await sending_for(look.connection, look.actor, platform)
            for platform in sorted({row["platform"] for row in rows})
        }
    contents = {row["id"]: mended.get(row["id"]) or _content(hub.keys, row) for row in rows}
    receipts = []
    groups: dict[tuple[str, str, bool], list[RowMapping]] = {}
    for row in rows:
        groups.setdefault((row["platform"], row["feed_type"], row["standard"]), []).append(row)
    for (platform, feed_type, standard), group in groups.items():
        sender = found[platform]
        if sender is None:
            raise Absent
        sender = sender.in_standard() if standard else sender
        numbered = list(enumerate(group, 1))
        body = b"\n".join(contents[row["id"]] for row in group)
        source = Source(
            transport="replay",
            idempotency_key=f"replay:{new_id()}",
            body_digest=keyed_digest(hub, body),
            name=f"receipt:{group[0]['receipt_id']}",
            replays={number: row["id"] for number, row in numbered},
            fills=standard,
        )
        pairs = [(number, contents[row["id"]]) for number, row in numbered]
        receipts.append(
            await take_batch(
                hub, actor, sender, feed_type=cast("FeedType", feed_type), rows=pairs, source=source
            )
        )
    return receipts


def _without_bound(rows: Sequence[RowMapping]) -> list[RowMapping]:
    """Leave out rows that a partner or link may not hand in: nobody takes them in unread, all at once."""
    left = [row for row in rows if not _NOT_BOUND & {one["code"] for one in row["failures"]}]
    if not left:
        raise whole("rows_one_by_one")
    return left


async def return_row(hub: Hub, actor: Actor, row_id: str) -> None:
    """Give a row back to its sender: its content is deleted here, its faults stay in the receipt."""
    async with hub.change(actor, "feeds.replay", target=f"quarantine:{row_id}") as work:
        query = store.quarantined(work.scope, quarantine.c.id == row_id, quarantine.c.state.in_(_OPEN[:1]))
        if (await work.connection.execute(query)).first() is None:
            raise Absent
        await close_rows(work, [row_id], QuarantineState.RETURNED)
        work.count(rows=1)


@dataclass(frozen=True)
class KeptRow:
    """The entry of one quarantined row, and its fields where its content is kept and may be mended."""

    entry: RowMapping
    fields: tuple[MendField, ...] | None


async def show_row(hub: Hub, actor: Actor, row_id: str) -> KeptRow:
    """Return one quarantined row, its values closed but for those that say nothing of a person.

    Raises Absent out of scope.
    """
    async with hub.look(actor, "feeds.replay", target=f"quarantine:{row_id}") as look:
        row = await _row_in_scope(look, row_id)
        if is_kept(row):
            look.count(rows=1)
        return await _fields(look, hub.keys, row, opened=False)


async def open_row(hub: Hub, actor: Actor, row_id: str, purpose: Purpose) -> KeptRow:
    """Open one quarantined row to mend it: its entry, and the fields of its content where it is kept.

    It may hold a name and a phone: the trail keeps who opened it and why, and it counts as a person opened.
    Raises LimitReached where the account opened as many people as it may, Absent out of scope.
    """
    target = f"quarantine:{row_id}"
    async with hub.change(actor, "feeds.replay", target=target, purpose=purpose.text) as work:
        row = await _row_in_scope(work, row_id)
        await take_turn(work)
        work.count(rows=1)
        return await _fields(work, hub.keys, row, opened=True)


async def mend_row(
    hub: Hub,
    actor: Actor,
    row_id: str,
    changes: Sequence[tuple[str, str]],
    left_out: Sequence[str],
    *,
    opened: bool,
) -> Receipt:
    """Put changes into one kept row and send it the same way again; returns the receipt of the replay.

    `opened` says that the visitor saw every value: an empty one then takes its field away, and else leaves
    what was closed as it is. The trail keeps the names of the changed fields, never a value: the row goes on
    in its sender's name. Raises Absent out of scope, Conflict where nothing is kept, Invalid for a change to
    what the form did not list.
    """
    async with hub.look(actor, "feeds.replay", target=f"quarantine:{row_id}") as look:
        row = await _row_in_scope(look, row_id)
        if await sending_for(look.connection, look.actor, row["platform"]) is None:
            raise Absent  # who may not send in its name may see the row at most
        shown = (await _fields(look, hub.keys, row, opened=opened)).fields or ()
    if not is_kept(row):
        raise whole("row_not_kept")
    content = _object(hub.keys, row)
    try:
        changed = changed_fields(content, shown, changes, left_out)
    except ValueError as error:
        raise whole("field_not_mendable") from error
    whole_row = mended_row(content, changed)
    names = "、".join(one.name if is_plain(one.name) else "〔其他〕" for one in changed)
    target = f"quarantine:{row_id}"
    async with hub.change(actor, "feeds.mend", target=target, purpose=f"改动字段：{names or '无'}") as work:
        await _row_in_scope(work, row_id)
        work.count(rows=1, fields=len(changed))
    [receipt] = await replay(hub, actor, ids=[row_id], mended={row_id: whole_row})
    return receipt


async def _fields(look: Look, keys: Keyring, row: RowMapping, *, opened: bool) -> KeptRow:
    if not is_kept(row):
        return KeptRow(row, None)
    sender = await sending_for(look.connection, look.actor, row["platform"])
    mapping = sender.mapping if sender and not row["standard"] else None
    content = _object(keys, row)
    fields = fields_of(content, row["failures"], row["feed_type"], mapping, opened=opened)
    return KeptRow(row, tuple(fields))


def is_kept(row: RowMapping) -> bool:
    """Say whether there is content to open and mend."""
    return row["sealed"] is not None and row["state"] == QuarantineState.WAITING


async def _row_in_scope(work: Look, row_id: str) -> RowMapping:
    query = store.quarantined(work.scope, quarantine.c.id == row_id)
    row: RowMapping | None = (await work.connection.execute(query)).mappings().first()
    if row is None:
        raise Absent
    return row


async def expire_quarantine(hub: Hub, actor: Actor) -> int:
    """Delete the content of rows nobody mended within their 30 days, and return how many."""
    total = 0
    while True:
        async with hub.change(actor, "feeds.take", target="quarantine") as work:
            query = select(quarantine.c.id).where(
                quarantine.c.expires_at <= work.now, quarantine.c.state.in_(_OPEN)
            )
            ids = (await work.connection.execute(query.limit(500))).scalars().all()
            await close_rows(work, ids, QuarantineState.EXPIRED)
            work.count(rows=len(ids))
        total += len(ids)
        if not ids:
            return total


async def _held_batch(work: Change, receipt_id: str) -> tuple[Receipt, Sender]:
    # Locked before it is read: two releases at once must not both count the same rows.
    await work.connection.execute(select(receipt.c.id).where(receipt.c.id == receipt_id).with_for_update())
    taken = await store.find_receipt(work.connection, receipt_id, work.scope)
    sender = await store.find_sender(work.connection, taken.platform, work.scope) if taken else None
    if taken is None or sender is None:
        raise Absent
    if taken.state is not ReceiptState.HELD:
        raise whole("receipt_not_held")
    return taken, sender


async def _held_rows(connection: AsyncConnection, receipt_id: str) -> Sequence[RowMapping]:
    query = (
        select(quarantine)
        .where(quarantine.c.receipt_id == receipt_id, quarantine.c.state == QuarantineState.HELD)
        .order_by(quarantine.c.row)
        .limit(1000)
    )
    return (await connection.execute(query)).mappings().all()


def _record(keys: Keyring, row: RowMapping, frame: str) -> Checked:
    """Return a held record read in another frame; its digest is that of a feed sent rightly."""
    record = msgspec.json.decode(_content(keys, row), type=RECORD_TYPES[row["feed_type"]])
    record = framed_as(cast("Any", record), frame)
    digest = hashlib.sha256(msgspec.json.encode(record, order="sorted")).digest()
    return Checked(row["row"], record, digest)


def _content(keys: Keyring, row: RowMapping) -> bytes:
    if row["sealed"] is None:
        raise whole("row_not_kept")
    return msgspec.json.encode(keys.unseal("quarantine", ("quarantine", "sealed", row["id"]), row["sealed"]))


def _object(keys: Keyring, row: RowMapping) -> dict[str, Any]:
    content = msgspec.json.decode(_content(keys, row))
    return content if isinstance(content, dict) else {}


async def _waiting_rows(
    connection: AsyncConnection, scope: Any, ids: Sequence[str], receipt_id: str | None
) -> list[RowMapping]:
    c = quarantine.c
    chosen: list[Any] = [c.id.in_(list(ids))] if receipt_id is None else [c.receipt_id == receipt_id]
    if receipt_id is not None:
        chosen.append(c.state == QuarantineState.WAITING)
    rows = list((await connection.execute(store.quarantined(scope, *chosen))).mappings())
    if len(rows) < len(set(ids)) or not rows:
        raise Absent
    if any(row["state"] != QuarantineState.WAITING for row in rows):
        raise whole("row_not_kept")
    return rows
