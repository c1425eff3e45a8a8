"""The table of job runs: one row a job and due time decides who runs a slot."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table

from rider_hub.storage import UtcDateTime, metadata

__all__ = ["job_run"]

job_run = Table(
    "job_run",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job", String(48), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    #: running, done, failed
    Column("state", String(8), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("counts", JSON, nullable=False),
    Column("progress", Integer, nullable=False),
    #: Whether any count of a done run is more than zero; the page leaves out those with nothing to do.
    Column("worked", Boolean, nullable=False),
    Column("cure_zh", String(256)),
    Column("cure_en", String(256)),
    Column("started_by", String(80), nullable=False),
    Index("uq_job_run_slot", "job", "due_at", unique=True),
)
