"""What every use case is given, and the two ways to work on data: a change and a look, both audited."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import audit, policy
from rider_hub.access.actor import PUBLIC, Actor
from rider_hub.access.keys import Keyring
from rider_hub.access.scope import Scope
from rider_hub.access.strangers import STRANGERS, Strangers
from rider_hub.clock import Clock
from rider_hub.errors import Absent, HubError, Refused
from rider_hub.settings import Settings
from rider_hub.storage import Database

__all__ = ["HUB", "Change", "Hub", "Look"]


@dataclass
class _Asked:
    """What the trail says of a use case: who, when, on what, how much, and whose data was opened."""

    actor: Actor
    now: datetime
    target: str = ""
    counts: dict[str, int] = field(default_factory=dict, kw_only=True)
    subjects: set[str] = field(default_factory=set, kw_only=True)


@dataclass
class Look(_Asked):
    """A read: its connection, its viewer, and what the trail will say of it."""

    connection: AsyncConnection = field(kw_only=True)

    @property
    def scope(self) -> Scope:
        """The viewer's scope, which every query takes."""
        return self.actor.scope

    def opened(self, riders: Iterable[str]) -> None:
        """Say whose personal data this read opens."""
        self.subjects.update(riders)

    def count(self, **counts: int) -> None:
        """Add to the figures the trail will carry: a page of masked people is one row with their number."""
        for name, value in counts.items():
            self.counts[name] = self.counts.get(name, 0) + value

    @property
    def shows_people(self) -> bool:
        """Say whether the read leaves a row; riders who read what is their own leave none."""
        return bool(self.subjects or (self.counts and self.actor.rider_id is None))


class Change(Look):
    """A change: the same, in a transaction that may write."""


class _Undone(Exception):
    """Ends a rehearsal: the transaction is rolled back."""


@dataclass(frozen=True)
class Hub:
    """The parts a use case needs, wired once at start."""

    settings: Settings
    clock: Clock
    database: Database
    keys: Keyring
    strangers: Strangers = field(default_factory=Strangers)

    @asynccontextmanager
    async def change(
        self, actor: Actor, operation: str, *, target: str = "", purpose: str = ""
    ) -> AsyncIterator[Change]:
        """Open one transaction for one use case; its audit row commits with it.

        Raises Refused where the policy says no, AuditFault where the row can't be written: then the change is
        rolled back. A refusal or a failure is audited in a transaction of its own.
        """
        work: Change | None = None
        actor = policy.acting(actor, operation)
        try:
            policy.require(actor, operation)
            async with self.database.write() as connection:
                work = Change(actor, self.clock.now(), target, connection=connection)
                yield work
                await self._write_row(work.connection, work, operation, purpose, "done")
        except Exception as error:
            await self._record_end(work or self._unopened(actor, target), operation, purpose, error)
            raise

    @asynccontextmanager
    async def look(
        self, actor: Actor, operation: str, *, target: str = "", purpose: str = ""
    ) -> AsyncIterator[Look]:
        """Open a read-only transaction; where it showed personal data, its audit row is committed at the end.

        Nothing of what was read may leave inside the block: return or render it afterwards. Raises AuditFault
        where the row can't be written; refusals and what looks absent are audited, too.
        """
        work: Look | None = None
        actor = policy.acting(actor, operation)
        try:
            policy.require(actor, operation)
            async with self.database.read() as connection:
                work = Look(actor, self.clock.now(), target, connection=connection)
                yield work
        except Absent as error:
            await self._record_end(work or self._unopened(actor, target), operation, purpose, error)
            raise
        if work.shows_people:
            await self._record_apart(work, operation, purpose, "done")

    @asynccontextmanager
    async def rehearse(self, actor: Actor, operation: str, *, target: str = "") -> AsyncIterator[Change]:
        """Open a transaction for a change that is tried and always undone, whatever happens in the block.

        The trail says that it was tried: its row is written once nothing else is left. Raises like `change`.
        """
        work: Change | None = None
        try:
            policy.require(actor, operation)
            async with self.database.write() as connection:
                work = Change(actor, self.clock.now(), target, connection=connection)
                yield work
                raise _Undone  # noqa: TRY301 - the one way out that no database takes for a success
        except _Undone:
            tried = _Asked(actor, self.clock.now(), target, counts=work.counts if work else {})
            await self._record_apart(tried, operation, "", "done")
        except Exception as error:
            await self._record_end(work or self._unopened(actor, target), operation, "", error)
            raise

    async def refused(self, actor: Actor, operation: str, target: str) -> None:
        """Put on record that the guard turned an actor away; visitors are counted, not written down."""
        await self._record_end(self._unopened(actor, target), operation, "", Refused())

    def _unopened(self, actor: Actor, target: str) -> "_Asked":
        return _Asked(actor, self.clock.now(), target)

    async def _record_end(self, work: "_Asked", operation: str, purpose: str, error: Exception) -> None:
        """Record how a use case ended that did not come to its end."""
        outcome = _outcome(error)
        if work.actor.roles != PUBLIC.roles:
            await self._record_apart(work, operation, purpose, outcome)
        elif outcome == "failed" and self.strangers.admits(work.now):
            work.counts = {"left_out": left} if (left := self.strangers.left_out()) else {}
            await self._record_apart(work, operation, purpose, outcome)
        else:
            STRANGERS.labels(outcome).inc()

    async def _record_apart(self, work: "_Asked", operation: str, purpose: str, outcome: str) -> None:
        """Record in a transaction of its own: the use case's is over."""
        with _fault_of_trail():
            async with self.database.write() as connection:
                await self._write_row(connection, work, operation, purpose, outcome)

    async def _write_row(
        self, connection: AsyncConnection, work: "_Asked", operation: str, purpose: str, outcome: str
    ) -> None:
        with _fault_of_trail():
            await audit.record(
                connection,
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


@contextmanager
def _fault_of_trail() -> Iterator[None]:
    """Make whatever stops the trail one error that says so; that the database is busy is said already."""
    try:
        yield
    except HubError:
        raise
    except Exception as error:
        raise audit.AuditFault from error


def _outcome(error: Exception) -> str:
    if isinstance(error, Refused):
        return "refused"
    return "absent" if isinstance(error, Absent) else "failed"


#: Where the application keeps its hub.
HUB = web.AppKey("hub", Hub)
