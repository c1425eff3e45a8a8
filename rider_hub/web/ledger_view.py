"""One description of a table, and the answer to one query of it; its routes are in `web.ledger`."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from rider_hub.errors import HubError
from rider_hub.web.cells import Cell, Kind, cell_of
from rider_hub.web.query import SIZES, Choice, Page, Query, Text, parse_query
from rider_hub.web.values import State, own_path

__all__ = ["Action", "Column", "Ledger", "LedgerView", "asked", "ledger_view"]

#: In characters; app.css has a class for each, since the policy allows no inline style.
_CELL_WIDTHS = (4, 6, 8, 10, 12, 16, 20, 28)


@dataclass(frozen=True)
class Column:
    """One column: the key of its value in a row, its title, and how it is shown.

    `width` is in Chinese characters; `hidden` columns are off until the viewer chooses them; `states` gives
    words and tones to codes of a column of kind "state". Every column stands in the export.
    """

    key: str
    title: str
    kind: Kind = "text"
    sortable: bool = False
    width: int | None = None
    hidden: bool = False
    states: Mapping[str, State] | None = None

    @property
    def css(self) -> str:
        """Return the classes of its cells; a width goes up to the next there is a class for."""
        width = next((size for size in _CELL_WIDTHS if self.width and size >= self.width), None)
        return f"kind-{self.kind}" + (f" ch-{width}" if width else "")


@dataclass(frozen=True)
class Action:
    """A button above the table: a link, or with method "post" a form that may ask before it sends."""

    title: str
    path: str
    primary: bool = False
    method: Literal["get", "post"] = "get"
    confirm: str = ""

    def __post_init__(self) -> None:
        own_path(self.path)


@dataclass(frozen=True)
class Ledger:
    """A table of one kind of thing; `load` answers a Query with the rows that the viewer may see.

    An export's query has size None: `load` then returns all rows with the same filters and order.
    """

    key: str
    title: str
    purpose: str
    columns: Sequence[Column]
    load: Callable[[web.Request, Query], Awaitable[Page]]
    #: What will appear here and how to get the first one.
    empty: str
    #: Whether its rows are people, also masked or under a number of their own (PIPL 4): their export needs a
    #: second person's approval. No default: whoever describes a ledger decides it.
    personal: bool
    #: Ids of the riders a row is about, for the trail of an export; not for what a private operation lists.
    people: Callable[[Mapping[str, Any]], Collection[str]] | None = None
    filters: Sequence[Choice | Text] = ()
    #: Where a row's details are; the page there extends "drawer.html".
    row_url: Callable[[Mapping[str, Any]], str] | None = None
    actions: Sequence[Action] | Callable[[web.Request], Awaitable[Sequence[Action]]] = ()
    default: Query = field(default_factory=Query)
    #: False where the list is not to leave the hub as a file; it then has no export's route either.
    exported: bool = True
    #: A capability's template that extends "ledger.html" and fills its blocks `figures` or `below`.
    template: str = "ledger.html"


@dataclass(frozen=True)
class Shown:
    """A row as the template shows it."""

    cells: Sequence[Cell]
    url: str | None


@dataclass(frozen=True)
class LedgerView:
    """A ledger with the answer to one query, ready for the template."""

    ledger: Ledger
    path: str
    query: Query
    page: Page
    rows: Sequence[Shown]
    choices: Mapping[str, Sequence[tuple[str, str]]]
    actions: Sequence[Action]

    sizes = SIZES

    @property
    def pages(self) -> int:
        """Return how many pages there are; an empty ledger has one."""
        return max(1, -(-self.page.total // (self.query.size or 1)))

    @property
    def chips(self) -> list[tuple[str, str]]:
        """Return each filter that is set in words, with the address that removes it."""
        return [
            (
                f"{filter_.title}：{self.word(filter_)}",
                self.query.url(self.path, page=1, **{filter_.key: None}),
            )
            for filter_ in self.ledger.filters
            if self.query.get(filter_.key)
        ]

    @property
    def export_url(self) -> str:
        """Return where an export with the same filters and order is taken, or asked for."""
        name = "export" if self.ledger.personal else "export.xlsx"
        return self.query.url(f"{self.path}/{name}", page=1, size=Query.size)

    def word(self, filter_: Choice | Text) -> str:
        """Return the value of a filter in words."""
        value = self.query.get(filter_.key) or ""
        return dict(self.choices.get(filter_.key, ())).get(value, value)

    def sort_url(self, column: Column) -> str:
        """Return the address that sorts by a column, or turns its order round."""
        turned = self.query.sort == column.key and not self.query.descending
        return self.query.url(self.path, page=1, sort=column.key, descending=turned)

    def page_url(self, page: int) -> str:
        """Return the address of another page of the same answer."""
        return self.query.url(self.path, page=page)


async def ledger_view(ledger: Ledger, request: web.Request, path: str | None = None) -> LedgerView:
    """Answer a request's query, for a page that shows a ledger among other things.

    Raises Invalid (400) for a query that can't be used, and HubError (400) for a page past the last.
    """
    query, choices = await asked(ledger, request, request.query)
    page = await ledger.load(request, query)
    actions = await ledger.actions(request) if callable(ledger.actions) else ledger.actions
    rows = [_shown(ledger, row) for row in page.rows]
    view = LedgerView(ledger, path or request.path, query, page, rows, choices, actions)
    if query.page > view.pages:
        raise HubError(
            f"没有第 {query.page} 页：现在共 {view.pages} 页。请回到第 1 页查看。",
            f"There is no page {query.page}: there are {view.pages} now. Go back to page 1.",
            code="page_out_of_range",
        )
    return view


async def asked(
    ledger: Ledger, request: web.Request, given: Mapping[str, str]
) -> tuple[Query, dict[str, Sequence[tuple[str, str]]]]:
    """Return the checked question that parameters ask of a ledger, and the choices this viewer has."""
    choices = {f.key: await f.resolved(request) for f in ledger.filters if isinstance(f, Choice)}
    query = parse_query(
        given,
        sortable=[column.key for column in ledger.columns if column.sortable],
        choices=choices,
        texts={f.key: f for f in ledger.filters if isinstance(f, Text)},
        default=ledger.default,
    )
    return query, choices


def _shown(ledger: Ledger, row: Mapping[str, Any]) -> Shown:
    cells = [cell_of(row.get(column.key), column.kind, column.states) for column in ledger.columns]
    return Shown(cells, own_path(ledger.row_url(row)) if ledger.row_url else None)
