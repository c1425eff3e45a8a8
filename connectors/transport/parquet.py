"""Reads a Parquet file as rows of JSON; its reader is an extra, and loaded in a process of its own alone.

Run as `python -m connectors.transport.parquet MEMORY_BYTES SECONDS`: see `limited`.
"""

import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any, Final

from connectors.errors import FeedError
from connectors.problems import feed_error
from connectors.transport.limited import MEMORY, SECONDS, TOO_LARGE, limit, lines_of
from connectors.transport.tables import MAX_COLUMNS, put

MAGIC: Final = b"PAR1"
"""What a Parquet file begins with, and ends with once it is whole."""

_UNREADABLE, _NOT_INSTALLED, _SAME_NAMES, _TOO_WIDE = 3, 4, 6, 7
_CODES: Final = {_NOT_INSTALLED: "parquet_not_installed", _SAME_NAMES: "parquet_same_names"}
_ROWS_AT_ONCE: Final = 1000
#: What a row costs whoever holds it, beside its text: a few bytes of Parquet may say millions of rows.
_ROW_COST: Final = 128
_LENGTH: Final = 4


def is_whole(data: bytes) -> bool:
    """Say whether a Parquet file has its end: the footer, written last, with its length and the magic."""
    footer = int.from_bytes(data[-2 * _LENGTH : -_LENGTH], "little")
    return data.endswith(MAGIC) and 0 < footer <= len(data) - 3 * _LENGTH


def parquet_rows(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of a Parquet file, each as JSON, counted from 1; structs are nested, and `a.b` nests."""
    lines = lines_of("connectors.transport.parquet", data, _error, row_cost=_ROW_COST)
    return ((number, line.rstrip(b"\n")) for number, line in enumerate(lines, 1))


def plain(value: Any) -> Any:  # noqa: PLR0911 - one for each kind of value
    """Return a value as JSON has it: times as ISO text with the offset they have.

    A time without a zone gets no offset here, so that the check refuses it at its row and field.
    """
    if type(value) is str or value is None:  # most of them
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, float):
        # What pandas writes for nothing; the infinite is told as text, which no number's field takes.
        return None if math.isnan(value) else value if math.isfinite(value) else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        # Old writers mark no text; bytes that are none become what costs this row alone (row_not_json).
        return value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, bool | int) else str(value)


def nested(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row whose dotted names nest, where nothing else stands in the way."""
    if not any("." in name for name in row):
        return dict(row)
    named: dict[str, Any] = {}
    for name, value in row.items():
        put(named, name, value)
    return named


def _error(status: int) -> FeedError:
    if status == TOO_LARGE:
        return feed_error("parquet_too_large", status=413, memory_mb=MEMORY // (1024 * 1024), seconds=SECONDS)
    if status == _TOO_WIDE:
        return feed_error("too_many_columns", status=413, limit=MAX_COLUMNS)
    return feed_error(_CODES.get(status, "parquet_unreadable"))


def _rows(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the rows, read in small batches by one thread; times are read to the microsecond."""
    # Memory that was freed goes back at once, and no pool reserves more than the limit.
    os.environ.update(ARROW_DEFAULT_MEMORY_POOL="system", OPENBLAS_NUM_THREADS="1")
    import pyarrow as pa  # noqa: PLC0415 - loaded under the limits
    from pyarrow import parquet  # noqa: PLC0415

    file = parquet.ParquetFile(pa.BufferReader(data), pre_buffer=False, coerce_int96_timestamp_unit="us")
    if file.metadata.num_columns > MAX_COLUMNS:  # of structs, their parts
        raise SystemExit(_TOO_WIDE)
    if _has_same_names(file.schema_arrow):
        raise SystemExit(_SAME_NAMES)
    for batch in file.iter_batches(_ROWS_AT_ONCE, use_threads=False):
        yield from _to_microseconds(pa, batch).to_pylist(maps_as_pydicts="lossy")


def _has_same_names(fields: Iterable[Any]) -> bool:
    """Say whether two columns, or two parts of one, have one name: of one of them nothing would be seen."""
    of_one = list(fields)
    names = [field.name for field in of_one]
    return len(set(names)) < len(names) or any(
        _has_same_names(field.type.field(i) for i in range(field.type.num_fields)) for field in of_one
    )


def _to_microseconds(pa: Any, batch: Any) -> Any:
    """Return the batch with its times as Python can say them; deeper ones are not converted."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns"
        else field
        for field in batch.schema
    ]
    return batch.cast(pa.schema(fields), safe=False)


def main(argv: list[str]) -> None:
    """Limit memory and time, then print the rows."""
    limit(*argv)
    try:
        for row in _rows(sys.stdin.buffer.read()):
            sys.stdout.write(json.dumps(nested(plain(row)), ensure_ascii=True, allow_nan=False))
            sys.stdout.write("\n")
    except ImportError:
        raise SystemExit(_NOT_INSTALLED) from None
    except MemoryError:
        raise SystemExit(TOO_LARGE) from None
    except Exception:  # noqa: BLE001 - a trace would repeat what stands in the file
        raise SystemExit(_UNREADABLE) from None


if __name__ == "__main__":
    main(sys.argv[1:])
