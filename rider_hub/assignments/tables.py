"""Tables of match runs, their staged differences, and assignments with validity."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table

from rider_hub.storage import Code, UtcDateTime, metadata

__all__ = ["assignment", "match_change", "match_run"]

match_run = Table(
    "match_run",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("county", Code(), nullable=False),
    #: previewed, approved, applied, rolled_back, discarded
    Column("state", String(12), nullable=False),
    #: boundary editions, parameter versions, snapshot time, counts of riders
    Column("inputs", JSON, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(80), nullable=False),
    Column("approved_at", UtcDateTime),
    Column("approved_by", String(80)),
    Column("applied_at", UtcDateTime),
    Column("applied_by", String(80)),
    Column("rolled_back_at", UtcDateTime),
    Column("rolled_back_by", String(80)),
    Column("outcome", JSON),
    Index("ix_match_run_county", "county", "created_at"),
)

#: A staged difference: what a run would change for one rider. Unchanged riders are not staged.
match_change = Table(
    "match_change",
    metadata,
    Column("run_id", String(32), ForeignKey("match_run.id"), primary_key=True),
    Column("rider_id", String(32), primary_key=True),
    #: new, moved, lost, unresolved
    Column("kind", String(12), nullable=False),
    Column("before", JSON),
    Column("after", JSON),
    #: Version of the rider's assignment the preview saw; another one on apply means skip and match again.
    Column("base_version", Integer, nullable=False),
    Column("division", Code(), nullable=False),
    Column("applied", Boolean, nullable=False),
    Column("skipped", Boolean, nullable=False),
)

#: One row a rider and version; the current one has no valid_to.
assignment = Table(
    "assignment",
    metadata,
    Column("rider_id", String(32), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("run_id", String(32), nullable=False),
    #: The finest division found: community, street or county.
    Column("division", Code(), nullable=False),
    Column("community", Code()),
    Column("street", Code()),
    Column("station", String(168)),
    Column("station_branch", String(48)),
    Column("community_branch", String(48)),
    Column("instructor", String(48)),
    #: [{"code", "metres"}], nearest first
    Column("love_stations", JSON, nullable=False),
    #: {"community": reason, "station_branch": reason, …} by reason codes
    Column("reasons", JSON, nullable=False),
    #: Reason code where something could not be resolved, else NULL.
    Column("unresolved", String(48)),
    Column("valid_from", UtcDateTime, nullable=False),
    Column("valid_to", UtcDateTime),
    Index("ix_assignment_division", "division"),
    Index("ix_assignment_run_id", "run_id"),
    Index("ix_assignment_valid_to", "valid_to"),
)
