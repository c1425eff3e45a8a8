"""What senders are answered, as types: the published document is made from them, and tests hold both."""

from typing import Any, Final, Literal

import msgspec

from connectors.batch import Failure
from connectors.records import FeedType
from rider_hub.intake.faults import whole
from rider_hub.intake.model import Receipt
from rider_hub.web.problems import Problem

__all__ = [
    "UNUSABLE",
    "CheckAnswer",
    "EvidenceAnswer",
    "FrameAnswer",
    "ReceiptAnswer",
    "SnapshotAnswer",
    "WarningAnswer",
    "refusal",
]

UNUSABLE: Final = 422
"""The status of a batch of which no row can be used."""


class EvidenceAnswer(msgspec.Struct, frozen=True):
    """Of the rows in one frame that state their street: how many lie in it under each reading."""

    rows: int
    agreeing: dict[str, int]
    suggested: str | None


class FrameAnswer(msgspec.Struct, frozen=True):
    """What the rows' own words say of the frame they were sent in; the evidence by frame."""

    verdict: Literal["ok", "frame_suspect", "frame_unverified"] | None
    evidence: dict[str, EvidenceAnswer]


class WarningAnswer(msgspec.Struct, frozen=True):
    """Something to know of a row that was taken in; row 0 is the whole batch."""

    row: int
    code: str
    zh: str
    en: str


class SnapshotAnswer(msgspec.Struct, frozen=True):
    """How far the snapshot has come that a batch is a part of, and in words what that means."""

    id: str
    name: str
    scope: str
    as_of: str
    total: int
    state: str
    zh: str
    en: str


class ReceiptAnswer(msgspec.Struct, frozen=True):
    """The receipt: received = accepted + unchanged + waiting + held + not_stored + rejected."""

    receipt: str
    platform: str
    type: FeedType
    state: Literal["running", "done", "held"]
    received: int
    accepted: int
    unchanged: int
    waiting: int
    held: int
    not_stored: int
    rejected: int
    frame: FrameAnswer
    failures: list[Failure]
    warnings: list[WarningAnswer]
    created_at: str
    snapshot: SnapshotAnswer | msgspec.UnsetType = msgspec.UNSET
    #: Set where a test key signed: nothing was stored, and there is no such receipt to read again.
    test: Literal[True] | msgspec.UnsetType = msgspec.UNSET


def refusal(receipt: Receipt) -> dict[str, Any]:
    """Return the answer for a batch of which no row can be used: a problem, and beside it its receipt.

    Whoever watches answers by their status must notice a schema that drifted; the receipt's `type` gives way
    to the problem's.
    """
    told = receipt.to_json()
    words = whole("no_row_usable")
    problem = Problem(
        UNUSABLE, words.code, words.zh, words.en, errors=msgspec.convert(told["failures"], list[Failure])
    )
    return {**told, **msgspec.structs.asdict(problem.answer())}


class CheckAnswer(msgspec.Struct, frozen=True):
    """What a push of the same rows would refuse; nothing was stored."""

    total: int
    accepted: int
    rejected: int
    frame: FrameAnswer
    failures: list[Failure]
    #: Set where a test key signed.
    test: Literal[True] | msgspec.UnsetType = msgspec.UNSET
