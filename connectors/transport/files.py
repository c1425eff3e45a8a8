"""Reads feed files (CSV, XLSX, NDJSON, JSON, Parquet) into rows, finds files that are ready; no contract."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from connectors.problems import feed_error
from connectors.sources.file_form import FileForm
from connectors.transport.completeness import CHECKSUM
from connectors.transport.parquet import MAGIC, parquet_rows
from connectors.transport.tables import csv_rows, first_of_text, first_of_workbook, workbook_rows

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""The largest file read; it is held in memory once."""

_WORKBOOK: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What text never holds and a wrong reading as GB18030 soon gives: controls, private use, non-characters.
_NOT_TEXT: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd-\uffff]")
_FIRST_OF_THREE_BYTES: Final = "\u0800"
_LINES: Final = frozenset({".ndjson", ".jsonl"})
_JSON: Final = _LINES | {".json"}
_FORM: Final = FileForm()
_TEMPORARY: Final = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~")

Kind = Literal["workbook", "csv", "lines", "array"]
FileRow = tuple[int, dict[str, Any] | bytes]


def read_rows(
    source: Path | str | bytes,
    *,
    name: str = "",
    sheet: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    form: FileForm = _FORM,
) -> Iterator[FileRow]:
    """Yield the rows of a feed file, counted from 1 without a header.

    `source` is a path or the file's bytes, `name` its name where it has one. The content decides the
    format, the name only where the content leaves it open; `form` is what its sender's mapping says of it.
    Tables give dicts of text, JSON and Parquet give each row's own bytes of JSON, which `check` reads: so a
    broken line is one refused row.
    Raises FeedError where the whole can't be read; but for JSON that may be after some rows.
    """
    data = source if isinstance(source, bytes) else _read(Path(source))
    name = name or ("" if isinstance(source, bytes) else Path(source).name)
    if not data.strip():
        raise feed_error("file_empty")
    if data.startswith(_WORKBOOK):
        return workbook_rows(data, sheet, form)
    if data.startswith(MAGIC):
        return parquet_rows(data)
    suffix = Path(name).suffix.lower()
    if encoding is None and form.encoding != "auto":
        encoding = form.encoding
    if encoding is None and _is_broken_utf_8(data) and (suffix in _LINES or data.lstrip()[:1] == b"{"):
        # Each line is read alone later: a broken byte costs its own row, not the file.
        lines = enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1)
        return ((number, line) for number, line in lines if line.strip())
    text = decode_text(data, encoding)
    if not text.strip():
        raise feed_error("file_empty")
    # A first cell may begin as JSON does: where the form of a table is stated, the name alone says otherwise.
    kind = "csv" if form.is_stated and suffix not in _JSON else _kind(text, suffix)
    if kind == "array":
        return array_rows(text.encode())
    return line_rows(text) if kind == "lines" else csv_rows(text, delimiter, form)


def first_cells(data: bytes, name: str = "", form: FileForm = _FORM) -> list[str] | None:
    """Return the cells of a table's first row that is not blank; None for JSON and Parquet."""
    if data.startswith(_WORKBOOK):
        return first_of_workbook(data)
    if not data.strip() or data.startswith(MAGIC):
        return None
    text = decode_text(data, None if form.encoding == "auto" else form.encoding)
    if not form.is_stated and _kind(text, Path(name).suffix.lower()) != "csv":
        return None
    return first_of_text(text, form)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise feed_error("file_unreadable") from error
    if len(data) > MAX_FILE_BYTES:
        raise feed_error("body_too_large", status=413, limit=MAX_FILE_BYTES // 1024**2)
    return data


def decode_text(data: bytes, encoding: str | None = None) -> str:
    """Return the text of a file: a stated encoding, else a byte order mark, else UTF-8, else GB18030.

    Each is read strictly, and what comes out must look like text; else FeedError `encoding_unreadable`.
    """
    if encoding is None and is_short_gb18030(data):
        encoding = "gb18030"
    if encoding is None and _is_broken_utf_8(data):
        raise feed_error("encoding_unreadable")
    marked = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    for candidate in (encoding,) if encoding else (marked,) if marked else ("utf-8", "gb18030"):
        try:
            text = data.decode(candidate)
        except (UnicodeError, LookupError):
            continue
        if not (_NOT_TEXT.search(text) if candidate == "gb18030" else _has_many_nuls(text)):
            return text.removeprefix("\ufeff")
    raise feed_error("encoding_unreadable")


def _is_broken_utf_8(data: bytes) -> bool:
    """Tell UTF-8 with a broken byte from another encoding: most of its lines that tell are Chinese in UTF-8.

    Read as GB18030 such a file would now and then pass, every name in it garbled.
    """
    if _decodes(data):
        return False
    telling = [line for line in data.split(b"\n") if not line.isascii()]
    sound = [line for line in telling if _decodes(line) and max(line.decode()) >= _FIRST_OF_THREE_BYTES]
    return len(sound) * 2 > len(telling)


def _decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeError:
        return False
    return True


def is_short_gb18030(data: bytes) -> bool:
    """Tell a few Chinese characters in GB18030 that happen to be valid UTF-8, as 站 is in two bytes.

    UTF-8 writes Chinese in three bytes or more; two-byte letters alone, Western ones apart, are Greek,
    Armenian and the like, and far less likely in a feed than Chinese.
    """
    try:
        odd = {char for char in data.decode() if not char.isascii()}
        chinese = {char for char in data.decode("gb18030") if not char.isascii()}
    except UnicodeError:
        return False
    return (
        bool(odd)
        and min(odd) > "\u00ff"
        and max(odd) < "\u0800"
        and all("\u4e00" <= char <= "\u9fff" for char in chinese)
    )


def _has_many_nuls(text: str) -> bool:
    """Tell UTF-16 without its mark, read as UTF-8, from a text with one stray NUL in a cell."""
    start = text[:64]
    return start.count("\x00") * 4 > len(start)


def _kind(text: str, suffix: str) -> Kind:
    start = text.lstrip()[:1]
    if suffix in _LINES or start == "{":
        return "lines"
    return "array" if start == "[" or suffix == ".json" else "csv"


def array_rows(data: bytes) -> Iterator[FileRow]:
    """Yield the elements of a JSON array as they stand in its text."""
    try:
        elements = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise feed_error("json_unreadable") from error
    return ((number, bytes(element)) for number, element in enumerate(elements, 1))


def line_rows(text: str) -> Iterator[FileRow]:
    """Yield the lines of an NDJSON text; blank ones are passed over but counted."""
    lines = enumerate(text.split("\n"), 1)
    return ((number, line.encode()) for number, line in lines if line.strip())


def ready_files(folder: Path, seen: dict[str, tuple[int, int]]) -> list[Path]:
    """List the files of a watched folder that did not change since the call before, oldest first.

    `seen` is the caller's memory of sizes and times and is brought up to date. Temporary names (a
    leading `.` or `~$`, a trailing `.part`, `.tmp` ...), checksums, links and folders are passed over.
    """
    now: dict[str, tuple[int, int]] = {}
    for path in folder.iterdir():
        temporary = path.name.startswith((".", "~$")) or path.name.lower().endswith((*_TEMPORARY, CHECKSUM))
        if not temporary and path.is_file() and not path.is_symlink():
            status = path.stat()
            now[path.name] = (status.st_size, status.st_mtime_ns)
    ready = [name for name, state in now.items() if seen.get(name) == state]
    seen.clear()
    seen.update(now)
    return [folder / name for name in sorted(ready, key=lambda name: (now[name][1], name))]
