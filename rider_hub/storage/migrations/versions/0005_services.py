"""The tables of requests, membership, outreach."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of requests, membership, outreach."""
    op.create_table(
        "activity",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organization", sa.String(length=48), nullable=False),
        sa.Column(
            "division",
            sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("title", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("open_to_all", sa.Boolean(), nullable=False),
        sa.Column("place", sa.String(length=128), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    op.create_index("ix_activity_division", "activity", ["division"], unique=False)
    op.create_table(
        "service_request",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("query_index", sa.LargeBinary(), nullable=False),
        sa.Column("rider_id", sa.String(length=32), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column(
            "division",
            sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("organization", sa.String(length=48), nullable=True),
        sa.Column("routed_by", sa.String(length=48), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_rule", sa.String(length=80), nullable=False),
        sa.Column("due_sure", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_to", sa.String(length=48), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_request")),
        sa.UniqueConstraint("query_index", name=op.f("uq_service_request_query_index")),
    )
    op.create_index("ix_service_request_division", "service_request", ["division"], unique=False)
    op.create_index("ix_service_request_rider_id", "service_request", ["rider_id"], unique=False)
    op.create_index("ix_service_request_state", "service_request", ["state", "due_at"], unique=False)
    op.create_table(
        "request_event",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor_title", sa.String(length=128), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["request_id"], ["service_request.id"], name=op.f("fk_request_event_request_id_service_request")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_event")),
    )
    op.create_index("ix_request_event_request_id", "request_event", ["request_id", "at"], unique=False)
    op.create_table(
        "consent_entry",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_entry")),
        schema="membership",
    )
    op.create_index(
        "ix_consent_entry_subject", "consent_entry", ["subject"], unique=False, schema="membership"
    )
    op.create_table(
        "declaration",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration")),
        schema="membership",
    )
    op.create_index("ix_declaration_subject", "declaration", ["subject"], unique=True, schema="membership")
    op.create_table(
        "invitation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("body_index", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        schema="membership",
    )
    op.create_index(
        "ix_invitation_body_index", "invitation", ["body_index"], unique=False, schema="membership"
    )
    op.create_index("ix_invitation_subject", "invitation", ["subject"], unique=False, schema="membership")
