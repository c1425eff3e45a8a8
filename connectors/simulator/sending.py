"""Pushes a simulated platform's rows to a hub, with faults of the connection and the clock to order."""

import asyncio
import gzip
import ssl
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from connectors.records import FeedType
from connectors.simulator.faults import Faults, falls
from connectors.transport.push_client import Retry, ndjson, push
from connectors.transport.signatures import Algorithm, signed_headers


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where pushes go and what they are signed with; `name` begins the key of each push."""

    url: str
    platform: str
    key: bytes
    name: str = "sim"
    alg: Algorithm = "sha256"
    retry: Retry = Retry(attempts=60)

    def feed(self, feed_type: FeedType) -> str:
        """Return the address of a feed."""
        return f"{self.url.rstrip('/')}/api/v1/feeds/{self.platform}/{feed_type}"


async def push_parts(
    target: Target,
    feed_type: FeedType,
    parts: Iterable[Sequence[Mapping[str, Any]]],
    faults: Faults | None = None,
) -> AsyncIterator[dict[str, Any]]:
    """Push parts one after another and yield their receipts; raises FeedError `push_failed`.

    Every `cut_every`-th push is begun once and broken off in the middle of its body before it is sent. With
    `skew_s` the signature's time is that of a clock so far ahead.
    """
    faults = faults or Faults()
    async with aiohttp.ClientSession() as session:
        for number, rows in enumerate(parts, 1):
            message_id = f"{target.name}-{feed_type}-{number}"
            if falls(number, faults.cut_every):
                await _break_off(target, feed_type, message_id, gzip.compress(ndjson(rows), 6, mtime=0))
            yield await push(
                session,
                target.feed(feed_type),
                rows,
                key=target.key,
                message_id=message_id,
                now=lambda: time.time() + faults.skew_s,
                alg=target.alg,
                retry=target.retry,
            )


async def _break_off(target: Target, feed_type: FeedType, message_id: str, body: bytes) -> None:
    """Send a push's head and half of its body, then drop the connection."""
    where = urlsplit(target.feed(feed_type))
    secure = ssl.create_default_context() if where.scheme == "https" else None
    port = where.port or (443 if secure else 80)
    _, writer = await asyncio.open_connection(where.hostname, port, ssl=secure)
    headers = signed_headers(target.key, message_id, int(time.time()), body, target.alg) | {
        "Host": where.netloc,
        "Content-Type": "application/x-ndjson",
        "Content-Encoding": "gzip",
        "Content-Length": str(len(body)),
        "Idempotency-Key": message_id,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"POST {where.path} HTTP/1.1\r\n{head}\r\n".encode() + body[: len(body) // 2])
    await writer.drain()
    writer.transport.abort()
