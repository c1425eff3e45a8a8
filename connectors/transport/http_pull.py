"""Pulls a platform's pages into rows, resumable at every page; what rows mean the manifest alone knows."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import msgspec

from connectors.problems import feed_error
from connectors.records import FeedType
from connectors.sources.manifest import Manifest
from connectors.transport.push_client import RETRIED, Retry

MAX_PAGE_BYTES: Final = 64 * 1024 * 1024
"""The largest page read."""

_EXPIRED: Final = frozenset({400, 404, 410})
_OK: Final = 200


class Page(msgspec.Struct, frozen=True):
    """One page: its rows from 1 on, the cursor to keep with them, and whether it is the last."""

    rows: tuple[tuple[int, bytes], ...]
    next_cursor: str
    last: bool


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """A position: all before `since` is read; within a round, the next page and the newest time met."""

    since: datetime | None = None
    page: str | None = None
    newest: datetime | None = None


class Breaker:
    """Stop asking a platform that failed several times in a row, until a pause has passed."""

    def __init__(self, now: Callable[[], datetime], *, failures: int = 5, pause_s: float = 300.0) -> None:
        self._now = now
        self._limit = failures
        self._pause = timedelta(seconds=pause_s)
        self._failed = 0
        self._until: datetime | None = None

    def check(self) -> None:
        """Raise FeedError `platform_paused` while the pause lasts."""
        if self._until and self._now() < self._until:
            left = (self._until - self._now()).total_seconds()
            raise feed_error("platform_paused", status=503, seconds=int(left) + 1)

    def note(self, *, answered: bool) -> None:
        """Count an outcome; one success closes the breaker."""
        self._failed = 0 if answered else self._failed + 1
        self._until = self._now() + self._pause if self._failed >= self._limit else None


async def pull(
    session: aiohttp.ClientSession,
    manifest: Manifest,
    cursor: str | None,
    *,
    base_url: str,
    feed_type: FeedType,
    now: Callable[[], datetime],
    headers: Mapping[str, str] | None = None,
    retry: Retry | None = None,
    breaker: Breaker | None = None,
    timeout_s: float = 30.0,
) -> AsyncIterator[Page]:
    """Yield the pages from a cursor on (None: from the beginning) until the platform has no more.

    A new round asks from the newest time of the round before less the manifest's overlap, so rows of one
    time or committed late are met again rather than missed: the receiver drops repeats. Keep
    `next_cursor` in the transaction that stores the page's rows, and a break anywhere loses nothing.
    """
    ask = _Ask(
        session, manifest, feed_type, base_url, dict(headers or {}), retry or Retry(), breaker, timeout_s
    )
    state = _read_cursor(cursor)
    met: set[str] = set()
    while True:
        content = await _page_content(ask, state, resumed=not met)
        if content is None:  # the token of an interrupted round has expired: its round starts again
            state = _Cursor(state.since)
            continue
        rows, token = _read_page(content, manifest)
        if token is not None and token in met:
            raise feed_error("pull_loop", status=502)
        newest = _newest(rows, state.newest, manifest, feed_type, now())
        state = _Cursor(newest or state.since) if token is None else _Cursor(state.since, token, newest)
        yield Page(rows, msgspec.json.encode(state).decode(), token is None)
        if token is None:
            return
        met.add(token)


class _Ask(msgspec.Struct, frozen=True):
    session: Any
    manifest: Manifest
    feed_type: FeedType
    base_url: str
    headers: dict[str, str]
    retry: Retry
    breaker: Breaker | None
    timeout_s: float

    @property
    def url(self) -> str:
        paths = self.manifest.pull.paths
        if self.feed_type not in paths:
            raise feed_error("feed_not_offered", status=404)
        return self.base_url.rstrip("/") + paths[self.feed_type]

    def parameters(self, state: _Cursor) -> dict[str, str]:
        spec = self.manifest.pull
        parameters = {spec.limit_param: str(spec.limit)}
        if state.since:
            since = state.since - timedelta(seconds=spec.overlap_s)
            parameters[spec.since_param] = self.manifest.write_time(self.feed_type, since, "updated_at")
        if state.page is not None:
            parameters[spec.page_param] = state.page
        return parameters


def _read_cursor(cursor: str | None) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor()
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise feed_error("cursor_invalid") from error


async def _page_content(ask: _Ask, state: _Cursor, *, resumed: bool) -> bytes | None:
    """Return a page's bytes; None where the platform no longer knows the token of a resumed round."""
    if ask.breaker:
        ask.breaker.check()
    status = 0
    for attempt in range(ask.retry.attempts):
        status, content, retry_after = await _get(ask, state)
        if status == _OK or status not in RETRIED | {0}:
            break
        if attempt + 1 < ask.retry.attempts:
            await ask.retry.wait(attempt, retry_after)
    expired = status in _EXPIRED and resumed and state.page is not None
    if ask.breaker:
        ask.breaker.note(answered=status == _OK or expired)
    if expired:
        return None
    if status != _OK:
        raise feed_error("pull_failed", status=502, status_seen=status)
    return content


async def _get(ask: _Ask, state: _Cursor) -> tuple[int, bytes, str | None]:
    """Ask once; status 0 stands for no answer. Redirects are not followed: they could take the key along."""
    timeout = aiohttp.ClientTimeout(total=ask.timeout_s)
    parameters = ask.parameters(state)
    try:
        async with ask.session.get(
            ask.url, params=parameters, headers=ask.headers, timeout=timeout, allow_redirects=False
        ) as answer:
            content = bytearray()
            async for piece in answer.content.iter_chunked(64 * 1024):
                content += piece
                if len(content) > MAX_PAGE_BYTES:
                    raise feed_error("inflated_too_large", status=502, limit=MAX_PAGE_BYTES // 1024**2)
            return answer.status, bytes(content), answer.headers.get("Retry-After")
    except (aiohttp.ClientError, TimeoutError):
        return 0, b"", None


def _read_page(content: bytes, manifest: Manifest) -> tuple[tuple[tuple[int, bytes], ...], str | None]:
    """Take the rows as they stand, so that one bad row is a refused row and not a lost page."""
    try:
        items = msgspec.json.decode(_raw(content, manifest.pull.items) or b"", type=list[msgspec.Raw])
        token = msgspec.json.decode(_raw(content, manifest.pull.next_page) or b"null")
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise feed_error("pull_page_unreadable", status=502) from error
    if isinstance(token, bool) or not isinstance(token, str | int | None):
        raise feed_error("pull_page_unreadable", status=502)
    rows = tuple((number, bytes(item)) for number, item in enumerate(items, 1))
    return rows, None if token in (None, "") else str(token)


def _raw(content: bytes, path: str) -> bytes | None:
    """Return the bytes of a page at a dotted path, or None where nothing stands there."""
    for name in path.split("."):
        level = msgspec.json.decode(content, type=dict[str, msgspec.Raw] | None)
        if not level or name not in level:
            return None
        content = bytes(level[name])
    return content


def _newest(
    rows: tuple[tuple[int, bytes], ...],
    newest: datetime | None,
    manifest: Manifest,
    feed_type: FeedType,
    now: datetime,
) -> datetime | None:
    """Return the newest time met, never beyond now: one row dated ahead must not hide all that follow."""
    for _, row in rows:
        try:
            content = msgspec.json.decode(row)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue  # a refused row: `check` names it
        moment = manifest.read_time(feed_type, content, "updated_at") if isinstance(content, dict) else None
        if moment and (newest is None or moment > newest):
            newest = min(moment, now.astimezone(UTC))
    return newest
