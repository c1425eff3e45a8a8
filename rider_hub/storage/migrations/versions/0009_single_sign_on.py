"""The tables of single sign-on."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of single sign-on."""
    op.create_table(
        "linked_identity",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_linked_identity_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_linked_identity")),
        sa.UniqueConstraint("issuer", "user_id", name=op.f("uq_linked_identity_issuer_user_id")),
    )
    op.create_table(
        "sign_on_attempt",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_sign_on_attempt")),
    )
    op.create_index(op.f("ix_sign_on_attempt_created_at"), "sign_on_attempt", ["created_at"], unique=False)
