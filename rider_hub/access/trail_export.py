"""The trail as a file for auditors: whole seals with their rows, each with the very bytes its MAC is over."""

import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, select

from rider_hub.access.actor import Actor
from rider_hub.access.audit import signed_text
from rider_hub.access.hub import Hub, Look
from rider_hub.access.seals import in_order, seal_text
from rider_hub.access.tables import audit_row, audit_seal
from rider_hub.access.verify import read_rows
from rider_hub.errors import Conflict, Invalid

__all__ = ["export_trail"]


async def export_trail(hub: Hub, actor: Actor, start: datetime, end: datetime, out: Path) -> dict[str, int]:
    """Write every seal that holds a row of [start, end) to a file of JSON lines; returns what was written.

    Seals are whole, so rows at both ends may be of other times: a part of a seal could not be verified. The
    file appears under its name once the export's own row is committed. Raises Invalid for an empty span,
    Conflict where the file is there already.
    """
    _check(start, end, out)
    part = out.with_name(f"{out.name}.part")
    span = f"{start.isoformat()}/{end.isoformat()}"
    counts = {"seals": 0, "rows": 0, "own_rows": 0}
    try:
        async with hub.look(actor, "audit.export", target=span) as look:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                head = {"kind": "export", "span": span, "by": actor.id, "at": look.now}
                file.write(msgspec.json.encode(head) + b"\n")
                async for line in _lines(look, start, end, counts):
                    file.write(msgspec.json.encode(line) + b"\n")
            look.count(**counts)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return counts


def _check(start: datetime, end: datetime, out: Path) -> None:
    if start >= end:
        raise Invalid("起始时间应早于结束时间。", "The span ends before it begins.")
    if out.exists():
        raise Conflict(f"{out} 已存在，不会覆盖。", f"{out} exists and is not overwritten.")


async def _lines(
    look: Look, start: datetime, end: datetime, counts: dict[str, int]
) -> AsyncIterator[dict[str, Any]]:
    inside = (audit_row.c.at >= start, audit_row.c.at < end)
    touched = select(audit_row.c.seal_no).where(*inside, audit_row.c.seal_no.is_not(None)).distinct()
    numbers = sorted((await look.connection.execute(touched)).scalars())
    for number in numbers:
        query = select(audit_seal).where(audit_seal.c.number == number)
        seal = (await look.connection.execute(query)).mappings().first()
        if seal is not None:
            counts["seals"] += 1
            text = seal_text(seal).decode()
            yield {"kind": "seal", "seal": number, "signed": text, "mac": seal["mac"].hex()}
        async for line in _rows(look, audit_row.c.seal_no == number, counts):
            yield line
    async for line in _rows(look, audit_row.c.seal_no.is_(None) & inside[0] & inside[1], counts):
        yield line


async def _rows(
    look: Look, chosen: ColumnElement[bool], counts: dict[str, int]
) -> AsyncIterator[dict[str, Any]]:
    found = await read_rows(look.connection, chosen)
    people = {row["id"]: subjects for row, subjects in found}
    for row in in_order(row for row, _ in found):
        counts["rows"] += 1
        counts["own_rows"] += row["actor"] == look.actor.id
        signed = signed_text(row, people[row["id"]]).decode()
        yield {"kind": "row", "seal": row["seal_no"], "signed": signed, "mac": row["mac"].hex()}
