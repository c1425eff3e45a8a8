"""Reads cells of registry tables: column synonyms, typed values, every fault of a row at once; no query."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

import msgspec

from connectors.problems import LostDigits
from rider_hub.divisions.codes import code_fault, trimmed
from rider_hub.divisions.faults import fault
from rider_hub.errors import Failure

__all__ = ["Cells", "Headings", "ImportReport", "Row", "read_headings", "separated"]

#: A row by its columns' names, with or without its number (from 1, without the header), or its JSON text.
Row = Mapping[str, Any] | tuple[int, Mapping[str, Any] | bytes]
#: Field → the headings it may stand under besides its own name.
Headings = Mapping[str, tuple[str, ...]]

#: The most faults a report lists; the counts are always whole.
_LISTED: Final = 1000
_CHINA: Final = (73.0, 136.0, 3.0, 54.0)
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 00:00(?::00)?)?")


class ImportReport(msgspec.Struct, frozen=True):
    """What came of an import: rows read = accepted + rejected; `notices` refuse nothing."""

    total: int
    accepted: int
    rejected: int
    #: False where nothing was written at all.
    stored: bool
    failures: tuple[Failure, ...] = ()
    notices: tuple[Failure, ...] = ()
    edition: str | None = None
    #: Of an edition: newer ones of the region may stay in use.
    current: bool = False

    @property
    def ok(self) -> bool:
        """Whether every row was taken."""
        return self.stored and not self.rejected

    @classmethod
    def refused(
        cls, total: int, failures: Iterable[Failure], notices: Iterable[Failure] = ()
    ) -> "ImportReport":
        """Return the report of an import that wrote nothing."""
        found = tuple(failures)
        rejected = len({one.row for one in found if one.row})
        return cls(total, 0, rejected, stored=False, failures=found[:_LISTED], notices=tuple(notices))


def read_headings(rows: Iterable[Row], headings: Headings) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield row numbers and cells under the fields' own names; columns nobody asked for are left out."""
    known = {_folded(word): name for name, words in headings.items() for word in (name, *words)}
    for count, item in enumerate(rows, 1):
        number, row = item if isinstance(item, tuple) else (count, item)
        if isinstance(row, bytes):
            row = _decoded(row)
        yield number, {known[_folded(word)]: value for word, value in row.items() if _folded(word) in known}


def separated(text: str) -> list[str]:
    """Cut a cell into its parts at ; 、 , or | in any width; blank parts go."""
    return [part.strip() for part in re.split(r"[;；、,，|]", text) if part.strip()]


class Cells:
    """One row being read: each reading returns the value, or None and notes what is wrong."""

    def __init__(self, number: int, row: Mapping[str, Any]) -> None:
        self.number = number
        self.row = row
        self.failures: list[Failure] = []

    def fail(self, path: str, code: str, /, **detail: object) -> None:
        """Note a fault of this row."""
        self.failures.append(fault(self.number, path, code, **detail))

    def raw(self, path: str) -> Any:
        """Return the cell as it came, None where it is blank."""
        value = self.row.get(path)
        if isinstance(value, str):
            value = unicodedata.normalize("NFC", value).strip()
        return None if value == "" else value

    def text(self, path: str, *, limit: int, required: bool = False) -> str | None:
        """Read text of at most `limit` characters."""
        value = self.raw(path)
        if value is None:
            if required:
                self.fail(path, "field_required")
            return None
        if isinstance(value, LostDigits):
            self.fail(path, "code_scientific")
            return None
        text = str(value)
        if len(text) > limit:
            self.fail(path, "text_too_long", limit=limit)
            return None
        return text

    def choice(
        self, path: str, choices: Mapping[str, tuple[str, ...]], *, required: bool = True
    ) -> str | None:
        """Read one of the choices, given by its code or by one of its words."""
        text = self.text(path, limit=64, required=required)
        if text is None:
            return None
        for code, words in choices.items():
            if _folded(text) in {_folded(code), *map(_folded, words)}:
                return code
        self.fail(path, "value_not_in_list", choices="、".join(words[0] for words in choices.values()))
        return None

    def day(self, path: str) -> date | None:
        """Read a date."""
        value = self.raw(path)
        if isinstance(value, datetime):
            return value.date()
        if value is None or isinstance(value, date):
            return value
        match = _DATE.fullmatch(str(value))
        try:
            if match:
                return date(*map(int, match.groups()))
        except ValueError:
            match = None
        self.fail(path, "date_invalid")
        return None

    def period(self, today: date) -> tuple[date, date | None]:
        """Read valid_from (today where blank) and valid_to."""
        start, end = self.day("valid_from") or today, self.day("valid_to")
        if end is not None and end < start:
            self.fail("valid_to", "dates_swapped")
        return start, end

    def integer(self, path: str, *, limit: int) -> int | None:
        """Read a whole number from 0 to `limit`."""
        value = self.raw(path)
        if value is None:
            return None
        text = str(value).removesuffix(".0")
        if re.fullmatch("[0-9]{1,12}", text) and int(text) <= limit:
            return int(text)
        self.fail(path, "integer_invalid", limit=limit)
        return None

    def number_of(self, path: str) -> float | None:
        """Read a number."""
        value = self.raw(path)
        if value is None:
            return None
        try:
            return float(str(value))
        except ValueError:
            self.fail(path, "number_invalid")
            return None

    def point(self) -> tuple[float, float] | None:
        """Read lng and lat as they stand, inside China; half a point is a fault."""
        lng, lat = self.number_of("lng"), self.number_of("lat")
        if lng is None or lat is None:
            if (self.raw("lng") is None) != (self.raw("lat") is None):
                self.fail("lng" if lng is None else "lat", "point_half")
            return None
        west, east, south, north = _CHINA
        if not (west <= lng <= east and south <= lat <= north):
            self.fail("lng", "point_out_of_range")
            return None
        return lng, lat

    def code(self, path: str, *, required: bool = False) -> str | None:
        """Read a division code; 12 digits filled up with zeros are cut to the level they mean."""
        if isinstance(self.row.get(path), LostDigits):
            self.fail(path, "code_scientific")
            return None
        text = self.text(path, limit=32, required=required)
        if text is None:
            return None
        wrong = code_fault(text)
        if wrong is not None:
            self.fail(path, wrong)
            return None
        return trimmed(text)


def _folded(word: str) -> str:
    return re.sub(r"[\s_\-*()（）]", "", unicodedata.normalize("NFKC", word)).casefold()


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
