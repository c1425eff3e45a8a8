"""Which names of a refused row may be told and kept: one that may hold a value is told by its place alone."""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["is_plain", "place", "told_path"]

_MAX_NAME: Final = 40
#: A phone, an identity number and most account numbers hold as many; no field's name does.
_FIGURES: Final = 6


def is_plain(name: str) -> bool:
    """Say whether a name is short and without long figures, each part of a dotted one by itself."""
    if max(map(len, name.split("."))) > _MAX_NAME:
        return False
    return name.isalpha() or sum(c.isdigit() for c in unicodedata.normalize("NFKC", name)) < _FIGURES


def place(number: int, word: str | None = None) -> str:
    """Return what stands for a name: its place in its object from 1, and the listed word it holds."""
    return f"〔第 {number} 个字段〕" if word is None else f"〔第 {number} 个字段，含“{word}”〕"


def told_path(path: str, row: Mapping[Any, Any]) -> str:
    """Return the path of a field of a row, with its place for each name that may hold a value."""
    if is_plain(path):
        return path
    for number, (key, value) in enumerate(row.items(), 1):
        name = str(key)
        shown = name if is_plain(name) else place(number)
        if path == name:
            return shown
        if isinstance(value, Mapping) and path.startswith(f"{name}."):
            return f"{shown}.{told_path(path[len(name) + 1 :], value)}"
    return place(len(row))
