"""Every text the hub keeps, from the tables themselves: attacked unless it stands here as nobody's words.

A new column of text, and a new string in an envelope or in JSON, is attacked without anybody's doing. Where
it is a code, an id or a digest, the pages that read it break, and it is put here with its reason.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import JSON, Column, RowMapping, String, Table, Text, select, update

from rider_hub.access import Hub
from rider_hub.access.row_macs import MAC, signed
from rider_hub.cli.all_tables import load_all_tables
from rider_hub.storage.binary import Sealed, sealed_columns
from rider_hub.storage.metadata import metadata, private_metadata

__all__ = ["NO_WORDS", "text_columns", "without_row", "write_everywhere"]

Writer = Callable[[int], str]
Row = Mapping[str, Any] | RowMapping

_ID = "an id made by the hub, or of an account: rows and pages hang on it"
_CODE = "a code from a fixed list, checked where it comes in"
_PLACE = "the code of a division, digits alone"
_BODY = "the code of an organization, instructor, platform or park, checked by its import: rows hang on it"
_SCOPE = "decides what is seen; what pages show of it is scope_title"
_SECRET = "a hash, key, check value or token: shown nowhere"
_CERTIFICATE = "read as a certificate before it is kept, and written anew; shown on no page"
_FIGURE = "figures under the hub's own names"
_TIME = "a time as JSON writes it"
_OWN = "names a table, page or role of the hub's own, by which the approved one is found"
#: "table.column", ".column" of every table, or "table.column:key" inside JSON and envelopes → why not.
NO_WORDS: Mapping[str, str] = {
    **dict.fromkeys((".id", ".rider_id", ".run_id", ".registration_id", ".request_id", ".user_id"), _ID),
    **dict.fromkeys(
        (".receipt_id", ".snapshot_id", ".audit_id", ".edition_id", ".actor", ".asked_by", ".decided_by"), _ID
    ),
    **dict.fromkeys((".ended_by", ".started_by", ".created_by", ".approved_by", ".applied_by"), _ID),
    **dict.fromkeys((".rolled_back_by", ".held_by", "user_account.username", "job_run.job"), _ID),
    **dict.fromkeys(("identity_link.registration_a", "identity_link.registration_b"), _ID),
    **dict.fromkeys(("identity_link.rider_before_b", "audit_seal.first_row", "audit_seal.last_row"), _ID),
    **dict.fromkeys(
        (".state", ".kind", ".level", ".feed_type", ".transport", ".frame", ".employment"), _CODE
    ),
    **dict.fromkeys(("activity.kind", "audit_row.operation", "audit_row.outcome"), _CODE),
    **dict.fromkeys(("party_organization.host_kind", "organization_coverage.covered_kind"), _CODE),
    **dict.fromkeys(("receipt.frame_verdict", "registration.area_frame", "registration.hold"), _CODE),
    **dict.fromkeys(("registration_correction.field", "sender.manifest", "sender.tier"), _CODE),
    **dict.fromkeys(("sender.basis", "service_request.channel", "service_request.category"), _CODE),
    **dict.fromkeys(("service_request.routed_by", "service_request.due_rule"), _CODE),
    **dict.fromkeys(("user_account.department", "user_account.standing", "notice.key"), _CODE),
    **dict.fromkeys(("assignment.reasons", "assignment.unresolved", "identity_link.evidence"), _CODE),
    **dict.fromkeys((".division", ".community", ".street", ".county", ".region", ".parent"), _PLACE),
    **dict.fromkeys(("station.stated_community", "registration.area_community"), _PLACE),
    **dict.fromkeys(("rider.chosen_community", "boundary.code", "division.code"), _PLACE),
    **dict.fromkeys(("division_change.from_code", "division_change.to_code"), _PLACE),
    **dict.fromkeys(("division_change.made_of", "division_change.became"), _PLACE),
    **dict.fromkeys((".platform", ".organization", ".code", ".park", ".escalated_to"), _BODY),
    **dict.fromkeys((".station_branch", ".community_branch", ".instructor"), _BODY),
    **dict.fromkeys((".divisions", ".platforms", ".partners", ".parks", ".organizations", ".roles"), _SCOPE),
    **dict.fromkeys((".token_hash", ".key_id", ".code_hash", ".state_hash", ".browser_hash"), _SECRET),
    **dict.fromkeys(("match_run.digest", "key_check.value", "session.csrf"), _SECRET),
    **dict.fromkeys(("user_account.password_hash", "user_account.password_history"), _SECRET),
    **dict.fromkeys(("second_factor.sealed", "second_factor.pending", "sender.sealed_keys"), _SECRET),
    **dict.fromkeys(
        ("sealing_key.certificate", "sender_certificate.certificate", ".fingerprint"), _CERTIFICATE
    ),
    "sealing_key.private_key": _SECRET,
    **dict.fromkeys(("rider_session.sealed", "home_list.sealed"), _ID),
    **dict.fromkeys((".counts", "match_run.outcome"), _FIGURE),
    **dict.fromkeys(("declaration.sealed:" + one for one in ("rider_id", "body", "home_body", "lines")), _ID),
    **dict.fromkeys(("declaration.sealed:kind", "rights_request.sealed:what"), _CODE),
    **dict.fromkeys(("declaration.sealed:declared_at", "declaration.sealed:asked_at"), _TIME),
    **dict.fromkeys(("approval.sealed:ledger", "approval.sealed:path", "approval.sealed:query"), _OWN),
    **dict.fromkeys(("approval.sealed:operation", "approval.sealed:role"), _OWN),
    **dict.fromkeys(("registration_correction.sealed:field", "notice.body:key"), _CODE),
    "rights_request.sealed:registration": _ID,
    **dict.fromkeys(("station_link.made_by", "station_link.revoked_by", "receipt.link"), _ID),
    **dict.fromkeys(
        ("station_link.station_ref", "station_link.partner"), "found by those of station, which are attacked"
    ),
    "invitation.sealed": "ids, codes and times alone; what pages show of it is the activity's",
    "snapshot.found": _FIGURE,
    "mapping.text": "a manifest, proved when it is read; its columns are hostile in written_rows.py",
    "mapping.saved_by": _ID,
    "mapping.saved_as": _CODE,
    "push_message.message_id": "a sender's name of a message: compared, shown nowhere",
    "outbox.sealed:to": "a phone number, checked before anything is sent to it",
    "sign_on_attempt.target": "a path of the hub's own, checked before it is kept; leads on and is not shown",
    "organization_coverage.covered_ref": "found by station.station_ref, which is attacked",
}
#: What a list in JSON holds where the world has an empty one; "" becomes a text.
_SAMPLES: Mapping[str, Any] = {
    "receipt.failures": [{"row": 1, "path": "", "code": "", "zh": "", "en": ""}],
    "receipt.warnings": [{"row": 1, "path": "", "code": "", "zh": "", "en": ""}],
    "quarantine.failures": [{"row": 1, "path": "", "code": "", "zh": "", "en": ""}],
}


def text_columns() -> Iterator[tuple[Table, Column[Any], Sealed | None]]:
    """Give every column that can hold anybody's words: text, JSON and envelopes."""
    load_all_tables()
    sealed = {column: said for _, column, said in sealed_columns(metadata, private_metadata)}
    for table in (*metadata.sorted_tables, *private_metadata.sorted_tables):
        for column in table.columns:
            if isinstance(column.type, String | Text | JSON) or column in sealed:
                yield table, column, sealed.get(column)


def _is_exempt(table: Table, column: str, key: str = "") -> bool:
    inside = f":{key}" if key else ""
    return f"{table.name}.{column}{inside}" in NO_WORDS or (not key and f".{column}" in NO_WORDS)


async def without_row(hub: Hub) -> set[str]:
    """Return the tables whose words are attacked in no row, since there is none."""
    async with hub.database.read() as connection:
        attacked = {table for table, column, _ in text_columns() if not _is_exempt(table, column.name)}
        found = {table: (await connection.execute(select(table).limit(1))).first() for table in attacked}
    return {table.name for table, row in found.items() if row is None}


async def write_everywhere(hub: Hub, words: Writer) -> int:
    """Put text of a writer into every place for words, of every row; returns how many were written."""
    pen = _Pen(hub, words)
    async with hub.database.write() as connection:
        for table in (*metadata.sorted_tables, *private_metadata.sorted_tables):
            columns = [
                (column, said)
                for each, column, said in text_columns()
                if each is table and not _is_exempt(table, column.name)
            ]
            keys = list(table.primary_key.columns)
            for row in (await connection.execute(select(table))).mappings().all() if columns else ():
                values = {column.name: pen.value(table, column, said, row) for column, said in columns}
                if MAC in table.columns:
                    values[MAC] = signed(hub.keys, table, {**row, **values})[MAC]
                mine = [key == row[key.name] for key in keys]
                await connection.execute(update(table).where(*mine).values(values))
    return pen.written


class _Pen:
    """Writes one text after another, each unlike the others."""

    def __init__(self, hub: Hub, words: Writer) -> None:
        self.hub, self.words, self.written = hub, words, 0

    def value(self, table: Table, column: Column[Any], said: Sealed | None, row: Row) -> Any:
        """Return what is to stand in a column of a row."""
        old = row[column.name]
        if said is not None:
            if not old:
                return old
            cell = (table.name, column.name, row[said.row])
            inside = self.hub.keys.unseal(said.purpose, cell, old)
            return self.hub.keys.seal(said.purpose, cell, self._inside(table, column.name, inside))
        if isinstance(column.type, JSON):
            return self._inside(table, column.name, old or _SAMPLES.get(f"{table.name}.{column.name}", old))
        if isinstance(column.type, Text) and old and old.startswith("{"):
            return json.dumps(self._inside(table, column.name, json.loads(old)), ensure_ascii=False)
        return self._next()

    def _inside(self, table: Table, column: str, value: Any) -> Any:
        if isinstance(value, str):
            return self._next()
        if isinstance(value, Mapping):
            return {
                key: one if _is_exempt(table, column, key) else self._inside(table, column, one)
                for key, one in value.items()
            }
        return [self._inside(table, column, one) for one in value] if isinstance(value, list) else value

    def _next(self) -> str:
        self.written += 1
        return self.words(self.written)
