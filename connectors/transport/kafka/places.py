"""What a stream is read from: partitions told apart by their topic's id, and messages of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

__all__ = [
    "ClusterError",
    "LaterError",
    "Message",
    "MovedError",
    "Place",
    "Positions",
    "Seen",
    "StreamBatch",
    "Take",
]


class Place(msgspec.Struct, frozen=True, order=True):
    """One partition of one topic; a topic made anew under the same name has another id."""

    cluster: str
    topic_id: str
    partition: int
    topic: str


class Message(NamedTuple):
    """One message: where it stands, its key, and its value, None for an empty one."""

    offset: int
    key: bytes | None
    value: bytes | None


class StreamBatch(msgspec.Struct, frozen=True):
    """Messages of one partition in order, from the position reading stands at to the one after them."""

    place: Place
    #: Where reading must still stand for this batch to be taken, and where it stands afterwards.
    position: int
    through: int
    messages: tuple[Message, ...]
    #: The end of the partition when these were fetched.
    end: int

    def halves(self) -> tuple["StreamBatch", "StreamBatch"]:
        """Return the batch as two that follow one another; it holds at least two messages."""
        middle = len(self.messages) // 2
        cut = self.messages[middle].offset
        return (
            msgspec.structs.replace(self, through=cut, messages=self.messages[:middle]),
            msgspec.structs.replace(self, position=cut, messages=self.messages[middle:]),
        )


class Seen(NamedTuple):
    """How far a partition was read without finding a message more, and where it ends."""

    place: Place
    position: int
    through: int
    end: int


class ClusterError(Exception):
    """The cluster can't be reached, or puts this program out; trying again is for the caller."""


class MovedError(Exception):
    """Reading does not stand where this batch begins: somebody else has read on. Nothing was taken."""


class LaterError(Exception):
    """The batch can't be taken for now; what was taken of it stays taken."""


class Positions(Protocol):
    """Where reading stands, kept by whoever takes the messages, together with what became of them."""

    async def topics(self) -> Sequence[str]:
        """Return the topics to read."""

    async def begin(self, earliest: Mapping[Place, int]) -> Mapping[Place, int]:
        """Return where each partition is read on; one that was never read begins at its earliest."""

    async def lost(self, place: Place, position: int, earliest: int) -> None:
        """Note that what stood from a position on is gone, and go on at the earliest there is."""

    async def seen(self, seen: Sequence[Seen]) -> Sequence[Place]:
        """Note how far partitions without new messages were read; return those that somebody else moved."""


class Take(Protocol):
    """Takes one batch, whole or in parts; raises MovedError or LaterError."""

    async def __call__(self, batch: StreamBatch) -> None:
        """Take a batch and move the position with it."""
