"""Engines, transactions, migrations and dialect differences; knows no table by name."""

from rider_hub.storage.binary import keyed_column, open_bytes, sealed_column
from rider_hub.storage.bulk import add_rows, among, in_slices, put_rows
from rider_hub.storage.engine import Database
from rider_hub.storage.ids import new_id
from rider_hub.storage.metadata import Code, UtcDateTime, metadata, private_metadata
from rider_hub.storage.writing import in_batches, insert_ignoring, insert_rows, one_at_a_time, upsert_rows

__all__ = [
    "Code",
    "Database",
    "UtcDateTime",
    "add_rows",
    "among",
    "in_batches",
    "in_slices",
    "insert_ignoring",
    "insert_rows",
    "keyed_column",
    "metadata",
    "new_id",
    "one_at_a_time",
    "open_bytes",
    "private_metadata",
    "put_rows",
    "sealed_column",
    "upsert_rows",
]
