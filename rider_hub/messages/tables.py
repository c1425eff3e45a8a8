"""The table of the outbox."""

from sqlalchemy import Column, Index, String, Table

from rider_hub.storage import UtcDateTime, metadata, sealed_column

__all__ = ["outbox"]

#: A message waits here, written in the transaction that wants it sent, until a port has taken it.
outbox = Table(
    "outbox",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(32), nullable=False),
    sealed_column("sealed", "personal"),
    #: waiting, sending (claimed by a run of the job), sent, dead
    Column("state", String(8), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    #: When a run claimed it, and then when the port took it.
    Column("sent_at", UtcDateTime),
    Index("ix_outbox_state", "state", "created_at"),
)
