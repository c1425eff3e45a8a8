"""Tables of streams: where reading stands, what was overtaken by retention, refused messages to tell of."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table

from rider_hub.storage import UtcDateTime, metadata, sealed_column

__all__ = ["dead_letter", "stream_gap", "stream_position"]

#: One row a partition; a topic made anew under the same name is another topic.
stream_position = Table(
    "stream_position",
    metadata,
    Column("cluster", String(64), primary_key=True),
    Column("topic_id", String(32), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("topic", String(249), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("feed_type", String(16), nullable=False),
    #: The offset that is read next; it moves in the transaction that stores the rows before it.
    Column("position", BigInteger, nullable=False),
    #: The end of the partition when it was last looked at.
    Column("end_seen", BigInteger, nullable=False),
    Column("moved_at", UtcDateTime),
    Column("seen_at", UtcDateTime, nullable=False),
    Index("ix_stream_position_platform", "platform"),
)

#: Messages that were gone before they were read.
stream_gap = Table(
    "stream_gap",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("cluster", String(64), nullable=False),
    Column("topic_id", String(32), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("topic", String(249), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("feed_type", String(16), nullable=False),
    #: What was to be read next, and where reading went on; earlier than that where the broker lost its end.
    Column("from_offset", BigInteger, nullable=False),
    Column("to_offset", BigInteger, nullable=False),
    Column("noted_at", UtcDateTime, nullable=False),
    Index("ix_stream_gap_platform", "platform", "noted_at"),
)

#: Refused messages, written with the rows of their batch and sent from here, at least once.
dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("cluster", String(64), nullable=False),
    Column("topic_id", String(32), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("topic", String(249), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("feed_type", String(16), nullable=False),
    #: With the row's number in it, this finds the row in quarantine.
    Column("receipt_id", String(32), nullable=False),
    Column("row", Integer, nullable=False),
    #: [{row, path, code, zh, en}], never a value
    Column("failures", JSON, nullable=False),
    #: The message's key as {"key": text} or {"hex"}; NULL once it was sent: a key may name a person.
    sealed_column("sealed", "quarantine", nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    #: When a process took it to send it; another one takes it after a while.
    Column("claimed_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Index("uq_dead_letter_place", "cluster", "topic_id", "partition", "offset", unique=True),
    Index("ix_dead_letter_unsent", "sent_at", "created_at"),
    Index("ix_dead_letter_receipt", "receipt_id", "row"),
    Index("ix_dead_letter_created_at", "created_at"),
)
