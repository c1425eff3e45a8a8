"""How many declared: the one door for reports, which gives numbers and never a person.

A body counts those who named it exactly: every one of them lets it see them. Everybody else sees the totals
of streets as they were published, under rules that hold over successive reports:

- below `access.small_count` (k) nothing is shown;
- a total is published once a week and is not changed afterwards;
- a street's first figure appears at k, and moves only when the number moved by k or more since, so the
  difference of two reports is nought or a group of at least k;
- the sum is that of the figures shown and of nothing else, so no street is left over to be worked out.

One rider who declares or withdraws therefore changes a report only where a group of k does.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub, Look
from rider_hub.access.small_counts import small_count
from rider_hub.clock import local_date
from rider_hub.consent.model import Purpose
from rider_hub.divisions.store import codes_inside, names
from rider_hub.membership.ledger import live_consents
from rider_hub.membership.tables import declared_total
from rider_hub.membership.visibility import works_for
from rider_hub.riders.persons import standing_for
from rider_hub.riders.tables import rider
from rider_hub.storage import insert_ignoring

__all__ = ["OwnTotal", "StreetTotal", "next_figure", "own_totals", "publish_totals", "street_totals"]

_STREET_DIGITS = 9


@dataclass(frozen=True)
class OwnTotal:
    """How many let one body invite them to its activities as members."""

    body: str
    members: int


@dataclass(frozen=True)
class StreetTotal:
    """One street's published figure; None where it is below k."""

    division: str
    name: str
    members: int | None
    published_on: date


def next_figure(members: int, before: int | None, k: int) -> int | None:
    """Return the figure to publish: the one before where under k changed, else the number, None below k."""
    if before is not None and abs(members - before) < k:
        return before
    return members if members >= k else None


async def own_totals(hub: Hub, actor: Actor) -> list[OwnTotal]:
    """Return the exact totals of the bodies an actor works for: they are named by everyone counted."""
    async with hub.look(actor, "membership.verify") as look:
        bodies = sorted(each for each in (actor.own or actor).organizations if works_for(actor, each))
        people: dict[str, set[str]] = {body: set() for body in bodies}
        if bodies:
            async for consent in live_consents(look, hub.keys, Purpose.PARTY_ACTIVITIES):
                if consent.body in people:
                    people[consent.body].add(await standing_for(look.connection, consent.rider_id))
    return [OwnTotal(body, len(people[body])) for body in bodies]


async def street_totals(look: Look) -> list[StreetTotal]:
    """Return the newest published figures of the streets in the viewer's scope, by code."""
    table = declared_total.c
    inside = look.scope.where(table.division)
    newest = select(func.max(table.published_on)).where(inside).scalar_subquery()
    query = select(declared_total).where(inside, table.published_on == newest).order_by(table.division)
    rows = (await look.connection.execute(query)).mappings().all()
    known = await names(look.connection, [row["division"] for row in rows])
    return [
        StreetTotal(
            row["division"],
            known.get(row["division"], row["division"]),
            row["members"],
            row["published_on"],
        )
        for row in rows
    ]


async def publish_totals(hub: Hub, actor: Actor) -> None:
    """Publish this week's figures of every street, once; on the week's other days nothing happens."""
    async with hub.change(actor, "membership.publish") as work:
        today = local_date(work.now)
        monday = today - timedelta(days=today.weekday())
        streets = await _streets(work.connection)
        members: Counter[str] = Counter()
        counted: set[str] = set()
        async for consent in live_consents(work, hub.keys, Purpose.DECLARATION):
            person = await standing_for(work.connection, consent.rider_id)
            if person not in counted:
                counted.add(person)
                members[(await _division(work.connection, person))[:_STREET_DIGITS]] += 1
        for street in streets:
            before = await _last_figure(work.connection, street, monday)
            figure = next_figure(members[street], before, small_count())
            row = {"division": street, "published_on": monday, "members": figure}
            await insert_ignoring(work.connection, declared_total, row, key=["division", "published_on"])


async def _streets(connection: AsyncConnection) -> Sequence[str]:
    """Return every street of the counties where riders are: a street where nobody declared has a row, too."""
    county = func.substr(rider.c.division, 1, 6)
    counties = (await connection.execute(select(county).distinct())).scalars().all()
    found = [await codes_inside(connection, each, "street") for each in sorted(counties)]
    return sorted(set().union(*found))


async def _division(connection: AsyncConnection, rider_id: str) -> str:
    found = await connection.execute(select(rider.c.division).where(rider.c.id == rider_id))
    return found.scalar_one_or_none() or ""


async def _last_figure(connection: AsyncConnection, street: str, monday: date) -> int | None:
    """Return the newest figure before this week; a week below k in between leaves none."""
    table = declared_total.c
    query = select(table.members).where(table.division == street, table.published_on < monday)
    newest = query.order_by(table.published_on.desc()).limit(1)
    return (await connection.execute(newest)).scalar_one_or_none()
