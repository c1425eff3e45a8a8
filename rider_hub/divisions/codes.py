"""Checks the rows of a code table: digits, lengths, parents, duplicates; pure, however many rows."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from rider_hub.divisions.faults import fault
from rider_hub.divisions.model import LEVELS, Division, ancestors, level_of, parent_of
from rider_hub.errors import Failure

__all__ = ["CheckedCodes", "CodeRow", "check_codes", "code_fault", "region_of", "trimmed"]

_SCIENTIFIC: Final = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_FULL: Final = 12
_LEVEL_WORDS: Final[Mapping[str, str]] = {
    "province": "province",
    "city": "city",
    "county": "county",
    "street": "street",
    "community": "community",
    "省": "province",
    "省级": "province",
    "市": "city",
    "地市": "city",
    "地级": "city",
    "区县": "county",
    "县": "county",
    "区": "county",
    "县级": "county",
    "街道": "street",
    "乡镇": "street",
    "街道乡镇": "street",
    "乡级": "street",
    "社区": "community",
    "村": "community",
    "社区村": "community",
    "村级": "community",
}


class CodeRow(msgspec.Struct, frozen=True, gc=False):
    """A row of the table as text; `level` and `parent` may be blank."""

    number: int
    code: str
    name: str
    level: str = ""
    parent: str = ""


class CheckedCodes(msgspec.Struct, frozen=True):
    """The divisions of a table's good rows in the order of their codes, their region, the faults."""

    total: int
    divisions: list[Division]
    region: str
    failures: list[Failure]


def code_fault(text: str) -> str | None:
    """Return what is wrong with a code's form, None where nothing is."""
    if _SCIENTIFIC.fullmatch(text):
        return "code_scientific"
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit()):
        return "code_not_digits"
    if len(digits) in LEVELS:
        return None
    return "code_zero_lost" if len(digits) + 1 in LEVELS else "code_length"


def trimmed(text: str) -> str:
    """Return the code a well-formed text means: 110101001000 is the street 110101001."""
    code = text.removesuffix(".0")
    if len(code) == _FULL:
        for length, shorter in ((12, 9), (9, 6), (6, 4), (4, 2)):
            if len(code) == length and code[shorter:] == "0" * (length - shorter):
                code = code[:shorter]
    return code


def check_codes(rows: Iterable[CodeRow], known: Collection[str] = ()) -> CheckedCodes:
    """Check a code table; `known` are codes the hub has already, which may be parents.

    The topmost row needs no parent: a county's table may begin at the county.
    """
    failures: list[Failure] = []
    found: dict[str, Division] = {}
    at: dict[str, int] = {}
    total = 0
    for row in rows:
        total += 1
        division = _division(row, failures)
        if division is None:
            continue
        if division.code in found:
            failures.append(fault(row.number, "code", "duplicate", first=at[division.code]))
            continue
        found[division.code] = division
        at[division.code] = row.number
    failures += _orphans(found, at, known)
    failures.sort(key=lambda one: one.row)
    if total == 0:
        failures.append(fault(0, "", "file_empty"))
    divisions = [found[code] for code in sorted(found)]
    return CheckedCodes(total, divisions, region_of(found), failures)


def region_of(codes: Collection[str]) -> str:
    """Return the region a table describes, "" for the nation.

    That is the deepest code that all rows lie above or inside: a table of one county that also names its city
    and province is the county's.
    """
    if not codes:
        return ""
    deepest = max(codes, key=len)
    around = [*ancestors(deepest), deepest]
    if len(codes) > 1 and level_of(deepest) in ("street", "community"):
        around.pop()  # a county's table may have a single street
    for region in reversed(around):
        if all(code.startswith(region) or region.startswith(code) for code in codes):
            return region
    return ""


def _division(row: CodeRow, failures: list[Failure]) -> Division | None:
    wrong = "field_required" if not row.code else code_fault(row.code)
    if wrong is not None:
        failures.append(fault(row.number, "code", wrong))
        return None
    code = trimmed(row.code)
    level = level_of(code)
    parent = parent_of(code)
    faults = []
    if not row.name:
        faults.append(fault(row.number, "name", "field_required"))
    elif len(row.name) > 128:  # noqa: PLR2004 - the column's width
        faults.append(fault(row.number, "name", "text_too_long", limit=128))
    if row.level and _LEVEL_WORDS.get(re.sub(r"[()（）\s]", "", row.level)) != level:
        faults.append(fault(row.number, "level", "level_wrong"))
    if row.parent and (code_fault(row.parent) is not None or trimmed(row.parent) != parent):
        faults.append(fault(row.number, "parent", "parent_wrong"))
    failures += faults
    return None if faults or level is None else Division(code, row.name, level, parent)


def _orphans(found: Mapping[str, Division], at: Mapping[str, int], known: Collection[str]) -> list[Failure]:
    top = min(map(len, found), default=0)
    tops = [code for code in found if len(code) == top]
    return [
        fault(at[code], "parent", "parent_unknown")
        for code, one in found.items()
        if one.parent is not None and one.parent not in found and one.parent not in known and tops != [code]
    ]
