"""Tables of party organizations, platforms, stations and instructors."""

from sqlalchemy import Boolean, Column, Date, Float, Index, Integer, String, Table

from rider_hub.storage import Code, UtcDateTime, keyed_column, metadata

__all__ = ["coverage", "instructor", "party_organization", "platform", "station"]

platform = Table(
    "platform",
    metadata,
    Column("code", String(32), primary_key=True),
    Column("name", String(64), nullable=False),
)

party_organization = Table(
    "party_organization",
    metadata,
    Column("code", String(48), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("host_kind", String(16), nullable=False),
    Column("host_ref", String(64)),
    Column("parent", String(48)),
    Column("division", Code(), nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Index("ix_party_organization_division", "division"),
)

#: What an organization covers: a station ("jia/S-17"), a community, a street or a county.
coverage = Table(
    "organization_coverage",
    metadata,
    Column("organization", String(48), primary_key=True),
    Column("covered_kind", String(16), primary_key=True),
    Column("covered_ref", String(168), primary_key=True),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Index("ix_organization_coverage_covered", "covered_kind", "covered_ref"),
)

#: A delivery station. lng/lat are WGS 84; frame is the one the sender stated.
station = Table(
    "station",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("station_ref", String(128), nullable=False),
    Column("partner", String(256)),
    Column("name", String(256), nullable=False),
    Column("address", String(256)),
    #: As the sender states it; what matching finds stands in the assignment.
    Column("stated_community", Code()),
    #: Where the station lies: community (12), street (9) or county (6 digits), found on intake.
    Column("division", Code(), nullable=False),
    Column("lng", Float),
    Column("lat", Float),
    Column("frame", String(16)),
    Column("headcount", Integer),
    Column("active_from", Date),
    Column("active_to", Date),
    Column("version_at", UtcDateTime, nullable=False),
    Column("version_id", String(128), nullable=False),
    keyed_column("digest", "lasting"),
    Column("retracted", Boolean, nullable=False),
    Index("uq_station_platform_ref", "platform", "station_ref", unique=True),
    Index("ix_station_division", "division"),
)

#: An instructor's post (指导员) in a division; a post, never a person's name.
instructor = Table(
    "instructor",
    metadata,
    Column("code", String(48), primary_key=True),
    Column("title", String(128), nullable=False),
    Column("division", Code(), nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
)
