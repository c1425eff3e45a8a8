"""MACs of rows that give powers: accounts, approvals, linked identities, parks' divisions, changes of codes.

Whoever writes to the database by hand has no keys: a row changed past the hub no longer agrees with its MAC,
opens nothing, and `audit verify` names it. Keys of the purpose `lasting`, since what key rotation rewrites
(sealed columns and indexes) is left out; that a phone is stated at all is not.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.account_tables import user
from rider_hub.access.actor import PUBLIC
from rider_hub.access.hub import Hub
from rider_hub.access.keys import Keyring
from rider_hub.access.tables import approval, division_change, park_member
from rider_hub.errors import HubError

__all__ = ["MAC", "RowAltered", "change_row", "check_row", "is_whole", "signed", "vouched"]

#: The column that holds the MAC, in each of these tables.
MAC = "row_mac"

Row = RowMapping | Mapping[str, Any]

_SIGNED = {
    user.name: [
        "id",
        "username",
        "display_name",
        "password_hash",
        "password_changed_at",
        "password_temporary",
        "roles",
        "divisions",
        "platforms",
        "partners",
        "parks",
        "organizations",
        "scope_title",
        "epoch",
        "created_at",
        "disabled_at",
        "held_by",
    ],
    approval.name: [
        "id",
        "kind",
        "state",
        "asked_by",
        "asked_person",
        "asked_at",
        "divisions",
        "platforms",
        "partners",
        "lapses_at",
        "decided_by",
        "decided_at",
        "note",
        "uses",
        "max_uses",
        "ended_by",
        "ended_at",
    ],
    "linked_identity": ["issuer", "subject", "user_id", "linked_at", "confirmed_at"],
    park_member.name: ["park", "division"],
    division_change.name: ["from_code", "to_code", "made_of", "became", "as_of"],
}
#: Columns of which the MAC says only whether there is anything: their bytes change in a key rotation.
_STATED = {user.name: ("sealed", "phone_index")}


class RowAltered(HubError):
    """A row that gives powers is not as the hub wrote it."""

    status = 403
    default_code = "row_altered"

    def __init__(self) -> None:
        super().__init__(
            "数据库中的这条账号或审批记录被系统之外改动过，已停用。请联系审计管理员核查。",
            "This account or approval was changed past the hub: tell the audit administrator.",
        )


def signed(keys: Keyring, table: Table, row: Row) -> dict[str, Any]:
    """Return a row to write with its MAC."""
    return {**row, MAC: keys.mac("lasting", _text(table, row))}


def is_whole(keys: Keyring, table: Table, row: Row) -> bool:
    """Say whether a row, read with all its columns, is as the hub wrote it; one without a MAC is not."""
    mac = row[MAC]
    try:
        return mac is not None and keys.verifies("lasting", _text(table, row), mac)
    except (TypeError, ValueError, AttributeError):
        # Somebody put in what no writer of ours writes.
        return False


def check_row(keys: Keyring, table: Table, row: Row) -> None:
    """Raise RowAltered unless a row is as the hub wrote it."""
    if not is_whole(keys, table, row):
        raise RowAltered


async def change_row(
    connection: AsyncConnection,
    keys: Keyring,
    table: Table,
    row: ColumnElement[bool],
    values: Mapping[str, Any],
    **counted: int,
) -> dict[str, Any] | None:
    """Change one row and its MAC, `counted` columns by so much; returns it as it is then.

    None where there is no such row. It is locked and checked before: a row that was altered is never given a
    right MAC. Raises RowAltered.
    """
    query = select(table).where(row).with_for_update()
    found = (await connection.execute(query)).mappings().first()
    if found is None:
        return None
    check_row(keys, table, found)
    raised = {name: found[name] + by for name, by in counted.items()}
    after = signed(keys, table, {**found, **values, **raised})
    own = [column == found[column.name] for column in table.primary_key]
    changed = update(table).where(*own).values(**values, **raised, **{MAC: after[MAC]})
    await connection.execute(changed)
    return after


async def vouched(hub: Hub, row: Row) -> None:
    """Raise RowAltered, and write it into the trail, unless an account's row is as the hub wrote it."""
    if is_whole(hub.keys, user, row):
        return
    async with hub.change(PUBLIC, "session.open", target=f"user:{row['username']} row_altered"):
        raise RowAltered


def _text(table: Table, row: Row) -> bytes:
    said = {name: _plain(row.get(name)) for name in _SIGNED[table.name]}
    stated = {name: row.get(name) is not None for name in _STATED.get(table.name, ())}
    return json.dumps([table.name, said, stated], sort_keys=True).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value
