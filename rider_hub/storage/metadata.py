"""The two sets of tables (open and private) and the column types both databases share."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, MetaData, String, TypeDecorator

from rider_hub.clock import check_aware

__all__ = ["PRIVATE_SCHEMA", "Code", "UtcDateTime", "metadata", "private_metadata"]

_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: On PostgreSQL, declarations, their consents and invitations live in a schema of their own, under a role of
#: their own; SQLite has no schemas, so there the tables are told apart by their MetaData alone.
PRIVATE_SCHEMA = "membership"

metadata = MetaData(naming_convention=_NAMES)
private_metadata = MetaData(naming_convention=_NAMES, schema=PRIVATE_SCHEMA)


def Code(length: int = 12) -> String:  # noqa: N802 - stands where a column type stands
    """Return a text column type compared byte by byte, so that ranges over codes use the index."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC in the database; a naive value is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Turn an aware datetime into what the database stores."""
        if value is None:
            return None
        aware = check_aware(value)
        return aware.replace(tzinfo=None) if dialect.name == "sqlite" else aware

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the stored instant its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)
