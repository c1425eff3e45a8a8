"""Walking the whole chain: every row, every seal, the checkpoint and the head file; says what is wrong."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, RowMapping, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.audit import signed_text
from rider_hub.access.heads import HeadLine
from rider_hub.access.keys import Keyring
from rider_hub.access.row_macs import is_whole
from rider_hub.access.seals import (
    Head,
    checkpoint_text,
    digest_of,
    in_order,
    newest_checkpoint,
    seal_text,
)
from rider_hub.access.sso.tables import linked_identity
from rider_hub.access.tables import (
    approval,
    audit_row,
    audit_seal,
    audit_subject,
    division_change,
    park_member,
    user,
)
from rider_hub.access.verify_words import Finding, finding

__all__ = ["Report", "read_rows", "verify"]

_SEALS_A_QUERY = 200
_IDS_A_QUERY = 500
#: What is told in full; a database that was lost altogether needs no million lines.
_TOLD = 1_000

#: What gives powers beside the trail, by the finding: the column a row is named by.
_POWERS: dict[str, Column[Any]] = {
    "account_altered": user.c.username,
    "approval_altered": approval.c.id,
    "identity_altered": linked_identity.c.user_id,
    "park_altered": park_member.c.park,
    "division_change_altered": division_change.c.from_code,
}

Row = Mapping[str, Any] | RowMapping


@dataclass
class Report:
    """What a verification walked over, and what it found."""

    rows: int = 0
    seals: int = 0
    unsealed: int = 0
    pruned_through: int = 0
    heads: int = 0
    faults: int = 0
    findings: list[Finding] = field(default_factory=list)

    def found(self, code: str, **where: Any) -> None:
        """Note one finding; beyond a thousand they are only counted."""
        self.faults += 1
        if len(self.findings) < _TOLD:
            self.findings.append(finding(code, **where))


async def verify(connection: AsyncConnection, keys: Keyring, heads: Sequence[HeadLine]) -> Report:
    """Verify the trail as the connection's transaction sees it, against heads read before it began."""
    report = Report(heads=len(heads))
    start = await _start(connection, keys, report)
    macs: dict[int, bytes] = {start.number: start.mac}
    wanted = {line.head.number for line in heads if line.head}
    end = start
    async for seals in _seals(connection, report):
        rows = await _by_seal(connection, keys, report, seals[0]["number"], seals[-1]["number"])
        for seal in seals:
            end = _check_seal(keys, report, seal, rows.get(seal["number"], []), end)
            if seal["number"] in wanted:
                macs[seal["number"]] = seal["mac"]
    macs[end.number] = end.mac
    await _check_unsealed(connection, keys, report)
    await _check_astray(connection, report)
    _check_heads(report, heads, start, end, macs)
    for code, named in _POWERS.items():
        await _check_powers(connection, keys, report, code, named)
    return report


async def _start(connection: AsyncConnection, keys: Keyring, report: Report) -> Head:
    row = await newest_checkpoint(connection)
    if row is None:
        return Head(0, 0, b"")
    if not _holds(keys, row, checkpoint_text):
        report.found("checkpoint_mac", seal=row["seal_no"])
    report.pruned_through = row["seal_no"]
    return Head(row["seal_no"], row["total"], row["seal_mac"])


async def _seals(connection: AsyncConnection, report: Report) -> AsyncIterator[list[RowMapping]]:
    """Give the seals in order, some at a time."""
    after: int | None = None
    while True:
        query = select(audit_seal).order_by(audit_seal.c.number).limit(_SEALS_A_QUERY)
        if after is not None:
            query = query.where(audit_seal.c.number > after)
        try:
            found = list((await connection.execute(query)).mappings())
        except (ValueError, TypeError):
            # Which one can't be read is of no use here: no seal behind it can be vouched for.
            report.found("seal_unreadable", seal=(after or 0) + 1)
            return
        if not found:
            return
        yield found
        after = found[-1]["number"]


def _check_seal(keys: Keyring, report: Report, seal: RowMapping, rows: Sequence[Row], before: Head) -> Head:
    """Check one seal with its rows against the one before and return it as the new end."""
    number = seal["number"]
    report.seals += 1
    if number <= before.number:
        report.found("seal_pruned_twice", seal=number)
    elif number != before.number + 1:
        report.found("seal_gap", seal=before.number + 1, through=number - 1)
    elif seal["previous"] != before.mac:
        report.found("seal_link", seal=number)
    elif seal["total"] != before.total + seal["count"]:
        report.found("seal_total", seal=number)
    if not _holds(keys, seal, seal_text):
        report.found("seal_mac", seal=number)
    ordered = in_order(rows)
    if len(ordered) != seal["count"]:
        report.found("seal_count", seal=number, expected=seal["count"], there=len(ordered))
    elif digest_of(keys, seal["key_id"], ordered) != seal["digest"] or (
        (ordered[0]["id"], ordered[-1]["id"]) != (seal["first_row"], seal["last_row"])
    ):
        report.found("seal_digest", seal=number)
    return Head(number, seal["total"], seal["mac"])


async def _by_seal(
    connection: AsyncConnection, keys: Keyring, report: Report, first: int, last: int
) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in await _checked(connection, keys, report, audit_row.c.seal_no.between(first, last)):
        found.setdefault(row["seal_no"], []).append(row)
    return found


async def _check_unsealed(connection: AsyncConnection, keys: Keyring, report: Report) -> None:
    report.unsealed = len(await _checked(connection, keys, report, audit_row.c.seal_no.is_(None)))


async def _checked(
    connection: AsyncConnection, keys: Keyring, report: Report, chosen: ColumnElement[bool]
) -> list[Row]:
    """Return the rows chosen, each checked against its own MAC."""
    try:
        rows = await read_rows(connection, chosen)
    except (ValueError, TypeError):
        rows = await _readable(connection, report, chosen)
    report.rows += len(rows)
    for row, subjects in rows:
        if not _holds(keys, row, partial(signed_text, subjects=subjects)):
            report.found("row_mac", row=row["id"], seal=row["seal_no"])
    return [row for row, _ in rows]


async def read_rows(connection: AsyncConnection, chosen: ColumnElement[bool]) -> list[tuple[Row, list[str]]]:
    """Return rows of the trail with the people each opened."""
    people: dict[str, list[str]] = {}
    joined = select(audit_subject).join(audit_row, audit_row.c.id == audit_subject.c.audit_id).where(chosen)
    for one in await connection.execute(joined):
        people.setdefault(one.audit_id, []).append(one.rider_id)
    rows = (await connection.execute(select(audit_row).where(chosen))).mappings()
    return [(row, people.get(row["id"], [])) for row in rows]


async def _readable(
    connection: AsyncConnection, report: Report, chosen: ColumnElement[bool]
) -> list[tuple[Row, list[str]]]:
    """Read rows one by one, to name those that hold what no writer of ours put there."""
    rows: list[tuple[Row, list[str]]] = []
    for row_id in list((await connection.execute(select(audit_row.c.id).where(chosen))).scalars()):
        try:
            rows += await read_rows(connection, audit_row.c.id == row_id)
        except (ValueError, TypeError):
            report.found("row_mac", row=row_id)
    return rows


def _holds(keys: Keyring, row: Row, text: Callable[[Any], bytes]) -> bool:
    try:
        return bool(keys.mac_under(row["key_id"], text(row)) == row["mac"])
    except (ValueError, TypeError, AttributeError):
        return False


async def _check_astray(connection: AsyncConnection, report: Report) -> None:
    """Find rows in a seal that is not there, and people of a row that is not there."""
    sealed = exists().where(audit_seal.c.number == audit_row.c.seal_no)
    query = select(audit_row.c.id, audit_row.c.seal_no).where(audit_row.c.seal_no.is_not(None), ~sealed)
    for row in await connection.execute(query.limit(_TOLD)):
        report.found("row_astray", row=row.id, seal=row.seal_no)
    there = exists().where(audit_row.c.id == audit_subject.c.audit_id)
    for audit_id in (await connection.execute(select(audit_subject.c.audit_id).where(~there))).scalars():
        report.found("subject_astray", row=audit_id)


async def _check_powers(
    connection: AsyncConnection, keys: Keyring, report: Report, code: str, named: Column[Any]
) -> None:
    """Find rows that give powers and are not as the hub wrote them."""
    for name in list((await connection.execute(select(named).order_by(named))).scalars()):
        try:
            query = select(named.table).where(named == name)
            rows = (await connection.execute(query)).mappings().all()
            whole = all(is_whole(keys, named.table, row) for row in rows)
        except (ValueError, TypeError):
            whole = False
        if not whole:
            report.found(code, row=name)


def _check_heads(
    report: Report, lines: Iterable[HeadLine], start: Head, end: Head, macs: Mapping[int, bytes]
) -> None:
    """Compare what was once the end of the chain with what is there."""
    newest = 0
    for line in lines:
        if line.head is None:
            report.found("head_unreadable", line=line.line)
            continue
        number = line.head.number
        if number <= newest:
            report.found("head_backwards", line=line.line, seal=number)
        newest = max(newest, number)
        if number > end.number:
            report.found("head_ahead", line=line.line, seal=number, there=end.number)
        elif number >= start.number and macs.get(number) != line.head.mac:
            report.found("head_mac", line=line.line, seal=number)
