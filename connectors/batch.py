"""What a checked batch of a feed holds: records, rejects and faults; no rule and no input or output."""

from collections import Counter

import msgspec

from connectors.records import Record


class Failure(msgspec.Struct, frozen=True, gc=False):
    """State one fault of one row: where it is, its code, and how to mend it in Chinese and English."""

    row: int
    path: str
    code: str
    zh: str
    en: str


class Checked(msgspec.Struct, frozen=True, gc=False):
    """Hold one record that keeps the contract.

    `digest` is the SHA-256 of the canonical content (normalised, UTC, sorted keys, no empty fields).
    It is made of personal fields: whoever stores it keys it first.
    """

    row: int
    record: Record
    digest: bytes


class Reject(msgspec.Struct, frozen=True, gc=False):
    """Hold one row that breaks the contract, with at most 20 of its faults.

    `payload` is the source row as canonical JSON for quarantine, without identity numbers. It is None
    where nothing may be kept: a forbidden field, or a row whose field names could not all be read.
    """

    row: int
    record_id: str | None
    failures: tuple[Failure, ...]
    payload: bytes | None


class Batch(msgspec.Struct, frozen=True):
    """Hold what came of one reading: rows read = records + rejects."""

    records: tuple[Checked, ...]
    rejects: tuple[Reject, ...]
    cursor: str | None = None

    @property
    def total(self) -> int:
        """Count the rows read."""
        return len(self.records) + len(self.rejects)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """List every fault of every refused row, in row order."""
        return tuple(failure for reject in self.rejects for failure in reject.failures)

    def counts(self) -> dict[str, int]:
        """Count rows read, accepted and rejected, and the rejected ones by their codes."""
        codes = Counter(code for reject in self.rejects for code in {f.code for f in reject.failures})
        totals = {"total": self.total, "accepted": len(self.records), "rejected": len(self.rejects)}
        return totals | {f"code:{code}": codes[code] for code in sorted(codes)}
