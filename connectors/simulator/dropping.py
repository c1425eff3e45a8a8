"""Leaves a simulated platform's files in a folder: under a temporary name first, or torn on order."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from connectors.records import FeedType
from connectors.simulator.documents import csv_document, workbook_document
from connectors.simulator.faults import Faults, falls
from connectors.sources.manifest import Manifest
from connectors.transport.push_client import ndjson

Form = Literal["csv", "xlsx", "ndjson"]


def drop_files(
    folder: Path,
    manifest: Manifest,
    feed_type: FeedType,
    parts: Iterable[Sequence[Mapping[str, Any]]],
    *,
    form: Form = "csv",
    faults: Faults | None = None,
    pause_s: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Path]:
    """Write one file a part and return their names; rows are as `source_rows` gives them.

    A file is written as `name.part` and renamed when whole. Every `torn_every`-th is written under its final
    name in two halves with a pause between them, as careless programs do.
    """
    faults = faults or Faults()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, rows in enumerate(parts, 1):
        path = folder / f"{feed_type}-{number:04d}.{form}"
        content = document(manifest, feed_type, rows, form)
        if falls(number, faults.torn_every):
            half = len(content) // 2
            path.write_bytes(content[:half])
            sleep(pause_s)
            with path.open("ab") as file:
                file.write(content[half:])
        else:
            temporary = path.with_name(f"{path.name}.part")
            temporary.write_bytes(content)
            temporary.rename(path)
        written.append(path)
    return written


def document(manifest: Manifest, feed_type: FeedType, rows: Sequence[Mapping[str, Any]], form: Form) -> bytes:
    """Return source rows as the bytes of a file."""
    if form == "ndjson":
        return ndjson(rows)
    return (workbook_document if form == "xlsx" else csv_document)(manifest, feed_type, rows)
