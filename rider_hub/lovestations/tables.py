"""The table of love stations."""

from sqlalchemy import JSON, Column, Date, Float, Index, Integer, String, Table

from rider_hub.storage import Code, metadata

__all__ = ["love_station"]

#: lng/lat are WGS 84.
love_station = Table(
    "love_station",
    metadata,
    Column("code", String(48), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("address", String(256)),
    Column("division", Code(), nullable=False),
    Column("lng", Float, nullable=False),
    Column("lat", Float, nullable=False),
    Column("services", JSON, nullable=False),
    Column("opening_hours", String(256), nullable=False),
    Column("capacity", Integer),
    Column("verified_on", Date),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Index("ix_love_station_division", "division"),
)
