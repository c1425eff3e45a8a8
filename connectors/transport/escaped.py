r"""Reads tables escaped by backslashes, as MySQL's INTO OUTFILE and mysqldump --tab write them.

A sign that would end a cell stands behind a backslash (a line end too), and `\N` alone is NULL.
"""

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["escaped_cells"]

_NULL: Final = r"\N"
_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
#: What the letter behind a backslash stands for; any other sign stands for itself.
_SIGNS: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
#: The most of one quoted cell: a quote that is never closed must not swallow the file.
_LONGEST: Final = 65_536


def escaped_cells(text: str, delimiter: str, *, quotes: bool) -> Iterator[list[str] | None]:
    """Yield the cells of each record, None for a line that can't be read; NULL is an empty cell."""
    return _quoted(text, delimiter) if quotes and '"' in text else _plain(text, delimiter)


def _plain(text: str, delimiter: str) -> Iterator[list[str] | None]:
    lines = iter(text.split("\n"))
    for line in lines:
        if "\\" not in line:
            yield line.removesuffix("\r").split(delimiter)
            continue
        # Pieces are joined once: what each line adds must not cost what came before it.
        pieces = [line]
        while _is_open(pieces[-1]) and (after := next(lines, None)) is not None:
            pieces.append(after)
        whole = "\n".join(pieces)
        yield None if _is_open(pieces[-1]) else _cells(whole.removesuffix("\r"), delimiter)


def _cells(line: str, delimiter: str) -> list[str]:
    cells: list[list[str]] = []
    for part in line.split(delimiter):
        if cells and _is_open(cells[-1][-1]):
            cells[-1].append(part)
        else:
            cells.append([part])
    return [_meant(delimiter.join(parts)) for parts in cells]


def _is_open(text: str) -> bool:
    """Say whether a text ends in a backslash that has nothing to escape yet."""
    return bool((len(text) - len(text.rstrip("\\"))) % 2)


def _meant(cell: str) -> str:
    if "\\" not in cell:
        return cell
    return "" if cell == _NULL else _PAIR.sub(lambda found: _SIGNS.get(found[1], found[1]), cell)


def _quoted(text: str, delimiter: str) -> Iterator[list[str] | None]:
    end = re.escape(delimiter)
    cell = re.compile(
        rf'(?:"(?P<quoted>(?:[^"\\]|\\.|""){{0,{_LONGEST}}}+)"|(?P<plain>(?:[^{end}\n\\]|\\.)*+))'
        rf"(?P<end>{end}|\r?\n|\r?\Z)",
        re.DOTALL,
    )
    at = 0
    while at < len(text):
        cells: list[str] = []
        start = at
        while found := cell.match(text, at):
            quoted, at = found["quoted"], found.end()
            cells.append(_meant(found["plain"].removesuffix("\r")) if quoted is None else _unquoted(quoted))
            if found["end"] != delimiter:
                yield cells
                break
        else:  # no cell begins here: its line is broken, the next one is read for itself
            yield None
            at = text.find("\n", start) + 1 or len(text)


def _unquoted(cell: str) -> str:
    return _PAIR.sub(lambda found: _SIGNS.get(found[1], found[1]), cell.replace('""', '"'))
