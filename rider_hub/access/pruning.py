"""Pruning the trail: whole seals from the oldest on, and a checkpoint that the rest still follows from."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.actor import Actor
from rider_hub.access.audit import mac_of
from rider_hub.access.hub import Change, Hub
from rider_hub.access.seals import checkpoint_text
from rider_hub.access.tables import audit_checkpoint, audit_row, audit_seal, audit_subject
from rider_hub.errors import Invalid
from rider_hub.parameters import parameter
from rider_hub.storage import insert_rows

__all__ = ["months_before", "prune_trail"]

#: Seals in one transaction; a longer one would keep readers' rows waiting.
_SEALS = 200


def months_before(now: datetime, months: int) -> datetime:
    """Return the same time so many months ago, on the 28th where that month has no such day."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    try:
        return now.replace(year=year, month=month + 1)
    except ValueError:
        return now.replace(year=year, month=month + 1, day=28)


async def prune_trail(hub: Hub, actor: Actor, *, months: int | None = None) -> dict[str, int]:
    """Delete seals whose rows are all older than the retention, with their rows; returns counts.

    Raises Invalid for less than the six months of 网络安全法 21(三).
    """
    kept = int(parameter("audit.kept").value) if months is None else months
    least = int(parameter("audit.kept_at_least").value)
    if kept < least:
        raise Invalid(
            f"审计记录至少保存 {least} 个月（网络安全法第二十一条第三项），不能按 {kept} 个月清理。",
            f"The trail is kept for at least {least} months; it can't be pruned to {kept}.",
            code="retention_too_short",
        )
    totals = {"seals": 0, "rows": 0}
    while True:
        async with hub.change(actor, "audit.prune") as work:
            seals, rows = await _prune(hub, work, months_before(work.now, kept))
            work.count(seals=seals, rows=rows)
        totals = {"seals": totals["seals"] + seals, "rows": totals["rows"] + rows}
        if seals < _SEALS:
            return totals


async def _prune(hub: Hub, work: Change, limit: datetime) -> tuple[int, int]:
    last = await _last_to_go(work.connection, limit)
    if last is None:
        return 0, 0
    query = select(audit_seal).where(audit_seal.c.number == last)
    seal = (await work.connection.execute(query)).mappings().one()
    row = {
        "seal_no": last,
        "sealed_at": seal["at"],
        "total": seal["total"],
        "seal_mac": seal["mac"],
        "pruned_at": work.now,
        "key_id": hub.keys.active["audit"],
    }
    mac = mac_of(hub.keys, str(row["key_id"]), checkpoint_text(row))
    gone = select(audit_row.c.id).where(audit_row.c.seal_no <= last)
    await work.connection.execute(delete(audit_subject).where(audit_subject.c.audit_id.in_(gone)))
    rows = await work.connection.execute(delete(audit_row).where(audit_row.c.seal_no <= last))
    seals = await work.connection.execute(delete(audit_seal).where(audit_seal.c.number <= last))
    await work.connection.execute(delete(audit_checkpoint))
    await insert_rows(work.connection, audit_checkpoint, [{**row, "mac": mac}])
    return seals.rowcount, rows.rowcount


async def _last_to_go(connection: AsyncConnection, limit: datetime) -> int | None:
    """Return the last of the oldest seals without a younger row; the newest seal always stays."""
    oldest = select(audit_seal.c.number).order_by(audit_seal.c.number).limit(_SEALS + 1)
    numbers = list((await connection.execute(oldest)).scalars())[:-1]
    if not numbers:
        return None
    young = select(func.min(audit_row.c.seal_no)).where(
        audit_row.c.at >= limit, audit_row.c.seal_no.between(numbers[0], numbers[-1])
    )
    first_young = (await connection.execute(young)).scalar()
    old = [number for number in numbers if first_young is None or number < first_young]
    sealed = select(func.min(audit_seal.c.number)).where(
        audit_seal.c.at >= limit, audit_seal.c.number.between(numbers[0], numbers[-1])
    )
    first_late = (await connection.execute(sealed)).scalar()
    old = [number for number in old if first_late is None or number < first_late]
    return old[-1] if old else None
