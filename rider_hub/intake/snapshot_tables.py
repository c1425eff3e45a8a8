"""Tables of snapshots: what was declared, which batches it came in, and who is in it."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table

from rider_hub.storage import Code, UtcDateTime, keyed_column, metadata

__all__ = ["snapshot", "snapshot_member", "snapshot_part"]

#: A batch, or several, that a sender declares to be the whole of a scope at a time.
snapshot = Table(
    "snapshot",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("county", Code(), nullable=False),
    #: The sender's own name of it; of one that came in a single batch the batch's key.
    Column("name", String(160), nullable=False),
    #: "" for the sender's whole feed, else the reference of one station.
    Column("station_ref", String(128), nullable=False),
    Column("as_of", UtcDateTime, nullable=False),
    Column("total", Integer, nullable=False),
    #: arriving, arrived, held, applying, applied, superseded, dropped, over, lapsed
    Column("state", String(12), nullable=False),
    #: {"rows", "unreadable", "riders", "leaving"} as they were found when it was judged
    Column("found", JSON, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("judged_at", UtcDateTime),
    Column("decided_by", String(80)),
    Index("uq_snapshot_name", "platform", "name", unique=True),
    Index("ix_snapshot_state", "platform", "state"),
)

snapshot_part = Table(
    "snapshot_part",
    metadata,
    Column("receipt_id", String(32), primary_key=True),
    Column("snapshot_id", String(32), ForeignKey("snapshot.id"), nullable=False),
    #: Rows refused so that not even the rider's reference could be read.
    Column("unreadable", Integer, nullable=False),
    Index("ix_snapshot_part_snapshot_id", "snapshot_id"),
)

#: Who is in a snapshot that may still make somebody leave: the mark of a reference, and no reference.
snapshot_member = Table(
    "snapshot_member",
    metadata,
    Column("snapshot_id", String(32), ForeignKey("snapshot.id"), primary_key=True),
    keyed_column("mark", "lasting", primary_key=True),
)
