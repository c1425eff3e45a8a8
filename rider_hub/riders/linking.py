"""Keeping identity links and riders in step with the registrations; inside the caller's transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Keyring
from rider_hub.riders.identity import Member, Pair, components, riders_of, wanted_links
from rider_hub.riders.indexes import no_phone_yet
from rider_hub.riders.model import LinkState
from rider_hub.riders.tables import identity_link, registration, rider
from rider_hub.storage import among, insert_rows, new_id

__all__ = ["HUB_ITSELF", "homes_of", "regroup", "review_links", "shared_indexes"]

#: Who decided a link that no person did.
HUB_ITSELF = "hub"

_IN_FORCE = (LinkState.LINKED, LinkState.CONFIRMED)
_OWN = (LinkState.LINKED, LinkState.PROPOSED)
_NONE: Mapping[bytes, bytes] = {}


async def shared_indexes(
    connection: AsyncConnection, column: str, values: Collection[bytes | None]
) -> set[bytes]:
    """Return which of these values several registrations have as `identity_index` or `phone_index`."""
    c, found = registration.c[column], set[bytes]()
    for these in among(connection, c, {value for value in values if value}):
        query = select(c).where(these).group_by(c).having(func.count() > 1)
        found.update((await connection.execute(query)).scalars())
    return found


async def review_links(
    connection: AsyncConnection,
    keys: Keyring,
    changed: Collection[str],
    indexes: Iterable[bytes],
    now: datetime,
    *,
    same: Mapping[bytes, bytes] = _NONE,
) -> None:
    """Bring the links around changed registrations in line with the evidence, and regroup the riders.

    `indexes` are the identity and phone indexes of these registrations, before and after the change. What a
    person decided about a pair stays. `same` gives, while keys rotate, the index in use for each other index
    of these registrations' phones.
    """
    keyed = sorted(set(indexes))
    if not keyed:
        return
    others = [other for other, used in same.items() if used in keyed]
    members = await _members_by_index(connection, [*keyed, *others], same)
    members |= await _members(connection, registration.c.id, sorted(changed), same)
    links = await _links(connection, sorted(members))
    wanted = wanted_links(members.values(), frozenset(keyed))
    beside = {id_ for pair in links for id_ in pair} - set(members)
    members |= await _members(connection, registration.c.id, sorted(beside), same)
    judged = {
        pair: row
        for pair, row in links.items()
        if _is_judged(pair, row["state"], members, changed, frozenset(keyed))
    }
    fresh = [_fresh(pair, state, members, now) for pair, state in wanted.items() if pair not in links]
    await insert_rows(connection, identity_link, fresh)
    moved: list[dict[str, Any]] = []
    homes: dict[str, str] = {}
    touched = {id_ for row in fresh if row["state"] is LinkState.LINKED for id_ in _pair(row)}
    for pair, row in judged.items():
        state = wanted.get(pair, LinkState.UNDONE)
        if state == row["state"] or not _is_own(row) or _rests(row, pair, members, state):
            continue
        if row["state"] == LinkState.LINKED:
            homes |= homes_of(row)
        if LinkState.LINKED in (state, row["state"]):
            touched.update(pair)
        moved.append(_moved(row, pair, state, members, now))
    await _move(connection, moved)
    if touched:
        await regroup(connection, keys, touched, homes, now)


async def regroup(
    connection: AsyncConnection,
    keys: Keyring,
    touched: Collection[str],
    homes: Mapping[str, str],
    now: datetime,
) -> None:
    """Give each group of linked registrations around `touched` one rider.

    `homes` name the rider to which a registration returns whose link was undone. A rider without a
    registration stays as a row, so that undoing finds it again.
    """
    near = await _members(connection, registration.c.id, sorted(touched))
    riders = sorted({member.rider_id for member in near.values()} | set(homes.values()))
    members = await _members(connection, registration.c.rider_id, riders)
    links = await _links(connection, sorted(members))
    groups = components(
        list(members.values()), [pair for pair, row in links.items() if row["state"] in _IN_FORCE]
    )
    known = await _riders(connection, riders)
    chosen = riders_of(groups, homes, {id_: row["first_seen_at"] for id_, row in known.items()})
    moves: list[dict[str, str]] = []
    for group, owner in zip(groups, chosen, strict=True):
        target = owner or await _new_rider(connection, keys, known[group[0].rider_id], now)
        moves += [{"id_": m.id, "owner": target} for m in group if m.rider_id != target]
    if moves:
        statement = update(registration).where(registration.c.id == bindparam("id_"))
        await connection.execute(statement.values(rider_id=bindparam("owner")), moves)
        await _refresh_seen(connection, groups, chosen)


def _is_judged(
    pair: Pair,
    state: str,
    members: Mapping[str, Member],
    changed: Collection[str],
    indexes: Collection[bytes],
) -> bool:
    """Say whether the evidence read is all there is about a pair."""
    if pair[0] in changed or pair[1] in changed:
        return True
    one = members[pair[0]]
    return (one.identity_index if state == LinkState.LINKED else one.phone_index) in indexes


def _is_own(row: RowMapping) -> bool:
    return row["state"] in _OWN or (row["state"] == LinkState.UNDONE and row["decided_by"] == HUB_ITSELF)


def _rests(row: RowMapping, pair: Pair, members: Mapping[str, Member], state: LinkState) -> bool:
    """Say whether a link stays though nothing speaks for it now: one side has left, which is no evidence."""
    gone = not all(members[id_].active for id_ in pair)
    return state is LinkState.UNDONE and row["state"] == LinkState.LINKED and gone


def _fresh(pair: Pair, state: LinkState, members: Mapping[str, Member], now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "registration_a": pair[0],
        "registration_b": pair[1],
        "created_at": now,
        **_standing(pair, state, members, now),
    }


def _standing(pair: Pair, state: LinkState, members: Mapping[str, Member], now: datetime) -> dict[str, Any]:
    by = "identity" if state is LinkState.LINKED else "phone"
    linked = state is LinkState.LINKED
    return {
        "rider_before_b": members[pair[1]].rider_id,
        "state": state,
        "evidence": {"by": by, "rider_before_a": members[pair[0]].rider_id},
        "decided_at": now if linked else None,
        "decided_by": HUB_ITSELF if linked else None,
    }


def _moved(
    row: RowMapping, pair: Pair, state: LinkState, members: Mapping[str, Member], now: datetime
) -> dict[str, Any]:
    if state is not LinkState.UNDONE:
        return {"id": row["id"], **_standing(pair, state, members, now)}
    return {
        "id": row["id"],
        "rider_before_b": row["rider_before_b"],
        "state": state,
        "evidence": {**row["evidence"], "lapsed": "yes"},
        "decided_at": now,
        "decided_by": HUB_ITSELF,
    }


def _pair(row: Mapping[str, Any] | RowMapping) -> Pair:
    return row["registration_a"], row["registration_b"]


def homes_of(row: RowMapping) -> dict[str, str]:
    """Return where each side of a link was before it."""
    before_a = row["evidence"]["rider_before_a"]
    return {row["registration_a"]: before_a, row["registration_b"]: row["rider_before_b"]}


async def _move(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    statement = update(identity_link).where(identity_link.c.id == bindparam("id_"))
    statement = statement.values({name: bindparam(f"{name}_") for name in names})
    await connection.execute(statement, [{f"{name}_": value for name, value in row.items()} for row in rows])


async def _members_by_index(
    connection: AsyncConnection, indexes: Sequence[bytes], same: Mapping[bytes, bytes]
) -> dict[str, Member]:
    found: dict[str, Member] = {}
    for column in (registration.c.identity_index, registration.c.phone_index):
        for these in among(connection, column, indexes):
            found |= await _members_where(connection, these, same)
    return found


async def _members(
    connection: AsyncConnection,
    column: ColumnElement[str],
    values: Sequence[str],
    same: Mapping[bytes, bytes] = _NONE,
) -> dict[str, Member]:
    found: dict[str, Member] = {}
    for these in among(connection, column, values):
        found |= await _members_where(connection, these, same)
    return found


async def _members_where(
    connection: AsyncConnection, condition: ColumnElement[bool], same: Mapping[bytes, bytes]
) -> dict[str, Member]:
    c = registration.c
    query = select(
        c.id,
        c.platform,
        c.platform_rider_ref,
        c.rider_id,
        c.state,
        c.seen_at,
        c.identity_index,
        c.phone_index,
    ).where(condition)
    return {
        row.id: Member(
            id=row.id,
            key=(row.platform, row.platform_rider_ref),
            rider_id=row.rider_id,
            active=row.state == "active",
            seen_at=row.seen_at,
            identity_index=row.identity_index,
            phone_index=same.get(row.phone_index, row.phone_index),
        )
        for row in await connection.execute(query)
    }


async def _links(connection: AsyncConnection, ids: Sequence[str]) -> dict[Pair, RowMapping]:
    found: dict[Pair, RowMapping] = {}
    for column in (identity_link.c.registration_a, identity_link.c.registration_b):
        for these in among(connection, column, ids):
            rows = (await connection.execute(select(identity_link).where(these))).mappings()
            found.update({_pair(row): row for row in rows})
    return found


async def _riders(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, RowMapping]:
    found: dict[str, RowMapping] = {}
    for these in among(connection, rider.c.id, ids):
        rows = (await connection.execute(select(rider).where(these))).mappings()
        found.update({row["id"]: row for row in rows})
    return found


async def _new_rider(connection: AsyncConnection, keys: Keyring, like: RowMapping, now: datetime) -> str:
    id_ = new_id()
    own = {"id": id_, "first_phone": no_phone_yet(keys, id_), "chosen_community": None}
    row = {**like, **own, "first_seen_at": now}
    await insert_rows(connection, rider, [row])
    return str(row["id"])


async def _refresh_seen(
    connection: AsyncConnection, groups: Sequence[Sequence[Member]], chosen: Sequence[str | None]
) -> None:
    rows = [
        {"id_": owner, "seen": max(member.seen_at for member in group)}
        for group, owner in zip(groups, chosen, strict=True)
        if owner is not None
    ]
    if rows:
        statement = update(rider).where(rider.c.id == bindparam("id_"))
        await connection.execute(statement.values(last_seen_at=bindparam("seen")), rows)
