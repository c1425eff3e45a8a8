"""What a ledger is asked for: page, size, sort and filters, read from the URL and checked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from rider_hub.errors import Failure, Invalid

__all__ = ["SIZES", "Choice", "Page", "Query", "Text", "parse_query"]

SIZES = (20, 50, 100, 200)
_LAST_PAGE = 1_000_000

Options = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Choice:
    """A filter with a list of (value, word); a function gives the list where it depends on the viewer."""

    key: str
    title: str
    options: Options | Callable[[web.Request], Awaitable[Options]]

    async def resolved(self, request: web.Request) -> Options:
        """Return the options of this viewer."""
        return await self.options(request) if callable(self.options) else self.options


@dataclass(frozen=True)
class Text:
    """A filter with free text; `hint` says what it is compared with."""

    key: str
    title: str
    hint: str = ""
    max_length: int = 50


@dataclass(frozen=True)
class Query:
    """One checked question to a ledger; `size` None asks for all rows, as an export does."""

    page: int = 1
    size: int | None = 50
    sort: str | None = None
    descending: bool = False
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def offset(self) -> int:
        """Return how many rows stand before this page."""
        return 0 if self.size is None else (self.page - 1) * self.size

    @property
    def is_export(self) -> bool:
        """Say whether all rows are asked for."""
        return self.size is None

    def get(self, key: str) -> str | None:
        """Return the value of one filter, None where it is not set."""
        return self.filters.get(key)

    def url(self, path: str, **changes: Any) -> str:
        """Return the address of this question with some parts changed; a filter set to None is gone."""
        parts = {
            name: changes.pop(name) for name in ("page", "size", "sort", "descending") if name in changes
        }
        filters = {key: value for key, value in {**self.filters, **changes}.items() if value}
        asked = replace(self, filters=filters, **parts)
        pairs = list(filters.items())
        if asked.sort:
            pairs.append(("sort", ("-" if asked.descending else "") + asked.sort))
        if asked.size not in {None, Query.size}:
            pairs.append(("size", str(asked.size)))
        if asked.page != 1:
            pairs.append(("page", str(asked.page)))
        return f"{path}?{urlencode(pairs)}" if pairs else path


@dataclass(frozen=True)
class Page:
    """The rows that answer a query, how many there are in all, and since when the data is so."""

    rows: Sequence[Mapping[str, Any]]
    total: int
    as_of: datetime | None = None


def parse_query(
    given: Mapping[str, str],
    *,
    sortable: Sequence[str],
    choices: Mapping[str, Options],
    texts: Mapping[str, Text],
    default: Query,
) -> Query:
    """Check the parameters of a URL; raises Invalid (400) with every fault.

    Parameters that are no filter of this ledger are ignored: they are another's.
    """
    faults: list[Failure] = []
    page = _whole(given.get("page", "1"), 1, _LAST_PAGE)
    if page is None:
        faults.append(_fault("page", "页码应为从 1 开始的整数", "page must be a whole number from 1"))
    size = _whole(given.get("size", str(default.size)), min(SIZES), max(SIZES))
    if size not in SIZES:
        faults.append(_fault("size", "每页行数只能是 20、50、100、200", "size must be 20, 50, 100 or 200"))
    order = given.get("sort", ("-" if default.descending else "") + (default.sort or ""))
    sort = order.removeprefix("-")
    if sort and sort not in sortable:
        faults.append(_fault("sort", "不能按这一列排序", "this column can't be sorted by"))
    filters = _filters(given, choices, texts, faults)
    if faults:
        raise Invalid(
            "网址里的筛选或排序条件有误，请从页面上重新选择。",
            "The filters or the order in the address can't be used: choose them again on the page.",
            code="query_invalid",
            status=400,
            errors=faults,
        )
    return Query(
        page=page or 1, size=size, sort=sort or None, descending=order.startswith("-"), filters=filters
    )


def _filters(
    given: Mapping[str, str], choices: Mapping[str, Options], texts: Mapping[str, Text], faults: list[Failure]
) -> dict[str, str]:
    filters: dict[str, str] = {}
    for key, options in choices.items():
        value = given.get(key, "")
        if value and value not in {code for code, _ in options}:
            faults.append(_fault(key, "筛选值不在可选范围内", "the value is not among the choices"))
        elif value:
            filters[key] = value
    for key, text in texts.items():
        value = given.get(key, "").strip()
        if len(value) > text.max_length or not value.isprintable():
            zh = f"筛选文字最多 {text.max_length} 个字，且不能含控制字符"
            en = f"the text may have {text.max_length} characters at most, and no control characters"
            faults.append(_fault(key, zh, en))
        elif value:
            filters[key] = value
    return filters


def _whole(text: str, least: int, most: int) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        return None
    value = int(text)
    return value if least <= value <= most else None


def _fault(path: str, zh: str, en: str) -> Failure:
    return Failure(row=0, path=path, code="query_invalid", zh=zh, en=en)
