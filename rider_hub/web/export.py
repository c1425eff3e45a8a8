"""Workbooks that leave the hub: titled, signed for, printable, and without a formula in them."""

import asyncio
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import xlsxwriter

from rider_hub.errors import Invalid
from rider_hub.web.cells import Kind, Plain

__all__ = ["MAX_ROWS", "Sheet", "SheetColumn", "attachment", "write_workbook"]

#: Excel holds 1,048,576 rows; the lines above the table need a few.
MAX_ROWS = 1_048_000
_MAX_TEXT = 32_767  # characters in a cell
_MAX_MARK = 100  # characters of a printed mark; & counts twice, and the page numbers stand beside it
_EXACT_DIGITS = 15  # of a number in a cell; more are kept as text
_FIRST_DATE = date(1900, 3, 1)  # before it Excel's calendar is one day off
_CUT = "…（过长，已截断）"
_WIDTHS: dict[str, int] = {
    "number": 10,
    "metres": 10,
    "date": 12,
    "time": 17,
    "phone": 14,
    "code": 15,
    "reason": 48,
}
_FORMATS: dict[str, dict[str, Any]] = {
    "number": {"num_format": "#,##0.##;-#,##0.##;0"},
    "metres": {"num_format": '#,##0" 米"'},
    "date": {"num_format": "yyyy-mm-dd", "align": "left"},
    "time": {"num_format": "yyyy-mm-dd hh:mm", "align": "left"},
    "reason": {"text_wrap": True, "num_format": "@"},
}
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


@dataclass(frozen=True)
class SheetColumn:
    """A column of a workbook: title, kind, and width in Chinese characters where it is set."""

    title: str
    kind: Kind = "text"
    width: int | None = None


@dataclass(frozen=True)
class Sheet:
    """A table with what a signed ledger says above it."""

    title: str
    unit: str
    reporter: str
    as_of: str
    columns: Sequence[SheetColumn]
    rows: Sequence[Sequence[Plain]]
    filters: str = "无"
    #: Left empty for a signature where nobody has approved yet.
    reviewer: str = ""
    #: Who took it, when, under which number: above the table, on each printed page, in the properties.
    watermark: str = ""
    #: What it may be used for.
    notice: str = ""


async def write_workbook(sheet: Sheet) -> bytes:
    """Return the sheet as an xlsx file, written in a thread.

    Raises Invalid (`export_too_large`) above 1,048,000 rows. Text over 32,767 characters is cut and says so.
    """
    if len(sheet.rows) > MAX_ROWS:
        raise Invalid(
            f"共 {len(sheet.rows):,} 行，超过一个 Excel 表能放的 {MAX_ROWS:,} 行。"
            "请先筛选（例如按街道）再分次导出。",
            f"{len(sheet.rows):,} rows are more than the {MAX_ROWS:,} one sheet holds. "
            "Filter first (by street, say) and export in parts.",
            code="export_too_large",
        )
    return await asyncio.to_thread(_write, sheet)


def attachment(name: str) -> str:
    """Return the Content-Disposition of a download whose name may be Chinese (RFC 6266)."""
    clean = _NOT_IN_NAMES.sub("_", _text(name)).strip(" .") or "export"
    plain = re.sub(r"[^A-Za-z0-9._-]+", "", clean)
    ascii_name = plain if re.match(r"[A-Za-z0-9]", plain) else f"export{plain}"
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(clean, safe='')}"


def _write(sheet: Sheet) -> bytes:
    target = BytesIO()
    with (
        TemporaryDirectory(prefix="rider-hub-export-") as folder,
        xlsxwriter.Workbook(target, {**_OPTIONS, "tmpdir": folder}) as book,
    ):
        marked = {"subject": sheet.notice, "comments": sheet.watermark, "keywords": sheet.watermark}
        book.set_properties(
            {"title": sheet.title, "author": sheet.reporter} | (marked if sheet.watermark else {})
        )
        page = book.add_worksheet("台账")
        head = _write_head(book, page, sheet)
        formats = [
            book.add_format({"border": 1, "valign": "top", **_FORMATS.get(c.kind, {"num_format": "@"})})
            for c in sheet.columns
        ]
        for row, values in enumerate(sheet.rows, start=head + 1):
            for column, value in enumerate(values):
                _write_cell(page, row, column, value, formats[column])
    return target.getvalue()


def _write_head(book: Any, page: Any, sheet: Sheet) -> int:
    """Write what stands above the rows and how the sheet prints; return the header's row."""
    title = book.add_format({"bold": True, "font_size": 16})
    bold = {"bold": True, "border": 1, "bg_color": "#F0F0F0", "text_wrap": True, "valign": "vcenter"}
    lines = (
        f"填报单位：{sheet.unit}",
        f"填报人：{sheet.reporter}",
        f"审核人：{sheet.reviewer}",
        f"截至时间：{sheet.as_of}",
        f"筛选条件：{sheet.filters}；共 {len(sheet.rows)} 行",
        *filter(None, (sheet.watermark, sheet.notice)),
    )
    page.write_string(0, 0, _text(sheet.title), title)
    for row, line in enumerate(lines, start=1):
        page.write_string(row, 0, _text(line))
    head = len(lines) + 1
    for column, spec in enumerate(sheet.columns):
        page.write_string(head, column, _text(spec.title), book.add_format(bold))
        width = spec.width * 2 if spec.width else _WIDTHS.get(spec.kind, 16)
        page.set_column(column, column, max(width, len(spec.title) * 2 + 2))
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.repeat_rows(head)
    page.freeze_panes(head + 1, 1)
    mark = _printed(sheet.watermark)
    if mark:
        page.set_header(f"&L{mark}")
    page.set_footer(f"&L{mark}&R第 &P 页，共 &N 页" if mark else "&C第 &P 页，共 &N 页")
    if sheet.rows:
        page.autofilter(head, 0, head + len(sheet.rows), len(sheet.columns) - 1)
    return head


def _printed(mark: str) -> str:
    """Return a mark as a header takes it: & doubled, within the 255 characters of the format."""
    return _text(mark)[:_MAX_MARK].replace("&", "&&")


def _write_cell(page: Any, row: int, column: int, value: Plain, style: Any) -> None:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        page.write_blank(row, column, None, style)
    elif isinstance(value, date) and _as_date(value) >= _FIRST_DATE:
        page.write_datetime(row, column, value, style)
    elif isinstance(value, (int, float)) and len(str(abs(int(value)))) <= _EXACT_DIGITS:
        page.write_number(row, column, value, style)
    else:
        page.write_string(row, column, _text(str(value)), style)


def _as_date(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _text(value: str) -> str:
    """Make a text fit a cell: no lone surrogates, which no file can hold, and no more than a cell takes."""
    value = value.encode("utf-8", "replace").decode("utf-8")
    return value if len(value) <= _MAX_TEXT else value[: _MAX_TEXT - len(_CUT)] + _CUT
