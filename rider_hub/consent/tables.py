"""The table of notices; what a person consented to is kept apart, with the declarations."""

from sqlalchemy import Column, Integer, String, Table, Text

from rider_hub.storage import UtcDateTime, metadata

__all__ = ["notice"]

notice = Table(
    "notice",
    metadata,
    Column("key", String(48), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", String(128), nullable=False),
    Column("body", Text, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
)
