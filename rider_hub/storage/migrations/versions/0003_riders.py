"""The tables of riders, intake."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of riders, intake."""
    op.create_table(
        "feed_cursor",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("feed_type", sa.String(length=16), nullable=False),
        sa.Column("position", sa.String(length=256), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "feed_type", name=op.f("pk_feed_cursor")),
    )
    op.create_table(
        "identity_link",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("registration_a", sa.String(length=32), nullable=False),
        sa.Column("registration_b", sa.String(length=32), nullable=False),
        sa.Column("rider_before_b", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_link")),
    )
    op.create_index("ix_identity_link_registration_b", "identity_link", ["registration_b"], unique=False)
    op.create_index("ix_identity_link_state", "identity_link", ["state"], unique=False)
    op.create_index(
        "uq_identity_link_pair", "identity_link", ["registration_a", "registration_b"], unique=True
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column(
            "county",
            sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("feed_type", sa.String(length=16), nullable=False),
        sa.Column("transport", sa.String(length=8), nullable=False),
        sa.Column("source_name", sa.String(length=200), nullable=True),
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("body_digest", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("frame_verdict", sa.String(length=20), nullable=True),
        sa.Column("frame_evidence", sa.JSON(), nullable=True),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("not_stored", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("through_row", sa.Integer(), nullable=False),
        sa.Column("failures", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
    )
    op.create_index("ix_receipt_created_at", "receipt", ["created_at"], unique=False)
    op.create_index("uq_receipt_key", "receipt", ["platform", "feed_type", "idempotency_key"], unique=True)
    op.create_table(
        "registration_history",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("registration_id", sa.String(length=32), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("employment", sa.String(length=16), nullable=True),
        sa.Column("station_ref", sa.String(length=128), nullable=True),
        sa.Column("receipt_id", sa.String(length=32), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration_history")),
    )
    op.create_index(
        "ix_registration_history_registration_id", "registration_history", ["registration_id"], unique=False
    )
    op.create_table(
        "rider",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column(
            "division",
            sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_phone", sa.LargeBinary(), nullable=True),
        sa.Column(
            "chosen_community",
            sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rider")),
    )
    op.create_index("ix_rider_division", "rider", ["division"], unique=False)
    op.create_table(
        "sender",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column(
            "county",
            sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("manifest", sa.String(length=32), nullable=True),
        sa.Column("tier", sa.String(length=1), nullable=False),
        sa.Column("basis", sa.String(length=32), nullable=True),
        sa.Column("basis_document", sa.String(length=128), nullable=True),
        sa.Column("frame", sa.String(length=16), nullable=True),
        sa.Column("sealed_keys", sa.LargeBinary(), nullable=True),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("platform", name=op.f("pk_sender")),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("receipt_id", sa.String(length=32), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column(
            "county",
            sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("feed_type", sa.String(length=16), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.String(length=128), nullable=True),
        sa.Column("failures", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mended", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipt.id"], name=op.f("fk_quarantine_receipt_id_receipt")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_expires_at", "quarantine", ["expires_at"], unique=False)
    op.create_index("ix_quarantine_platform", "quarantine", ["platform", "state"], unique=False)
    op.create_index("ix_quarantine_receipt_id", "quarantine", ["receipt_id"], unique=False)
    op.create_table(
        "registration",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("rider_id", sa.String(length=32), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("platform_rider_ref", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("employment", sa.String(length=16), nullable=True),
        sa.Column("station_ref", sa.String(length=128), nullable=True),
        sa.Column(
            "area_community",
            sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("area_lng", sa.Float(), nullable=True),
        sa.Column("area_lat", sa.Float(), nullable=True),
        sa.Column("area_frame", sa.String(length=16), nullable=True),
        sa.Column(
            "county",
            sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version_id", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("phone4_index", sa.LargeBinary(), nullable=True),
        sa.Column("name_index", sa.LargeBinary(), nullable=True),
        sa.Column("identity_index", sa.LargeBinary(), nullable=True),
        sa.Column("hold", sa.String(length=48), nullable=True),
        sa.ForeignKeyConstraint(["rider_id"], ["rider.id"], name=op.f("fk_registration_rider_id_rider")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
    )
    op.create_index("ix_registration_identity_index", "registration", ["identity_index"], unique=False)
    op.create_index("ix_registration_name_index", "registration", ["name_index"], unique=False)
    op.create_index("ix_registration_phone4_index", "registration", ["phone4_index"], unique=False)
    op.create_index("ix_registration_phone_index", "registration", ["phone_index"], unique=False)
    op.create_index("ix_registration_rider_id", "registration", ["rider_id"], unique=False)
    op.create_index("ix_registration_station", "registration", ["platform", "station_ref"], unique=False)
    op.create_index(
        "uq_registration_platform_ref", "registration", ["platform", "platform_rider_ref"], unique=True
    )
