"""One Idempotency-Key, many requests at once, over HTTP: one runs, the others hear the same or are told."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from connectors.transport.push_client import ndjson
from rider_hub.intake.tables import receipt
from rider_hub.riders.tables import registration
from tests.rider_hub.faults.service import LONG, Service, prepared
from tests.rider_hub.intake.build import count, rider

INTERLEAVINGS = 1_000 if LONG else 100
#: Few enough for a sender's limit of pushes a minute.
KEYS_A_PLATFORM = 6
PLATFORMS = tuple(f"p{number}" for number in range(-(-INTERLEAVINGS // KEYS_A_PLATFORM)))
AT_ONCE = 4


@dataclass
class Key:
    """One key of a platform: two bodies that may come under it, and what was answered to each request."""

    platform: str
    name: str
    bodies: tuple[bytes, bytes]
    answers: list[tuple[int, int, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    @classmethod
    def of(cls, number: int) -> "Key":
        """Make the key of an interleaving; its rows are of nobody else's platform or key."""
        rows = [rider(number * 1_000 + n) for n in range(30)]
        return cls(PLATFORMS[number // KEYS_A_PLATFORM], f"key-{number}", (ndjson(rows), ndjson(rows[:-1])))

    async def ask(self, service: Service, session: aiohttp.ClientSession, which: int, after_s: float) -> None:
        """Send one of the bodies after a while and keep what is answered."""
        await asyncio.sleep(after_s)
        status, headers, content = await service.post(session, self.bodies[which], self.name, self.platform)
        self.answers.append((which, status, headers, json.loads(content)))

    def check(self) -> int:
        """Check that all answers so far fit one run; return the number of rows that run took."""
        taken = {which for which, status, _, _ in self.answers if status == 200}
        assert len(taken) == 1, "two bodies were taken under one key"
        receipts = [(headers, said) for _, status, headers, said in self.answers if status == 200]
        assert all(said == receipts[0][1] for _, said in receipts)
        assert sum("Idempotent-Replayed" not in headers for headers, _ in receipts) <= 1
        for which, status, headers, said in self.answers:
            if status == 409:
                assert (said["code"], headers.get("Retry-After")) == ("batch_in_progress", "5")
            elif status != 200:
                assert (status, said["code"]) == (422, "idempotency_key_reused")
                assert which not in taken
        return int(receipts[0][1]["received"])


async def interleave(service: Service, session: aiohttp.ClientSession, number: int) -> Key:
    """Send 2 to 4 requests of one key in a random order, close together; then each body once more."""
    draw = random.Random(number)
    key = Key.of(number)
    asked = [
        (draw.choice((0, 0, 1)), draw.choice((0.0, draw.uniform(0, 0.05)))) for _ in range(draw.randint(2, 4))
    ]
    await asyncio.gather(*(key.ask(service, session, which, after) for which, after in asked))
    while not any(status == 200 for _, status, _, _ in key.answers):
        await key.ask(service, session, asked[0][0], 0.2)
    done = next(which for which, status, _, _ in key.answers if status == 200)
    await key.ask(service, session, done, 0)
    await key.ask(service, session, 1 - done, 0)
    same, other = key.answers[-2:]
    assert (same[1], same[2]["Idempotent-Replayed"]) == (200, "true")
    assert other[1] == 422
    return key


async def test_requests_of_one_key_at_once_are_one(database_url: str, tmp_path: Path) -> None:
    """Same body: the same answer, marked; another: 422; at once: one runs, the other waits or hears 409."""
    async with prepared(database_url, tmp_path, platforms=PLATFORMS) as service:
        await service.start()
        limit = asyncio.Semaphore(AT_ONCE)
        async with aiohttp.ClientSession() as session:

            async def one(number: int) -> Key:
                async with limit:
                    return await interleave(service, session, number)

            keys = await asyncio.gather(*(one(number) for number in range(INTERLEAVINGS)))
        await service.kill()
        async with service.opened() as hub:
            assert await count(hub, registration) == sum(key.check() for key in keys)
            assert await count(hub, receipt) == INTERLEAVINGS
    assert any(status == 409 for key in keys for _, status, _, _ in key.answers), "none met another"
