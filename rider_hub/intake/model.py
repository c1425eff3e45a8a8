"""Values of intake: senders, receipts, verdicts on frames, states of quarantined rows; no query."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, cast

from sqlalchemy import RowMapping

from connectors import sources
from connectors.records import FeedType, Frame, Tier
from connectors.sources import Manifest
from connectors.sources.file_form import FileForm

__all__ = [
    "FEEDS",
    "FEED_TITLES",
    "QuarantineState",
    "Receipt",
    "ReceiptState",
    "Sender",
    "Transport",
    "Verdict",
    "as_feed_type",
]

Transport = Literal["push", "pull", "file", "upload", "link", "kafka", "replay"]

#: The feed types this hub takes in, with their names on pages.
FEED_TITLES: Mapping[str, str] = {
    "station": "站点",
    "registration": "骑手登记",
    "request": "诉求",
}

FEEDS: tuple[FeedType, ...] = tuple(cast("FeedType", name) for name in FEED_TITLES)

_TOTALS = ("received", "accepted", "unchanged", "waiting", "held", "not_stored", "rejected")


def as_feed_type(text: str) -> FeedType | None:
    """Return a feed type this hub takes in, None for any other word."""
    return cast("FeedType", text) if text in FEED_TITLES else None


class ReceiptState(StrEnum):
    """How far a batch has come."""

    RUNNING = "running"
    DONE = "done"
    HELD = "held"

    @property
    def title_zh(self) -> str:
        """The state's name on pages."""
        return {"running": "接收中", "done": "已接收", "held": "整批暂存"}[self]


class Verdict(StrEnum):
    """What the rows' own words say of the frame they were sent in."""

    OK = "ok"
    SUSPECT = "frame_suspect"
    UNVERIFIED = "frame_unverified"

    @property
    def title_zh(self) -> str:
        """The verdict's name on pages."""
        return {"ok": "坐标系相符", "frame_suspect": "坐标系可疑", "frame_unverified": "坐标系未核验"}[self]


class QuarantineState(StrEnum):
    """What becomes of a row that was not taken in."""

    WAITING = "waiting"
    HELD = "held"
    REPLAYED = "replayed"
    REFUSED = "refused"
    RETURNED = "returned"
    EXPIRED = "expired"

    @property
    def title_zh(self) -> str:
        """The state's name on pages."""
        return {
            "waiting": "待修正",
            "held": "整批暂存",
            "replayed": "已重新入库",
            "refused": "已拒收，不留存",
            "returned": "已退回",
            "expired": "已过期删除",
        }[self]


@dataclass(frozen=True)
class Sender:
    """A platform's agreement to send: what it may send, and how its rows are to be read."""

    platform: str
    county: str
    tier: Tier
    manifest: str | None = None
    frame: Frame | None = None
    #: Where the hub pulls from (`url`, `token`) or which folder it watches (`folder`).
    settings: Mapping[str, Any] = field(default_factory=dict)
    last_received_at: datetime | None = None
    #: The mapping kept in the database, as TOML; it goes before the manifest of a file.
    mapping_text: str | None = None

    @property
    def mapping(self) -> Manifest | None:
        """The sender's manifest in force; None where it sends the standard as it is.

        Raises FeedError `manifest_invalid` for a kept one that no longer keeps the rules: its rows wait until
        it is mended, rather than being read in another way.
        """
        if self.mapping_text:
            return sources.parse_once(self.mapping_text)
        return sources.load(self.manifest) if self.manifest else None

    def in_standard(self) -> "Sender":
        """Return the sender as one whose rows are the standard: what others hand in for it is not mapped."""
        return replace(self, manifest=None, mapping_text=None)

    def for_feed(self, feed_type: FeedType) -> "Sender":
        """Return the sender as batches of one feed are read.

        A mapping kept in the database says nothing of a feed that it has not: that one stays the standard. A
        manifest of a file lists all that its platform sends.
        """
        if self.mapping_text and (mapping := self.mapping) and feed_type not in mapping.feeds:
            return self.in_standard()
        return self

    def file_form(self, feed_type: FeedType) -> FileForm:
        """Return how the sender writes its files of a feed."""
        feed = self.mapping.feeds.get(feed_type) if self.mapping else None
        return feed.file if feed else FileForm()

    @classmethod
    def of(cls, row: RowMapping) -> "Sender":
        """Return the sender a row describes."""
        return cls(
            platform=row["platform"],
            county=row["county"],
            tier=row["tier"],
            manifest=row["manifest"],
            frame=row["frame"],
            settings=row["settings"],
            last_received_at=row["last_received_at"],
            mapping_text=row["mapping_text"],
        )


@dataclass(frozen=True)
class Receipt:
    """What a sender gets back for a batch.

    received = accepted + unchanged + waiting + held + not_stored + rejected, at every step of the batch.
    """

    id: str
    platform: str
    county: str
    feed_type: str
    transport: str
    source_name: str | None
    state: ReceiptState
    created_at: datetime
    received: int = 0
    accepted: int = 0
    unchanged: int = 0
    waiting: int = 0
    held: int = 0
    not_stored: int = 0
    rejected: int = 0
    through_row: int = 0
    frame_verdict: str | None = None
    frame_evidence: Mapping[str, Any] | None = None
    failures: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[Mapping[str, Any], ...] = ()
    #: Set where a retry was answered from what an earlier try had done.
    replayed: bool = False
    #: Set where a partner handed it in, or the holder of a station's link: whose rows they are.
    partner: str | None = None
    link: str | None = None
    #: What is told of the snapshot this batch is a part of; None for a batch of changes.
    snapshot: Mapping[str, Any] | None = None
    #: Set where it was signed with a test key: nothing of it was stored, this receipt neither.
    test: bool = False

    @classmethod
    def of(cls, row: RowMapping | Mapping[str, Any], *, replayed: bool = False) -> "Receipt":
        """Return the receipt a row describes."""
        plain = {name: row[name] for name in ("id", "platform", "county", "feed_type", "transport")}
        totals = {name: row[name] for name in (*_TOTALS, "through_row", "frame_verdict", "frame_evidence")}
        return cls(
            **plain,
            **totals,
            source_name=row["source_name"],
            state=ReceiptState(row["state"]),
            created_at=row["created_at"],
            failures=tuple(row["failures"]),
            warnings=tuple(row["warnings"]),
            replayed=replayed,
            partner=row["partner"],
            link=row["link"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the receipt as its sender reads it; no value of a row stands in it."""
        return {
            "receipt": self.id,
            "platform": self.platform,
            "type": self.feed_type,
            "state": self.state.value,
            **{name: getattr(self, name) for name in _TOTALS},
            "frame": {"verdict": self.frame_verdict, "evidence": self.frame_evidence or {}},
            "failures": [dict(failure) for failure in self.failures],
            "warnings": [dict(warning) for warning in self.warnings],
            **({"snapshot": dict(self.snapshot)} if self.snapshot else {}),
            **({"test": True} if self.test else {}),
            "created_at": self.created_at.isoformat(),
        }
