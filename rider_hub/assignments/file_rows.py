"""CSV files of points are read here, good rows beside bad ones; what they are matched with is not known."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from connectors.batch import Failure
from connectors.transport.files import is_short_gb18030
from geo.datum import FRAMES
from rider_hub.errors import Invalid

__all__ = ["Point", "PointFile", "read_point_file"]

_POINT_COLUMNS: Final = ("lng", "lat", "frame")
_STATION: Final = "station_ref"
_LIMITS: Final = {"lng": 180.0, "lat": 90.0}
# Plain decimal figures only: Python's float() would also take 1_0, nan and full-width digits.
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
# What a byte that fits no character was read as, and NUL, which no text holds.
_UNREADABLE: Final = re.compile("[\x00\udc80-\udcff]")
_UNREACHED: Final = "cannot be read; check its path and permissions"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "required": ("此格为空；请填写。", "This cell is empty; fill it in."),
    "not_number": (
        "不是数字；请填十进制度数，如 116.4。",
        "Not a number; give decimal degrees such as 116.4.",
    ),
    "out_of_range": (
        "超出范围：经度 ±180、纬度 ±90；请检查是否写反。",
        "Out of range: longitude ±180, latitude ±90; see whether the two are swapped.",
    ),
    "frame_unknown": (
        f"不认识的坐标系；请填 {'、'.join(FRAMES)} 之一。",
        f"Unknown coordinate frame; give one of {', '.join(FRAMES)}.",
    ),
    "duplicate": (
        "与前面的行重复；前一行已采用，请去掉或改正此行。",
        "Repeats an earlier row, which was taken; leave this one out or mend it.",
    ),
    "station_unknown": (
        "站点文件中没有可用的这个站点；请补上站点，或给出本行的经纬度。",
        "No usable station of this name in the station file; add it there, or give this row a point.",
    ),
    "point_missing": (
        "没有经纬度，也没有站点文件可查；请填经纬度，或用 --stations 给出站点文件。",
        "No point, and no station file to take it from; give lng and lat, or name the file by --stations.",
    ),
    "row_shape": (
        "单元格多于表头；请检查多余的逗号或引号。",
        "More cells than the header has; look for a stray comma or quote.",
    ),
    "row_quoting": ("引号不成对；请改正此行的引号。", "Quotes do not match; mend the quotes of this row."),
    "cell_encoding": (
        "有无法识别的字节；请把文件存为 UTF-8 或 GB18030。",
        "Holds bytes that are no text; save the file as UTF-8 or GB18030.",
    ),
}


class Point(NamedTuple):
    """A point as stated: degrees and the frame they are in."""

    lng: float
    lat: float
    frame: str


@dataclass(slots=True)
class PointFile:
    """The good rows of a file (refs and points in its order) and the faults of the others."""

    total: int = 0
    refs: list[str] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """Count the rows refused; total = refs + rejected."""
        return self.total - len(self.refs)


def read_point_file(
    path: Path, key: str, *, prefix: str = "", stations: Mapping[str, Point] | None = None
) -> PointFile:
    """Read `key,lng,lat,frame[,station_ref]` row by row; other columns are not looked at.

    A row without lng and lat that names a station of `stations` takes its point. Of rows with one key
    the first good one is taken. Rows count from 1 without the header; blank lines do not count. Failure
    paths are `prefix` + the column, or + "row" for the row as a whole.

    Raises Invalid where the file as a whole can't be read: missing, empty, without its columns, in
    another encoding, or with a quote that is never closed.
    """
    rows = _records(path)
    header = [name.strip() for name in next(rows, (None, []))[1] or []]
    _check_header(path, header, key)
    file, seen = PointFile(), set[str]()
    for fault, cells in rows:
        file.total += 1
        named = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        faults = [(fault, "row")] if fault else _row_faults(cells, len(header))
        point: Point | None = None
        if not faults:
            point, faults = _point(named, stations)
            faults = _key_faults(named.get(key, ""), key, seen) + faults
        if point is None or faults:
            file.failures += [_failure(file.total, prefix + where, code) for code, where in faults]
            continue
        seen.add(named[key])
        file.refs.append(named[key])
        file.points.append(point)
    return file


def _records(path: Path) -> Iterator[tuple[str | None, list[str]]]:
    """Give (fault, cells) for each record that is not blank, the header first."""
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise _unusable(path, "file_unreadable", "读不出；请检查路径与权限", _UNREACHED) from fault
    text = io.TextIOWrapper(io.BytesIO(content), _encoding(path, content), "surrogateescape", newline="")
    reader = csv.reader(text, strict=True)
    while True:
        start = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            # A quote that swallowed further lines would hide rows; they must not be lost in silence.
            if reader.line_num - start > 1:
                line = start + 1
                zh, en = f"第 {line} 行的引号没有闭合；请补上", f"has an unclosed quote in line {line}"
                raise _unusable(path, "file_quoting", zh, en) from fault
            yield "row_quoting", []
            continue
        if any(cell.strip() for cell in cells):
            yield None, cells


def _encoding(path: Path, content: bytes) -> str:
    """Tell UTF-8 from GB18030 by the lines, so that one broken byte does not turn a file into the other."""
    if content.startswith(_UTF_16_MARKS):
        zh, en = (
            "是 UTF-16；请另存为 UTF-8 或 GB18030 的 CSV",
            "is UTF-16; save it as CSV in UTF-8 or GB18030",
        )
        raise _unusable(path, "file_encoding", zh, en)
    if is_short_gb18030(content):
        return "gb18030"
    telling = [line for line in content.split(b"\n") if not line.isascii()]
    return "utf-8-sig" if sum(map(_is_utf_8, telling)) * 2 >= len(telling) else "gb18030"


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _check_header(path: Path, header: list[str], key: str) -> None:
    if not header:
        raise _unusable(path, "file_empty", "是空的；请换用有内容的文件", "is empty; give one with rows")
    missing = [name for name in (key, *_POINT_COLUMNS) if header.count(name) != 1]
    if missing:
        names = ", ".join(missing)
        zh, en = f"表头须恰有一列：{names}", f"needs exactly one column each of: {names}"
        raise _unusable(path, "file_columns", zh, en)


def _row_faults(cells: list[str], width: int) -> list[tuple[str, str]]:
    if any(cell.strip() for cell in cells[width:]):
        return [("row_shape", "row")]
    if any(_UNREADABLE.search(cell) for cell in cells):
        return [("cell_encoding", "row")]
    return []


def _key_faults(ref: str, key: str, seen: set[str]) -> list[tuple[str, str]]:
    if not ref:
        return [("required", key)]
    return [("duplicate", key)] if ref in seen else []


def _point(
    named: Mapping[str, str], stations: Mapping[str, Point] | None
) -> tuple[Point | None, list[tuple[str, str]]]:
    """Give the row's own point, else its station's, else what is wrong."""
    station = named.get(_STATION, "")
    if station and not named.get("lng") and not named.get("lat"):
        if stations is None:
            return None, [("point_missing", "lng")]
        point = stations.get(station)
        return point, [] if point else [("station_unknown", _STATION)]
    faults = [(code, axis) for axis in _LIMITS if (code := _axis_fault(named.get(axis, ""), _LIMITS[axis]))]
    frame = named.get("frame", "")
    if frame not in FRAMES:
        faults.append(("frame_unknown" if frame else "required", "frame"))
    return None if faults else Point(float(named["lng"]), float(named["lat"]), frame), faults


def _axis_fault(text: str, limit: float) -> str | None:
    if not text:
        return "required"
    if not _NUMBER.fullmatch(text):
        return "not_number"
    return None if abs(float(text)) <= limit else "out_of_range"


def _failure(row: int, path: str, code: str) -> Failure:
    zh, en = _TEXTS[code]
    return Failure(row, path, code, zh, en)


def _unusable(path: Path, code: str, zh: str, en: str) -> Invalid:
    return Invalid(f"文件 {path.name} {zh}。", f"File {path.name} {en}.", code=code)
