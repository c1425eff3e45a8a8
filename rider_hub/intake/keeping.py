"""How rows that are not taken in are kept: sealed under their own key, with their faults, for 30 days."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import update

from connectors.batch import Checked, Failure, Reject
from rider_hub.access import Change, Keyring
from rider_hub.intake.faults import fault
from rider_hub.intake.model import QuarantineState, Receipt
from rider_hub.intake.tables import quarantine
from rider_hub.parameters import parameter
from rider_hub.riders.rows import without_number
from rider_hub.storage import in_batches, insert_rows, new_id

__all__ = ["Keeper", "close_rows"]

_IDS_A_QUERY = 500


@dataclass(frozen=True)
class Keeper:
    """Keeps rows of one receipt in the transaction at hand."""

    work: Change
    keys: Keyring
    taken: Receipt

    async def hold(self, records: Sequence[Checked]) -> None:
        """Keep the records of a suspect batch, in standard form, without identity numbers."""
        rows = []
        for one in records:
            if getattr(one.record, "id_number", None) is not None:
                one = without_number(one, self.keys, self.taken.county)  # noqa: PLW2901 - the same row
            content = msgspec.json.encode(one.record)
            reject = Reject(one.row, one.record.record_id, (fault(one.row, "", "frame_suspect"),), content)
            rows.append(self._row(reject, QuarantineState.HELD, new_id()))
        await insert_rows(self.work.connection, quarantine, rows)

    async def refuse(self, rejects: Iterable[Reject], replays: dict[int, str]) -> None:
        """Keep refused rows to be mended; of a forbidden one only where it stood and why.

        A row that was a replay keeps its entry, with its new content and faults.
        """
        rows = []
        for one in rejects:
            state = QuarantineState.WAITING if one.payload is not None else QuarantineState.REFUSED
            row = self._row(one, state, replays.get(one.row) or new_id())
            if one.row not in replays:
                rows.append(row)
                continue
            changed = {name: row[name] for name in ("failures", "sealed", "state", "record_id")}
            await self.work.connection.execute(
                update(quarantine).where(quarantine.c.id == row["id"]).values(**changed, mended=True)
            )
        await insert_rows(self.work.connection, quarantine, rows)

    def _row(self, reject: Reject, state: QuarantineState, row_id: str) -> dict[str, Any]:
        content = reject.payload
        cell = ("quarantine", "sealed", row_id)
        return {
            "id": row_id,
            "receipt_id": self.taken.id,
            "platform": self.taken.platform,
            "county": self.taken.county,
            "feed_type": self.taken.feed_type,
            "row": reject.row,
            "record_id": reject.record_id,
            "failures": plain(reject.failures),
            "sealed": self.keys.seal("quarantine", cell, msgspec.Raw(content)) if content else None,
            "state": state,
            "created_at": self.work.now,
            "expires_at": self.work.now + timedelta(days=parameter("intake.quarantine").value),
            "mended": False,
            "partner": self.taken.partner,
            "standard": self.taken.partner is not None or self.taken.link is not None,
        }


def plain(failures: Iterable[Failure]) -> list[dict[str, Any]]:
    """Return faults as JSON holds them."""
    return [msgspec.to_builtins(one) for one in failures]


async def close_rows(work: Change, ids: Iterable[str], state: QuarantineState) -> None:
    """Close quarantined rows: they get their last state, and their content is deleted."""
    for part in in_batches(sorted(ids), _IDS_A_QUERY):
        statement = update(quarantine).where(quarantine.c.id.in_(part))
        await work.connection.execute(statement.values(state=state, sealed=None))
