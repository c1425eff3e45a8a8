"""The register of tables (holdings.toml): of whom each holds anything, and what becomes of it."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from rider_hub.storage.metadata import PRIVATE_SCHEMA

__all__ = ["Holding", "erasable_tables", "holdings"]


class Holding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table."""

    about: Literal["rider", "staff", "nobody"]
    limit: str
    found_by: str = ""
    copy: str = ""
    erased: str = ""
    #: Whether it stands in the schema of the private tables.
    private: bool = False


@cache
def holdings() -> dict[str, Holding]:
    """Return every table of the register by its name."""
    text = (files("rider_hub.consent") / "holdings.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Holding])


def erasable_tables() -> list[str]:
    """Return the full names of the tables an erasure writes to."""
    return [
        f"{PRIVATE_SCHEMA}.{name}" if holding.private else name
        for name, holding in sorted(holdings().items())
        if holding.about == "rider" and not holding.erased.startswith("kept")
    ]
