"""Where one reader stands in the partitions it has for now, and which of them rest."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from connectors.transport.kafka.places import Place, Seen

__all__ = ["Standing"]

#: How long a partition whose batch could not be taken rests, at first and at most.
_REST_S: Final = (1.0, 30.0)


class Standing:
    """The partitions of one assignment; a rebalance makes all of it void, whatever is still under way.

    A partition is read where its position is known, and rests otherwise: it is paused, and its position asked
    for when its rest is over.
    """

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        #: Grows with each rebalance: who began before one looks whether it is still the same.
        self.generation = 0
        self._places: dict[TopicPartition, Place] = {}
        self._at: dict[TopicPartition, int] = {}
        self._resting: dict[TopicPartition, float] = {}
        self._rests: dict[TopicPartition, float] = {}

    def forget(self) -> None:
        """Have no partition any more."""
        self.generation += 1
        for kept in (self._places, self._at, self._resting, self._rests):
            kept.clear()

    def begin(self, partitions: Collection[TopicPartition]) -> None:
        """Have these partitions from now on; all rest until their positions are known."""
        self.forget()
        for one in partitions:
            # A place to stand, or the library would look for a commit that is not there.
            self._consumer.seek(one, 0)
            self.rest(one)

    def rest(self, partition: TopicPartition, seconds: float = 0.0) -> None:
        """Read no further in a partition until its position was asked for again."""
        with suppress(IllegalStateError):
            self._consumer.pause(partition)
        self._at.pop(partition, None)
        self._resting[partition] = asyncio.get_running_loop().time() + seconds

    def rest_longer(self, partition: TopicPartition) -> None:
        """Rest after a failure: twice as long as the last time."""
        first, longest = _REST_S
        self._rests[partition] = min(longest, 2 * self._rests.get(partition, first / 2))
        self.rest(partition, self._rests[partition])

    def due(self) -> list[TopicPartition]:
        """Return the partitions that have rested enough."""
        now = asyncio.get_running_loop().time()
        return [one for one, until in self._resting.items() if until <= now]

    def go(self, partition: TopicPartition, place: Place, position: int) -> None:
        """Read a partition on from a position."""
        self._places[partition], self._at[partition] = place, position
        self._resting.pop(partition, None)
        self._consumer.seek(partition, position)
        self._consumer.resume(partition)

    def moved(self, partition: TopicPartition, position: int) -> None:
        """Note that a partition was read up to a position."""
        self._at[partition] = position
        self._rests.pop(partition, None)

    def of(self, partition: TopicPartition) -> tuple[Place, int] | None:
        """Return where a partition is read, None where it rests or is not this reader's."""
        at = self._at.get(partition)
        return None if at is None else (self._places[partition], at)

    def places(self) -> list[tuple[TopicPartition, Place]]:
        """Return the partitions that are read, with what they were when their position was asked for."""
        return [(one, self._places[one]) for one in self._at]

    async def quiet(self) -> list[Seen]:
        """Return how far each partition that is read stands, with marks of transactions passed over."""
        seen = []
        for one, at in list(self._at.items()):
            through = await self.position(one)
            if through is not None and one in self._at:
                end = max(self._consumer.highwater(one) or 0, through)
                seen.append(Seen(self._places[one], at, max(at, through), end))
        return seen

    async def position(self, partition: TopicPartition) -> int | None:
        """Return up to where messages were handed out, None where the partition was taken away."""
        try:
            return int(await self._consumer.position(partition))
        except (IllegalStateError, KafkaError):
            return None
