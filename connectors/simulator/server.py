"""A pull server on loopback that answers as a manifest's platform would; it stores nothing."""

import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from connectors.records import FeedType
from connectors.simulator.faults import Faults, falls, source_rows
from connectors.sources.manifest import Manifest
from connectors.sources.values import put_path


class PlatformServer:
    """Serve standard rows as pages of the manifest's platform, by updated_at and record_id.

    Rows may be added to `records` while it runs. `asked` counts the requests of each feed type. With a
    `token`, requests without `Authorization: Bearer` of it are refused (401). Of the faults, `late_every`
    rows are served from the second round on, and `cut_every` answers end in their middle.
    """

    def __init__(
        self,
        manifest: Manifest,
        records: Mapping[FeedType, Sequence[Mapping[str, Any]]],
        *,
        faults: Faults | None = None,
        token: str | None = None,
        port: int = 0,
    ) -> None:
        self.manifest = manifest
        self.records = {feed_type: list(rows) for feed_type, rows in records.items()}
        self.faults = faults or Faults()
        self.asked: dict[str, int] = {}
        self.url = ""
        self._token = token
        self._port = port
        self._rounds: dict[str, int] = {}
        self._outage = list(self.faults.outage)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Start on loopback, by default on a free port; `url` is where."""
        app = web.Application()
        app.add_routes([web.get(path, self._answer) for path in set(self.manifest.pull.paths.values())])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        listener = socket.create_server(("127.0.0.1", self._port))
        await web.SockSite(self._runner, listener).start()
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and free the port."""
        if self._runner:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        spec = self.manifest.pull
        feed_type = next(name for name, path in spec.paths.items() if path == request.path)
        self.asked[feed_type] = self.asked.get(feed_type, 0) + 1
        if self._outage:
            return web.json_response({}, status=self._outage.pop(0), headers={"Retry-After": "1"})
        if self._token and request.headers.get("Authorization") != f"Bearer {self._token}":
            return web.json_response({}, status=401)
        rows = self._rows(feed_type, request.query.get(spec.since_param))
        start = int(request.query.get(spec.page_param, "0"))
        end = start + int(request.query.get(spec.limit_param, str(spec.limit)))
        page: dict[str, Any] = {}
        put_path(page, spec.items, rows[start:end])
        put_path(page, spec.next_page, str(end) if end < len(rows) else None)
        if falls(self.asked[feed_type], self.faults.cut_every):
            return await _cut(request, msgspec.json.encode(page))
        if end >= len(rows):
            self._rounds[feed_type] = self._rounds.get(feed_type, 0) + 1
        return web.json_response(page)

    def _rows(self, feed_type: FeedType, since: str | None) -> list[dict[str, Any]]:
        chosen = sorted(self.records.get(feed_type, []), key=_order)
        if not self._rounds.get(feed_type):
            late = self.faults.late_every
            chosen = [record for number, record in enumerate(chosen, 1) if not falls(number, late)]
        if since is not None:
            earliest = self._read_since(feed_type, since)
            chosen = [record for record in chosen if _order(record)[0] >= earliest]
        return source_rows(self.manifest, feed_type, chosen, self.faults)

    def _read_since(self, feed_type: FeedType, since: str) -> datetime:
        column = self.manifest.source_path(feed_type, "updated_at")
        value = int(since) if since.isdigit() else since
        return self.manifest.read_time(feed_type, {column: value}, "updated_at") or datetime.min.replace(
            tzinfo=UTC
        )


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    """Promise a body, send half of it and drop the connection."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    answer.content_length = len(body)
    await answer.prepare(request)
    await answer.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return answer


def _order(record: Mapping[str, Any]) -> tuple[datetime, str]:
    return datetime.fromisoformat(record["updated_at"]), str(record["record_id"])
