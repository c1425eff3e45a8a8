"""The table of links by which one station's files come in without a log-in."""

from sqlalchemy import Column, Index, Integer, String, Table

from rider_hub.storage import UtcDateTime, keyed_column, metadata

__all__ = ["station_link"]

station_link = Table(
    "station_link",
    metadata,
    Column("id", String(32), primary_key=True),
    #: The token itself is kept nowhere.
    keyed_column("token_index", "lasting"),
    Column("platform", String(32), nullable=False),
    Column("station_ref", String(128), nullable=False),
    #: Whose station it was when the link was made: once it changes hands, the link is over.
    Column("partner", String(256)),
    Column("made_by", String(80), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("max_uses", Integer, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("revoked_by", String(80)),
    Index("uq_station_link_token", "token_index", unique=True),
    Index("ix_station_link_station", "platform", "station_ref"),
    Index("ix_station_link_expires_at", "expires_at"),
)
