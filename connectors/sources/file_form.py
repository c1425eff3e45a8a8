"""How a platform writes its tables: delimiter, quotes, escapes, encoding, names; nothing is read here."""

from typing import Final, Literal

import msgspec

__all__ = ["DELIMITERS", "FileForm"]

DELIMITERS: Final = {"comma": ",", "tab": "\t", "pipe": "|", "semicolon": ";"}


class FileForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The form of a feed's text tables; a file of JSON, a workbook or Parquet says its own.

    `SELECT … INTO OUTFILE` and `mysqldump --tab` write `escape = "backslash"`, tabs, and no names.
    """

    delimiter: Literal["auto", "comma", "tab", "pipe", "semicolon"] = "auto"
    quotes: bool = True
    """Whether a cell may stand in double quotes; else they are signs like any other."""
    escape: Literal["none", "backslash"] = "none"
    r"""`backslash`: `\t`, `\n`, `\\` and the like stand for one sign, and a cell `\N` for no value."""
    encoding: Literal["auto", "utf-8", "gb18030"] = "auto"
    header: tuple[str, ...] = ()
    """The names of the columns where the file has none, by position; empty: its first row has them."""

    @property
    def is_stated(self) -> bool:
        """Say whether anything is stated of the table, so that its text is not taken for JSON."""
        return self != FileForm()
