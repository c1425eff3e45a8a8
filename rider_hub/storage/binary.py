"""Columns of bytes, each declared as what it holds: an envelope, a keyed value, or bytes anyone may read.

Key rotation finds what it must seal anew from these declarations alone, so a column declared in no way is
refused by a test: rows that rotation never reached would be lost with the old key.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Column, LargeBinary, MetaData, Table

__all__ = [
    "Keyed",
    "Purpose",
    "Sealed",
    "keyed_column",
    "keyed_columns",
    "open_bytes",
    "sealed_column",
    "sealed_columns",
    "undeclared",
]

_INFO = "bytes"
#: What a key is for; docs/decisions/0007 says why they are cut so.
Purpose = Literal[
    "personal", "quarantine", "membership", "account", "index", "subject", "audit", "lasting", "feed"
]
#: From the opened envelope of a row to the value that a keyed column beside it stands for; None where empty.
ValueOf = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True)
class Sealed:
    """An envelope: the purpose whose key seals it, and the column whose value names its row."""

    purpose: Purpose
    row: str = "id"


@dataclass(frozen=True)
class Keyed:
    """A keyed value (an index, a pseudonym, a MAC) of a purpose.

    `field` and `of` are given where it can be recomputed from the envelope of its row: it is then
    `keys.blind(purpose, field, of(content))`. Without them it stays as it is for as long as its row lives.
    """

    purpose: Purpose
    field: str = ""
    of: ValueOf | None = None


def sealed_column(name: str, purpose: Purpose, *, row: str = "id", nullable: bool = False) -> Column[bytes]:
    """Return a column of envelopes made by `keys.seal(purpose, (table, column, row), …)`.

    The envelope is bound to the table's name, its own, and the value of the row's column `row`.
    """
    return Column(name, LargeBinary, nullable=nullable, info={_INFO: Sealed(purpose, row)})


def keyed_column(
    name: str,
    purpose: Purpose,
    *,
    field: str = "",
    of: ValueOf | None = None,
    nullable: bool = False,
    **options: Any,
) -> Column[bytes]:
    """Return a column of values made by `keys.blind(purpose, field, …)` or `keys.mac(purpose, …)`."""
    return Column(name, LargeBinary, nullable=nullable, info={_INFO: Keyed(purpose, field, of)}, **options)


def open_bytes(name: str, *, nullable: bool = False) -> Column[bytes]:
    """Return a column of bytes that no key was used for, such as a shape."""
    return Column(name, LargeBinary, nullable=nullable, info={_INFO: None})


def sealed_columns(*of: MetaData) -> Iterator[tuple[Table, Column[Any], Sealed]]:
    """Give every column of envelopes, by table."""
    for table, column in _byte_columns(of):
        if isinstance(said := column.info.get(_INFO), Sealed):
            yield table, column, said


def keyed_columns(*of: MetaData) -> Iterator[tuple[Table, Column[Any], Keyed]]:
    """Give every column of keyed values, by table."""
    for table, column in _byte_columns(of):
        if isinstance(said := column.info.get(_INFO), Keyed):
            yield table, column, said


def undeclared(*of: MetaData) -> list[str]:
    """Return the columns of bytes ("table.column") that do not say what they hold."""
    return [f"{table.name}.{column.name}" for table, column in _byte_columns(of) if _INFO not in column.info]


def _byte_columns(of: tuple[MetaData, ...]) -> Iterator[tuple[Table, Column[Any]]]:
    for metadata in of:
        for table in metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, LargeBinary):
                    yield table, column
