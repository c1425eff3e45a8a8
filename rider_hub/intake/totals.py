"""What one transaction of a batch adds to its receipt: counts, faults, warnings; no query."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rider_hub.intake.faults import warning
from rider_hub.intake.model import Receipt
from rider_hub.riders.model import Outcome

__all__ = ["Totals"]

#: Faults and warnings a receipt lists; a batch of bad rows must not make its row grow without end.
LISTED: Final = 1000


@dataclass
class Totals:
    """Counts how each row of a part of a batch ended: exactly one of these for each row received."""

    accepted: int = 0
    unchanged: int = 0
    waiting: int = 0
    held: int = 0
    not_stored: int = 0
    rejected: int = 0
    failures: list[Mapping[str, Any]] = field(default_factory=list)
    warnings: list[Mapping[str, Any]] = field(default_factory=list)
    #: Warnings about the whole batch, which stand before those about its rows.
    whole: list[Mapping[str, Any]] = field(default_factory=list)

    def add_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        """Count what became of records, and keep their warnings."""
        for one in outcomes:
            setattr(self, one.kind, getattr(self, one.kind) + 1)
            if one.warning:
                self.warnings.append(warning(one.row, one.warning))

    @property
    def counts(self) -> dict[str, int]:
        """The counts by name."""
        names = ("accepted", "unchanged", "waiting", "held", "not_stored", "rejected")
        return {name: getattr(self, name) for name in names}

    def onto(self, receipt: Receipt) -> dict[str, Any]:
        """Return the receipt's counts and lists with these added."""
        counts = {name: getattr(receipt, name) + value for name, value in self.counts.items()}
        warnings = [*self.whole, *receipt.warnings, *self.warnings]
        failures = [*receipt.failures, *self.failures]
        if max(len(failures), len(warnings)) > LISTED and warnings[-1:] != [_CUT]:
            warnings = [*warnings[: LISTED - 1], _CUT]
        return {
            **counts,
            "received": sum(counts.values()),
            "failures": failures[:LISTED],
            "warnings": warnings[:LISTED],
        }


_CUT = warning(0, "list_cut", limit=LISTED)
