"""The one error of the geo package lives here; no check that raises it does."""

_SHOWN_ROWS = 10


class GeoError(Exception):
    """Say what is wrong with an array, a frame or a file, in which rows, and how to mend it.

    Parameters
    ----------
    code : str
        Short stable name of the fault, such as ``point_not_finite``.
    zh, en : str
        One sentence each: what is wrong and the cure. Never a refused value.
    rows : tuple of int
        Positions counted from 0 in the array or frame that was given; empty where no row is meant.

    Attributes
    ----------
    zh, en : str
        The sentences with the first ten rows named.
    """

    def __init__(self, code: str, zh: str, en: str, rows: tuple[int, ...] = ()) -> None:
        super().__init__(code, zh, en, rows)
        self.code = code
        self.rows = tuple(int(row) for row in rows)
        self.zh = zh + _rows_zh(self.rows)
        self.en = en + _rows_en(self.rows)

    def at(self, rows: tuple[int, ...]) -> "GeoError":
        """Give the same error for other rows."""
        _, zh, en, _ = self.args
        return GeoError(self.code, zh, en, rows)

    def __str__(self) -> str:
        return f"{self.code}: {self.zh} / {self.en}"


def _rows_zh(rows: tuple[int, ...]) -> str:
    if not rows:
        return ""
    shown = "、".join(str(row) for row in rows[:_SHOWN_ROWS])
    more = f" 等共 {len(rows)} 行" if len(rows) > _SHOWN_ROWS else ""
    return f"（从 0 起的行号：{shown}{more}）"


def _rows_en(rows: tuple[int, ...]) -> str:
    if not rows:
        return ""
    shown = ", ".join(str(row) for row in rows[:_SHOWN_ROWS])
    more = f", … {len(rows)} in all" if len(rows) > _SHOWN_ROWS else ""
    return f" (rows from 0: {shown}{more})"
