"""A pull server on loopback that answers as a manifest's platform would; it stores nothing."""

import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from connectors.records import FeedType
from connectors.simulator.faults import Faults, source_rows
from connectors.sources.manifest import Manifest
from connectors.sources.values import put_path


class PlatformServer:
    """Serve standard rows as pages of the manifest's platform, by updated_at and record_id.

    Rows may be added to `records` while it runs. `asked` counts the requests of each feed type. With a
    `token`, requests without `Authorization: Bearer` of it are refused (401).
    """

    def __init__(
        self,
        manifest: Manifest,
        records: Mapping[FeedType, Sequence[Mapping[str, Any]]],
        *,
        faults: Faults | None = None,
        token: str | None = None,
    ) -> None:
        self.manifest = manifest
        self.records = {feed_type: list(rows) for feed_type, rows in records.items()}
        self.faults = faults or Faults()
        self.asked: dict[str, int] = {}
        self.url = ""
        self._token = token
        self._outage = list(self.faults.outage)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Start on a free port of loopback; `url` is where."""
        app = web.Application()
        app.add_routes([web.get(path, self._answer) for path in set(self.manifest.pull.paths.values())])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(self._runner, listener).start()
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and free the port."""
        if self._runner:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
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
        return web.json_response(page)

    def _rows(self, feed_type: FeedType, since: str | None) -> list[dict[str, Any]]:
        chosen = sorted(self.records.get(feed_type, []), key=_order)
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


def _order(record: Mapping[str, Any]) -> tuple[datetime, str]:
    return datetime.fromisoformat(record["updated_at"]), str(record["record_id"])
