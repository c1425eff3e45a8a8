"""One private row a rider: the ledger of consents moves into the envelope of the record; no rowids on SQLite.

A migration holds no keys, so it can't move consents from one envelope to another. No release has written any;
where a trial did, the migration stops before it changes anything.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SCHEMA = "membership"


def upgrade() -> None:
    """Make the private tables anew; raises where they hold rows of a trial."""
    connection = op.get_bind()
    schema = _SCHEMA if connection.dialect.name == "postgresql" else None
    for name in ("consent_entry", "declaration", "invitation"):
        table = sa.table(name, sa.column("id"), schema=schema)
        if connection.execute(sa.select(table.c.id).limit(1)).first() is not None:
            message = f"{name} holds rows of a version before the first release: build the database anew"
            raise RuntimeError(message)
        op.drop_table(name, schema=_SCHEMA)
    op.create_table(
        "declaration",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration")),
        schema=_SCHEMA,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_declaration_subject", "declaration", ["subject"], unique=True, schema=_SCHEMA)
    op.create_table(
        "invitation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("body_index", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        schema=_SCHEMA,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_invitation_body_index", "invitation", ["body_index"], unique=False, schema=_SCHEMA)
    op.create_index("ix_invitation_subject", "invitation", ["subject"], unique=False, schema=_SCHEMA)
