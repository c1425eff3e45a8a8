"""What every use case is given, and the two ways to work on data: a change and a look, both audited."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import audit, policy
from rider_hub.access.actor import Actor
from rider_hub.access.keys import Keyring
from rider_hub.access.scope import Scope
from rider_hub.clock import Clock
from rider_hub.errors import Refused
from rider_hub.settings import Settings
from rider_hub.storage import Database

__all__ = ["HUB", "Change", "Hub", "Look"]


@dataclass
class Look:
    """A read: its connection, its viewer, and what the trail will say of it."""

    connection: AsyncConnection
    actor: Actor
    now: datetime
    target: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    subjects: set[str] = field(default_factory=set)

    @property
    def scope(self) -> Scope:
        """The viewer's scope, which every query takes."""
        return self.actor.scope

    def opened(self, riders: Iterable[str]) -> None:
        """Say whose personal data this read opens."""
        self.subjects.update(riders)

    def count(self, **counts: int) -> None:
        """Add to the figures the trail will carry."""
        for name, value in counts.items():
            self.counts[name] = self.counts.get(name, 0) + value


class Change(Look):
    """A change: the same, in a transaction that may write."""


@dataclass(frozen=True)
class Hub:
    """The parts a use case needs, wired once at start."""

    settings: Settings
    clock: Clock
    database: Database
    keys: Keyring

    @asynccontextmanager
    async def change(
        self, actor: Actor, operation: str, *, target: str = "", purpose: str = ""
    ) -> AsyncIterator[Change]:
        """Open one transaction for one use case; its audit row commits with it.

        Raises Refused where the policy says no. A refusal or a failure is audited in a transaction of its
        own, since the use case's is rolled back.
        """
        work: Change | None = None
        try:
            policy.require(actor, operation)
            async with self.database.write() as connection:
                work = Change(connection, actor, self.clock.now(), target)
                yield work
                await self._record(work, operation, purpose, "done")
        except Exception as error:
            outcome = "refused" if isinstance(error, Refused) else "failed"
            await self._record_apart(
                actor, operation, target=work.target if work else target, purpose=purpose, outcome=outcome
            )
            raise

    @asynccontextmanager
    async def look(
        self, actor: Actor, operation: str, *, target: str = "", purpose: str = ""
    ) -> AsyncIterator[Look]:
        """Open a read-only transaction; where it opened people, its audit row is committed before the end."""
        try:
            policy.require(actor, operation)
        except Refused:
            await self._record_apart(actor, operation, target=target, purpose=purpose, outcome="refused")
            raise
        async with self.database.read() as connection:
            work = Look(connection, actor, self.clock.now(), target)
            yield work
        if work.subjects:
            await self._record_apart(
                actor,
                operation,
                target=work.target,
                purpose=purpose,
                outcome="done",
                counts=work.counts,
                subjects=work.subjects,
            )

    async def _record(self, work: Look, operation: str, purpose: str, outcome: str) -> None:
        await audit.record(
            work.connection,
            self.keys,
            work.actor,
            operation,
            at=work.now,
            outcome=outcome,
            target=work.target,
            purpose=purpose,
            counts=work.counts,
            subjects=work.subjects,
        )

    async def _record_apart(
        self,
        actor: Actor,
        operation: str,
        *,
        target: str,
        purpose: str,
        outcome: str,
        counts: Mapping[str, int] | None = None,
        subjects: Iterable[str] = (),
    ) -> None:
        async with self.database.write() as connection:
            await audit.record(
                connection,
                self.keys,
                actor,
                operation,
                at=self.clock.now(),
                outcome=outcome,
                target=target,
                purpose=purpose,
                counts=counts,
                subjects=subjects,
            )


#: Where the application keeps its hub.
HUB = web.AppKey("hub", Hub)
