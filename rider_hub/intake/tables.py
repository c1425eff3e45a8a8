"""Tables of senders, receipts, quarantine and cursors."""

from sqlalchemy import JSON, Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from rider_hub.storage import Code, UtcDateTime, keyed_column, metadata, sealed_column

__all__ = ["cursor", "mapping", "push_message", "quarantine", "receipt", "sender", "sender_key"]

#: A platform's agreement to send: one row a platform and county.
sender = Table(
    "sender",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("county", Code(), nullable=False),
    Column("manifest", String(32)),
    Column("tier", String(1), nullable=False),
    Column("basis", String(32)),
    Column("basis_document", String(128)),
    Column("frame", String(16)),
    #: Up to two live signing keys and two test keys, sealed for (sender, platform).
    sealed_column("sealed_keys", "account", row="platform", nullable=True),
    #: Where the hub pulls from or which folder it watches.
    Column("settings", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_received_at", UtcDateTime),
)

#: What is told of a sender's keys, which are themselves in `sender.sealed_keys` alone; removed ones stay.
sender_key = Table(
    "sender_key",
    metadata,
    Column("platform", String(32), primary_key=True),
    #: Tells keys apart: a short digest under a key of the hub, which says nothing of the key.
    Column("kid", String(16), primary_key=True),
    Column("test", Boolean, nullable=False),
    #: NULL where the key is older than this table.
    Column("made_at", UtcDateTime),
    Column("made_by", String(80)),
    #: The day, in China, a signature of it was last right; never kept of a test key.
    Column("last_used_on", Date),
    #: When a test key ends by itself.
    Column("ends_at", UtcDateTime),
    Column("removed_at", UtcDateTime),
    Column("removed_by", String(80)),
)

#: How a sender's rows are read: numbered from 1, dated; the greatest number is in force.
mapping = Table(
    "mapping",
    metadata,
    Column("platform", String(32), ForeignKey("sender.platform"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("valid_from", UtcDateTime, nullable=False),
    #: A manifest (connectors.sources): names of columns and words of code tables, never a row's value.
    Column("text", Text, nullable=False),
    Column("saved_by", String(64), nullable=False),
    #: platform or county: whose account that is, which is all that others are shown of it.
    Column("saved_as", String(16), nullable=False),
    Column("note", String(200), nullable=False),
)

receipt = Table(
    "receipt",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("county", Code(), nullable=False),
    Column("feed_type", String(16), nullable=False),
    Column("transport", String(8), nullable=False),
    Column("source_name", String(200)),
    Column("idempotency_key", String(128), nullable=False),
    keyed_column("body_digest", "lasting"),
    #: running, done, held
    Column("state", String(12), nullable=False),
    Column("frame_verdict", String(20)),
    Column("frame_evidence", JSON),
    Column("received", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("not_stored", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("through_row", Integer, nullable=False),
    #: [{row, path, code, zh, en}], never a value
    Column("failures", JSON, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    #: The partner whose stations' rows they are, and the link they came by; NULL for the platform's own.
    Column("partner", String(256)),
    Column("link", String(32)),
    Index("uq_receipt_key", "platform", "feed_type", "idempotency_key", unique=True),
    Index("ix_receipt_created_at", "created_at"),
    Index("ix_receipt_partner", "partner"),
    Index("ix_receipt_link", "link"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("receipt_id", String(32), ForeignKey("receipt.id"), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("county", Code(), nullable=False),
    Column("feed_type", String(16), nullable=False),
    Column("row", Integer, nullable=False),
    Column("record_id", String(128)),
    Column("failures", JSON, nullable=False),
    #: The row as sent, sealed under the quarantine key; NULL where a forbidden field forbids keeping it.
    sealed_column("sealed", "quarantine", nullable=True),
    #: waiting (to be mended), held (whole batch), replayed, refused, expired
    Column("state", String(12), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("mended", Boolean, nullable=False),
    #: As the receipt's.
    Column("partner", String(256)),
    #: Whether the row is the standard whatever the sender's mapping: what a partner or a link brought.
    Column("standard", Boolean, nullable=False),
    Index("ix_quarantine_platform", "platform", "state"),
    Index("ix_quarantine_receipt_id", "receipt_id"),
    Index("ix_quarantine_expires_at", "expires_at"),
)

#: Ids of signed messages of the last minutes, and what each came with.
push_message = Table(
    "push_message",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("message_id", String(128), primary_key=True),
    keyed_column("bound", "lasting"),
    Column("seen_at", UtcDateTime, nullable=False),
    Index("ix_push_message_seen_at", "seen_at"),
)

cursor = Table(
    "feed_cursor",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("feed_type", String(16), primary_key=True),
    Column("position", String(256), nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
)
