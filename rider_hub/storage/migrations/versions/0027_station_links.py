"""Links that take files of one station, and in whose name a batch and its rows were handed in."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of links; say of receipts and quarantined rows whose they are."""
    op.create_table(
        "station_link",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_index", sa.LargeBinary(), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("station_ref", sa.String(length=128), nullable=False),
        sa.Column("partner", sa.String(length=256), nullable=True),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_link")),
    )
    op.create_index("uq_station_link_token", "station_link", ["token_index"], unique=True)
    op.create_index("ix_station_link_station", "station_link", ["platform", "station_ref"], unique=False)
    op.create_index("ix_station_link_expires_at", "station_link", ["expires_at"], unique=False)
    op.add_column("receipt", sa.Column("partner", sa.String(length=256), nullable=True))
    op.add_column("receipt", sa.Column("link", sa.String(length=32), nullable=True))
    op.create_index("ix_receipt_partner", "receipt", ["partner"], unique=False)
    op.create_index("ix_receipt_link", "receipt", ["link"], unique=False)
    op.add_column("quarantine", sa.Column("partner", sa.String(length=256), nullable=True))
    # With a default, so that a program of the version before still writes its rows beside this one.
    op.add_column(
        "quarantine", sa.Column("standard", sa.Boolean(), nullable=False, server_default=sa.false())
    )
