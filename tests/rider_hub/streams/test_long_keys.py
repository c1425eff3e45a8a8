"""Dead letters whose message has a key as large as a message: they are sent all the same."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from connectors.batch import Reject
from connectors.transport.kafka.places import Message, Place, StreamBatch
from connectors.transport.kafka.sender import Outgoing
from rider_hub.intake.dead_letters import send_dead_letters, write_dead_letters
from rider_hub.intake.stream_taking import STREAM
from tests.factories import make_hub


async def test_a_key_too_long_to_send_is_left_out(database_url: str, tmp_path: Path) -> None:
    """One of a megabyte would be refused by the broker each time, and with it every letter after it."""
    keys = [b"R-1", b"K" * 4096, b"K" * 4097, None]
    messages = tuple(Message(n, key, None) for n, key in enumerate(keys))
    batch = StreamBatch(Place("c", "t", 0, "ding.riders"), 0, 4, messages, 4)
    refused = [Reject(n, None, (), None) for n in range(1, 5)]
    taken: Any = SimpleNamespace(id="r" * 32, platform="ding", feed_type="registration")
    sent: list[Outgoing] = []

    async def send(letters: list[Outgoing]) -> list[bool]:
        sent.extend(letters)
        return [True] * len(letters)

    async with make_hub(database_url, tmp_path) as hub:
        async with hub.change(STREAM, "feeds.take") as work:
            await write_dead_letters(work, hub.keys, batch, taken, refused)
        sender: Any = SimpleNamespace(send=send)
        assert await send_dead_letters(hub, STREAM, sender, ".dlq") == (4, 0)
    assert [one.key for one in sent] == [b"R-1", b"K" * 4096, None, None]
