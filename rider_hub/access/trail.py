"""Reading the trail: for the audit administrator's page, and for a rider who asks who opened theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.actor import Actor
from rider_hub.access.audit import subject_named
from rider_hub.access.hub import Hub, Look
from rider_hub.access.keys import Keyring
from rider_hub.access.tables import audit_row, audit_subject, user
from rider_hub.errors import Absent, Conflict

__all__ = ["REVIEW", "Asked", "find_row", "list_rows", "opened_of", "own_actors", "review_row"]

REVIEW = "audit.review"
#: Any private operation: all of them share one pseudonym of a rider.
_PRIVATE = "invitations.view"


@dataclass(frozen=True)
class Asked:
    """What an audit administrator asks of the trail; every part may be left out."""

    start: datetime | None = None
    end: datetime | None = None
    actor: str = ""
    operation: str = ""
    outcome: str = ""
    own: frozenset[str] | None = None


async def list_rows(
    look: Look, asked: Asked, *, limit: int | None, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Return rows of the trail, the newest first, each with how many people it opened; and how many rows."""
    chosen = _conditions(asked)
    total = (
        await look.connection.execute(select(func.count()).select_from(audit_row).where(*chosen))
    ).scalar_one()
    query = select(audit_row, *_beside()).where(*chosen).order_by(audit_row.c.at.desc(), audit_row.c.id)
    rows = (await look.connection.execute(query.limit(limit).offset(offset))).mappings()
    return [dict(row) for row in rows], total


async def find_row(look: Look, row_id: str) -> tuple[dict[str, Any], list[RowMapping]]:
    """Return one row, and the reviews of it, the oldest first; raises Absent."""
    query = select(audit_row, *_beside()).where(audit_row.c.id == row_id)
    row = (await look.connection.execute(query)).mappings().first()
    if row is None:
        raise Absent
    reviews = select(audit_row).where(*_review_of(f"audit:{row_id}")).order_by(audit_row.c.at)
    return dict(row), list((await look.connection.execute(reviews)).mappings())


async def review_row(hub: Hub, actor: Actor, row_id: str, own: frozenset[str]) -> None:
    """Note that an audit administrator reviewed a row; the note is a row itself.

    Raises Conflict for a row of the actor's own acts: nobody reviews themselves.
    """
    async with hub.change(actor, REVIEW, target=f"audit:{row_id}") as work:
        row, _ = await find_row(work, row_id)
        if row["actor"] in own:
            raise Conflict(
                "这是您本人的操作，应由另一位审计管理员复核。",
                "This is your own act: another audit administrator reviews it.",
                code="own_act",
            )


async def own_actors(connection: AsyncConnection, viewer: Actor, phones: Sequence[bytes]) -> frozenset[str]:
    """Return the actors that are the viewer, other accounts with one of these phones among them."""
    query = select(user.c.username).where(user.c.phone_index.in_(phones))
    return frozenset({viewer.id, *(f"user:{name}" for name in (await connection.execute(query)).scalars())})


async def opened_of(
    connection: AsyncConnection, keys: Keyring, persons: Sequence[str], *, private: bool, at_most: int
) -> list[RowMapping]:
    """Return the newest rows in which staff opened the data of a person (all of one's pseudonyms).

    With `private` also those kept under a pseudonym: they tell that a body was named in a consent, so they
    are shown to nobody but the person behind the phone of the first sign-in.
    """
    names = [*persons, *(subject_named(keys, one, _PRIVATE) for one in persons if private)]
    mine = exists().where(audit_subject.c.audit_id == audit_row.c.id, audit_subject.c.rider_id.in_(names))
    query = select(audit_row).where(mine, audit_row.c.actor.like("user:%"), audit_row.c.outcome == "done")
    query = query.order_by(audit_row.c.at.desc(), audit_row.c.id).limit(at_most)
    return list((await connection.execute(query)).mappings())


def _beside() -> list[Any]:
    people = select(func.count()).where(audit_subject.c.audit_id == audit_row.c.id).scalar_subquery()
    review = audit_row.alias("review")
    reviewed = exists().where(
        review.c.operation == REVIEW,
        review.c.target == "audit:" + audit_row.c.id,
        review.c.outcome == "done",
    )
    return [people.label("people"), reviewed.label("reviewed")]


def _review_of(target: str) -> list[ColumnElement[bool]]:
    return [audit_row.c.operation == REVIEW, audit_row.c.target == target, audit_row.c.outcome == "done"]


def _conditions(asked: Asked) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if asked.start:
        chosen.append(audit_row.c.at >= asked.start)
    if asked.end:
        chosen.append(audit_row.c.at < asked.end)
    if asked.actor:
        chosen.append(or_(audit_row.c.actor == asked.actor, audit_row.c.actor == f"user:{asked.actor}"))
    if asked.own is not None:
        chosen.append(audit_row.c.actor.in_(sorted(asked.own)))
    chosen += [audit_row.c[n] == value for n in ("operation", "outcome") if (value := getattr(asked, n))]
    return chosen
