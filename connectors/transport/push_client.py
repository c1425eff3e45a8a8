"""Pushes rows to a hub as a platform would: signed, compressed, repeated under one key until answered."""

import asyncio
import gzip
import io
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import aiohttp
import msgspec

from connectors.problems import feed_error
from connectors.transport.signatures import Algorithm, signed_headers

RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
"""The answers after which the same body is sent again; so is 409 where it has a Retry-After."""

_CONFLICT: Final = 409
#: A problem, with a receipt where the rows were read and none can be used.
_NO_ROW: Final = 422


class Retry(msgspec.Struct, frozen=True):
    """Say how often and how long to try again: full jitter below a doubling bound."""

    attempts: int = 6
    first_s: float = 0.5
    longest_s: float = 30.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def wait(self, attempt: int, retry_after: str | None = None) -> None:
        """Wait before the next attempt; a Retry-After in seconds is honoured up to the longest wait."""
        bound = min(self.longest_s, self.first_s * 2**attempt)
        pause = random.uniform(0, bound)  # noqa: S311 - jitter, no secret
        if retry_after and retry_after.isascii() and retry_after.isdigit():
            pause = max(pause, min(self.longest_s, float(retry_after)))
        await self.sleep(pause)


PATIENT: Final = Retry(attempts=20, longest_s=15.0)
"""How a push is tried again: for some minutes, so that an unfinished one (30 s) can be taken over."""


def ndjson(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as NDJSON."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


async def push(
    session: aiohttp.ClientSession,
    url: str,
    rows: Iterable[Mapping[str, Any]] | bytes,
    *,
    key: bytes,
    message_id: str,
    now: Callable[[], float],
    alg: Algorithm = "sha256",
    compress: bool = True,
    headers: Mapping[str, str] | None = None,
    retry: Retry | None = None,
) -> dict[str, Any]:
    """Push rows (or a ready NDJSON body) and return the receipt, also that of a batch without a usable row.

    `message_id` is the Idempotency-Key too; every attempt sends the same bytes under it, freshly dated
    and signed. Raises FeedError `push_failed` where the hub refuses the whole or never answers.
    """
    retry = retry or PATIENT
    body = rows if isinstance(rows, bytes) else ndjson(rows)
    body = gzip.compress(body, 6, mtime=0) if compress else body
    fixed = {"content-type": "application/x-ndjson", "idempotency-key": message_id, **(headers or {})}
    if compress:
        fixed["content-encoding"] = "gzip"
    status = 0
    for attempt in range(retry.attempts):
        retry_after = None
        signed = signed_headers(key, message_id, int(now()), body, alg)
        try:
            # As a file, so that a large body goes out in pieces.
            async with session.post(url, data=io.BytesIO(body), headers=fixed | signed) as answer:
                status, content = answer.status, await answer.read()
                retry_after = answer.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError):
            status, content = 0, b""
        if 200 <= status < 300 or status == _NO_ROW:  # noqa: PLR2004 - the success answers
            receipt = _receipt(content, status)
            if status != _NO_ROW or "receipt" in receipt:
                return receipt
        awaited = status in RETRIED or (status == _CONFLICT and retry_after is not None)
        if status and not awaited:
            break
        if attempt + 1 < retry.attempts:
            await retry.wait(attempt, retry_after)
    raise feed_error("push_failed", status=502, status_seen=status)


def _receipt(content: bytes, status: int) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise feed_error("push_failed", status=502, status_seen=status) from error
