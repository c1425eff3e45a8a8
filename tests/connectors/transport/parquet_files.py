"""Parquet files for tests."""

import io
from typing import Any

import pyarrow as pa
from pyarrow import parquet

__all__ = ["parquet_of"]


def parquet_of(rows: Any, **options: Any) -> bytes:
    """Return rows, or a table, as a Parquet file."""
    data = io.BytesIO()
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    parquet.write_table(table, data, **options)
    return data.getvalue()
