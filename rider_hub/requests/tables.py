"""Tables of service requests and what happened to each."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table

from rider_hub.storage import Code, UtcDateTime, keyed_column, metadata, sealed_column

__all__ = ["request_event", "service_request"]

service_request = Table(
    "service_request",
    metadata,
    Column("id", String(32), primary_key=True),
    #: HMAC of the 查询码: only its holder can ask without signing in.
    keyed_column("query_index", "lasting", unique=True),
    #: NULL where the reporter wished to stay anonymous.
    Column("rider_id", String(32)),
    Column("channel", String(16), nullable=False),
    Column("category", String(32), nullable=False),
    Column("division", Code(), nullable=False),
    #: {"text", "address"} sealed for (service_request, id)
    sealed_column("sealed", "personal"),
    #: open, answered, confirmed, reopened
    Column("state", String(12), nullable=False),
    #: NULL where nobody answers for the place yet: the county's to assign.
    Column("organization", String(48)),
    #: The reason code of the routing.
    Column("routed_by", String(48), nullable=False),
    Column("filed_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    #: The figure the due time was computed with, and whether the holidays up to it were published.
    Column("due_rule", String(80), nullable=False),
    Column("due_sure", Boolean, nullable=False),
    Column("answered_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    #: Set by the tracking job when the due time passed unanswered.
    Column("overdue_at", UtcDateTime),
    Column("escalated_to", String(48)),
    #: Set once its words and its reporter were wiped.
    Column("emptied_at", UtcDateTime),
    Index("ix_service_request_division", "division"),
    Index("ix_service_request_rider_id", "rider_id"),
    Index("ix_service_request_state", "state", "due_at"),
)

request_event = Table(
    "request_event",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("request_id", String(32), ForeignKey("service_request.id"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    #: filed, routed, answered, confirmed, reopened, overdue
    Column("kind", String(16), nullable=False),
    Column("actor_title", String(128), nullable=False),
    sealed_column("sealed", "personal", nullable=True),
    Index("ix_request_event_request_id", "request_id", "at"),
)
