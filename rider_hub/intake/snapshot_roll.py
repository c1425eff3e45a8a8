"""What the rows of a snapshot are counted by: whom they name, not how their bytes are written; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec

from connectors.batch import Checked, Reject
from connectors.fields import read_fields
from connectors.records import Registration
from rider_hub.intake.model import Sender
from rider_hub.intake.outcomes import Outcome

__all__ = ["Roll"]


class Roll:
    """Gives each row of one batch a name; the same rows sent again, in whatever bytes, have the same names.

    The first row of a rider is named by the reference, the n-th by the reference and n. A row that names
    nobody is named by its number and by the first rider of its batch. No reference holds a line end.
    """

    def __init__(self, sender: Sender, batch: Iterable[Outcome], *, after: int = 0) -> None:
        """Start behind row `after`, for a batch that a break cut short."""
        self._sender = sender
        self._batch = batch
        self._times: Counter[str] = Counter()
        if after:
            self._times.update(ref for one in batch if one.row <= after and (ref := self._reference(one)))

    def names(self, rows: Sequence[Outcome]) -> tuple[list[str], list[str]]:
        """Return the names of the next rows: of those that name a rider, and of those that name nobody."""
        named: list[str] = []
        unnamed: list[str] = []
        for one in rows:
            ref = self._reference(one)
            if ref is None:
                unnamed.append(f"\n{one.row}\n{self._first}")
                continue
            self._times[ref] += 1
            named.append(ref if self._times[ref] == 1 else f"{ref}\n{self._times[ref]}")
        return named, unnamed

    @cached_property
    def _first(self) -> str:
        return next((ref for one in self._batch if (ref := self._reference(one))), "")

    def _reference(self, one: Checked | Reject) -> str | None:
        """Return whose row this is; None where nothing may be kept of it, or no reference can be read."""
        if isinstance(one, Checked):
            return str(getattr(one.record, "platform_rider_ref", "")) or None
        if one.payload is None:
            return None
        content = msgspec.json.decode(one.payload)
        if self._sender.mapping is not None:
            content = self._sender.mapping.translate("registration", content).values
        found = read_fields({"platform_rider_ref": content.get("platform_rider_ref")}, Registration)
        ref = found.values.get("platform_rider_ref")
        return ref if isinstance(ref, str) and ref else None
