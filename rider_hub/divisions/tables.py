"""Tables of division codes and boundaries, each belonging to an edition."""

from sqlalchemy import JSON, Boolean, Column, Date, ForeignKey, Index, Integer, String, Table

from rider_hub.storage import Code, UtcDateTime, metadata, open_bytes

__all__ = ["boundary", "division", "edition"]

#: A dated set of codes (kind "codes") or polygons (kind "boundaries") for one region and level. The region is
#: the division whose inside the edition describes whole; "" is the nation. Older editions are kept.
edition = Table(
    "edition",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("region", Code(), nullable=False),
    Column("level", String(16), nullable=False),
    Column("title", String(128), nullable=False),
    Column("as_of", Date, nullable=False),
    #: Sketched borders (示意边界) are labelled so wherever they are drawn.
    Column("sketch", Boolean, nullable=False),
    Column("report", JSON, nullable=False),
    Column("imported_at", UtcDateTime, nullable=False),
    #: Whole: a half-written edition (its import broke off) is never used and goes with the next import.
    Column("finished", Boolean, nullable=False),
    Column("current", Boolean, nullable=False),
)

division = Table(
    "division",
    metadata,
    Column("edition_id", String(32), ForeignKey("edition.id"), primary_key=True),
    Column("code", Code(), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("level", String(16), nullable=False),
    Column("parent", Code()),
    Index("ix_division_parent", "edition_id", "parent"),
)

boundary = Table(
    "boundary",
    metadata,
    Column("edition_id", String(32), ForeignKey("edition.id"), primary_key=True),
    Column("code", Code(), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("level", String(16), nullable=False),
    #: WKB in lng/lat degrees, WGS 84.
    open_bytes("shape"),
    Column("vertices", Integer, nullable=False),
)
