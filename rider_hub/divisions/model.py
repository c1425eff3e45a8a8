"""Values of administrative divisions: codes and their five levels, editions, sets of areas; no query."""

from datetime import date
from typing import Final, Literal

import msgspec

__all__ = ["LEVELS", "AreaLevel", "Division", "Edition", "Level", "ancestors", "level_of", "parent_of"]

Level = Literal["province", "city", "county", "street", "community"]
#: The levels whose polygons the hub works with.
AreaLevel = Literal["street", "community"]

#: Digits of a code → its level.
LEVELS: Final[dict[int, Level]] = {2: "province", 4: "city", 6: "county", 9: "street", 12: "community"}
_LENGTHS: Final = tuple(LEVELS)


class Division(msgspec.Struct, frozen=True, gc=False):
    """One row of the code table; a province has no parent."""

    code: str
    name: str
    level: Level
    parent: str | None


class Edition(msgspec.Struct, frozen=True):
    """A dated set of codes or polygons of one region ("" is the nation)."""

    id: str
    kind: str
    region: str
    level: str
    title: str
    as_of: date
    sketch: bool


def level_of(code: str) -> Level | None:
    """Return the level a code's length says, None where it is no division code."""
    return LEVELS.get(len(code)) if code.isascii() and code.isdigit() else None


def parent_of(code: str) -> str | None:
    """Return the code one level up, None for a province."""
    at = _LENGTHS.index(len(code))
    return code[: _LENGTHS[at - 1]] if at else None


def ancestors(code: str) -> list[str]:
    """Return the codes above a code, the province first."""
    return [code[:length] for length in _LENGTHS if length < len(code)]
