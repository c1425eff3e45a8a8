"""Writes a simulated platform's rows as the files it would deliver: CSV in any encoding, or a workbook."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import xlsxwriter

from connectors.records import FeedType
from connectors.sources.manifest import Manifest
from connectors.sources.values import get_path


def csv_document(
    manifest: Manifest, feed_type: FeedType, rows: Sequence[Mapping[str, Any]], encoding: str = "gb18030"
) -> bytes:
    """Return source rows as a CSV with the manifest's columns, in the encoding."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(_table(manifest, feed_type, rows))
    return text.getvalue().encode(encoding)


def workbook_document(manifest: Manifest, feed_type: FeedType, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return source rows as a workbook of text cells with the manifest's columns."""
    data = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(data, options) as workbook:
        sheet = workbook.add_worksheet(manifest.name_zh)
        for number, cells in enumerate(_table(manifest, feed_type, rows)):
            for column, cell in enumerate(cells):
                sheet.write_string(number, column, cell)
    return data.getvalue()


def _table(manifest: Manifest, feed_type: FeedType, rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    feed = manifest.feed(feed_type)
    known = [*feed.columns, *(point.column for point in feed.points)]
    extra = dict.fromkeys(name for row in rows for name in row if name not in known and "." not in name)
    nested = {name.partition(".")[0] for name in known if "." in name}
    header = [*known, *(name for name in extra if name not in nested)]
    return [header, *([_cell(get_path(row, name)) for name in header] for row in rows)]


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
