"""The chain of the audit trail: the rows' keys and seals, the seals, and what stands for pruned ones."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what rows need to be sealed; rows from before have no key id, and `audit verify` says so."""
    with op.batch_alter_table("audit_row") as batch:
        batch.add_column(sa.Column("actor_title", sa.String(length=200), nullable=False, server_default=""))
        batch.add_column(sa.Column("key_id", sa.String(length=64), nullable=False, server_default=""))
        batch.add_column(sa.Column("seal_no", sa.BigInteger(), nullable=True))
    op.create_index("ix_audit_row_seal_no", "audit_row", ["seal_no"], unique=False)
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("first_row", sa.String(length=32), nullable=False),
        sa.Column("last_row", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seal")),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("seal_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("seal_mac", sa.LargeBinary(), nullable=False),
        sa.Column("pruned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seal_no", name=op.f("pk_audit_checkpoint")),
    )
