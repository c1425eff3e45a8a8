"""Tables of activities (open) and invitations (private: those to open and to party activities look alike)."""

from operator import itemgetter

from sqlalchemy import Boolean, Column, Index, String, Table

from rider_hub.storage import Code, UtcDateTime, keyed_column, metadata, private_metadata, sealed_column

__all__ = ["activity", "invitation"]

activity = Table(
    "activity",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organization", String(48), nullable=False),
    Column("division", Code(), nullable=False),
    Column("title", String(128), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("open_to_all", Boolean, nullable=False),
    Column("place", String(128)),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Index("ix_activity_division", "division"),
)

invitation = Table(
    "invitation",
    private_metadata,
    Column("id", String(32), primary_key=True),
    keyed_column("subject", "subject", field="rider", of=itemgetter("rider_id")),
    #: HMAC of the inviting body, so that its worklist is found without opening every row.
    keyed_column("body_index", "subject", field="body", of=itemgetter("body")),
    sealed_column("sealed", "membership"),
    Index("ix_invitation_subject", "subject"),
    Index("ix_invitation_body_index", "body_index"),
    sqlite_with_rowid=False,
)
