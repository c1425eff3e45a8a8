"""A file that a page sends as it is: counted as it comes, given back annotated; none of it is stored."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from connectors.problems import feed_error
from connectors.sources.file_form import FileForm
from connectors.transport.files import FileRow, read_rows
from connectors.transport.http_push import MAX_LINES, MAX_SENT, MIB
from connectors.transport.sealed_file import Opened, inner_name, is_sealed
from rider_hub.access import ACTOR, HUB
from rider_hub.intake.annotated import MAX_CELLS, annotate, kind_of
from rider_hub.intake.messages import count_try
from rider_hub.intake.sealed_files import ENDING, Seals
from rider_hub.parameters import parameter
from rider_hub.web.export import attachment
from rider_hub.web.shell import SHELL

__all__ = ["LIMIT_MIB", "SHOWN", "Limits", "SentFile", "read_sent", "rows_within"]

#: The largest file, in MiB; it is that of a push.
LIMIT_MIB: Final = MAX_SENT // MIB
#: Faults listed on a page; the annotated file has them all.
SHOWN: Final = 200
_CHUNK: Final = 64 * 1024
_MAX_NAME: Final = 200


@dataclass(frozen=True)
class Limits:
    """How much one file may be, and how many files a minute."""

    mib: int = LIMIT_MIB
    rows: int = MAX_LINES
    a_minute: float | None = None


_USUAL: Final = Limits()


@dataclass(frozen=True)
class SentFile:
    """A file's own bytes, its name as the browser tells it, and its rows; a sealed one is open here."""

    name: str
    data: bytes
    rows: Sequence[FileRow]
    sealed: tuple[Opened, Seals] | None = None

    async def annotated(
        self, request: web.Request, failures: Iterable[Mapping[str, Any]], ending: str, *, every: bool
    ) -> web.Response:
        """Answer with the file in its own format, the reasons beside its rows; its name gets an ending.

        A file that came sealed goes back sealed to its sender.
        """
        async with request.app[SHELL].exports:
            file = await asyncio.to_thread(
                lambda: annotate(self.rows, failures, kind_of(self.data, self.rows), every=every)
            )
        inner = inner_name(self.name)
        named = f"{inner.rpartition('.')[0] or inner or 'file'}-{ending}.{file.kind}"
        body, content_type = file.body, file.content_type
        if self.sealed is not None:
            opened, seals = self.sealed
            body = await asyncio.to_thread(seals.seal, body, opened)
            named, content_type = named + ENDING, "application/pkcs7-mime"
        headers = {"Content-Disposition": attachment(named)}
        return web.Response(body=body, content_type=content_type, headers=headers)


async def read_sent(
    request: web.Request,
    seals_of: Callable[[], Awaitable[Seals]] | None = None,
    *,
    form: FileForm | None = None,
    who: str = "",
    limits: Limits = _USUAL,
) -> SentFile:
    """Read the body, which is the file as it is, and its rows; the name stands in the header X-File-Name.

    A sealed file is opened by the seals that `seals_of` gives; without it none is taken. `form` is how
    its sender writes files, as their mapping says. Files are counted by
    the account, or by `who` where there is none. Raises FeedError for more MiB or rows than the limits, or
    than MAX_CELLS cells, and for what can't be read as a whole; LimitReached for too many files within a
    minute.
    """
    told = unquote(request.headers.get("X-File-Name", ""))
    name = "".join(char for char in told if char.isprintable())[:_MAX_NAME]
    pace = limits.a_minute or parameter("intake.pushes_a_minute").value
    await count_try(request.app[HUB], who or request[ACTOR].id, pace)
    data, sealed = await _body(request, limits.mib), None
    if is_sealed(name, data):
        if seals_of is None:
            raise feed_error("sealed_not_here")
        seals = await seals_of()
        async with request.app[SHELL].exports:
            opened = await asyncio.to_thread(seals.open, data)
        data, sealed = opened.data, (opened, seals)
    async with request.app[SHELL].exports:
        rows = await asyncio.to_thread(
            rows_within, data, inner_name(name), form or FileForm(), most=limits.rows
        )
    return SentFile(name, data, rows, sealed)


async def _body(request: web.Request, mib: int) -> bytes:
    """Read the body as it comes and count it: no parser of forms sees it."""
    if (request.content_length or 0) > mib * MIB:
        raise feed_error("body_too_large", status=413, limit=mib)
    body = bytearray()
    async for piece in request.content.iter_chunked(_CHUNK):
        body += piece
        if len(body) > mib * MIB:
            raise feed_error("body_too_large", status=413, limit=mib)
    return bytes(body)


def rows_within(data: bytes, name: str, form: FileForm, *, most: int = MAX_LINES) -> list[FileRow]:
    """Return the rows of a file; raises FeedError for more than `most`, or more cells than MAX_CELLS."""
    rows: list[FileRow] = []
    cells = 0
    for number, row in read_rows(data, name=name, form=form):
        rows.append((number, row))
        cells += len(row) if isinstance(row, dict) else 0
        if len(rows) > most:
            raise feed_error("too_many_rows", status=413, limit=most)
        if cells > MAX_CELLS:  # also blank ones take memory, under the name of their column
            raise feed_error("too_many_cells", status=413, limit=MAX_CELLS)
    return rows
