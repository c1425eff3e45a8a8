"""Tables of notices and rights requests; what a person consented to stands apart, with the declarations."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from rider_hub.storage import Code, UtcDateTime, metadata, sealed_column

__all__ = ["notice", "rights_request"]

notice = Table(
    "notice",
    metadata,
    Column("key", String(48), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", String(128), nullable=False),
    Column("body", Text, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
)

#: A rider's wish under articles 44-50 of the law that staff answer, and the trace of those that were done.
rights_request = Table(
    "rights_request",
    metadata,
    Column("id", String(32), primary_key=True),
    #: correct, erase
    Column("kind", String(12), nullable=False),
    #: NULL once the rider is erased.
    Column("rider_id", String(32)),
    #: Where the rider is in scope when it was filed; of an erased rider the county only.
    Column("division", Code(), nullable=False),
    #: open, done, refused
    Column("state", String(12), nullable=False),
    #: {"what", "registration", "value", "note", "answer"} sealed for (rights_request, id)
    sealed_column("sealed", "personal", nullable=True),
    Column("filed_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", String(80)),
    #: Of an erasure: when the pages of the database were cleared of what was deleted.
    Column("cleared_at", UtcDateTime),
    Index("ix_rights_request_state", "state", "due_at"),
    Index("ix_rights_request_rider_id", "rider_id"),
)
