"""Service requests as pages show them: words opened and audited, numbers in them masked, the clock told."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub, Keyring, Look
from rider_hub.access.actor import PUBLIC, Role
from rider_hub.access.purposes import Purpose
from rider_hub.access.unmasking import take_turn
from rider_hub.divisions import store as divisions
from rider_hub.errors import Absent, Refused
from rider_hub.organizations import store as organizations
from rider_hub.requests import codes, store
from rider_hub.requests.clock import soon_until
from rider_hub.requests.model import (
    CONFIDENTIAL,
    Category,
    Channel,
    Event,
    EventKind,
    RequestState,
    ServiceRequest,
    status_of,
)
from rider_hub.requests.reach import reach_of
from rider_hub.requests.rules import explain
from rider_hub.riders.display import mask_name, mask_phone, mask_text
from rider_hub.riders.model import Identity
from rider_hub.riders.own_phone import check_own_phone, has_own_phone
from rider_hub.riders.store import identities

__all__ = [
    "UNASSIGNED",
    "Names",
    "open_request",
    "own_rows",
    "request_rows",
    "sees_own",
    "show_by_code",
    "show_own",
    "show_request",
]

#: What stands for the responsible organization where nobody answers for the place yet.
UNASSIGNED = "待区县指定"
#: Who answers for counselling and legal requests.
OFFICER = "心理法律专员"
_CUT = 36
_STREET_DIGITS = 9


class Names:
    """Names of the places and organizations of some requests, looked up at once."""

    def __init__(self, places: Mapping[str, str], bodies: Mapping[str, str]) -> None:
        self._places = places
        self._bodies = bodies

    @classmethod
    async def of(cls, connection: AsyncConnection, rows: Iterable[RowMapping]) -> "Names":
        """Look up the names in these rows."""
        found = list(rows)
        communities = {row["division"] for row in found}
        bodies = {code for row in found for code in (row["organization"], row["escalated_to"]) if code}
        return cls(
            await divisions.names(connection, communities | {code[:_STREET_DIGITS] for code in communities}),
            await organizations.titles(connection, bodies),
        )

    def place(self, division: str) -> str:
        """Return street and community in words."""
        codes_ = (division[:_STREET_DIGITS], division)
        return " · ".join(self._places.get(code, code) for code in codes_)

    def body(self, code: str | None) -> str:
        """Return an organization's name; nobody yet is said in words."""
        return self._bodies.get(code, code) if code else UNASSIGNED


async def request_rows(
    look: Look, keys: Keyring, rows: list[RowMapping], *, soon: datetime, whole: bool = False
) -> list[dict[str, Any]]:
    """Return requests as rows of the ledger, their words opened; the trail says whose."""
    named = await Names.of(look.connection, rows)
    look.opened(_others(look, rows))
    look.count(requests=len(rows))
    return [
        {
            "id": row["id"],
            "rider_id": row["rider_id"],
            "place": named.place(row["division"]),
            "category": Category(row["category"]).title_zh,
            "text": _cut(mask_text(_words(keys, row)["text"]), whole=whole),
            "status": status_of(row["state"], row["due_at"], now=look.now, soon=soon),
            "due_at": row["due_at"],
            "organization": _responsible(named, row),
            "escalated": named.body(row["escalated_to"]) if row["escalated_to"] else None,
            "filed_at": row["filed_at"],
            "channel": Channel(row["channel"]).title_zh,
            "calendar": None if row["due_sure"] else "节假日安排未公布，按周末推算",
        }
        for row in rows
    ]


async def own_rows(hub: Hub, actor: Actor) -> list[dict[str, Any]]:
    """Return a rider's own requests, the newest first; raises PhoneNotConfirmed for another phone."""
    if not actor.rider_id:
        raise Refused
    async with hub.look(actor, "requests.own") as look:
        await check_own_phone(look.connection, hub.keys, actor)
        rows = await store.list_own(look.connection, actor.rider_id)
        return await request_rows(look, hub.keys, rows, soon=soon_until(look.now))


async def sees_own(hub: Hub, actor: Actor) -> bool:
    """Say whether a rider is signed in with the phone that opens their own requests."""
    if not actor.rider_id:
        return False
    async with hub.look(actor, "requests.own") as look:
        return await has_own_phone(look.connection, hub.keys, actor)


async def show_request(hub: Hub, actor: Actor, request_id: str) -> ServiceRequest:
    """Return one request in the viewer's scope, its words opened."""
    async with hub.look(actor, "requests.view", target=f"request:{request_id}") as look:
        row = await store.find_in_scope(look.connection, reach_of(look.actor), request_id)
        return await _show(look, hub.keys, row)


async def open_request(hub: Hub, actor: Actor, request_id: str, purpose: Purpose) -> ServiceRequest:
    """Return one request in the viewer's scope with the reporter's contact and the words as written.

    Raises LimitReached where the account opened as many people as it may, Absent out of scope.
    """
    target = f"request:{request_id}"
    async with hub.change(actor, "requests.unmask", target=target, purpose=purpose.text) as work:
        reach = reach_of(work.actor, "requests.unmask")
        row = await store.find_in_scope(work.connection, reach, request_id)
        await take_turn(work)
        work.count(requests=1)
        return await _show(work, hub.keys, row, masked=False)


async def show_own(hub: Hub, actor: Actor, request_id: str) -> ServiceRequest:
    """Return one of the rider's own requests; raises PhoneNotConfirmed for another phone."""
    async with hub.look(actor, "requests.own", target=f"request:{request_id}") as look:
        if not actor.rider_id:
            raise Absent
        row = await store.find_own(look.connection, actor.rider_id, request_id)
        await check_own_phone(look.connection, hub.keys, actor)
        return await _show(look, hub.keys, row)


async def show_by_code(hub: Hub, code: str) -> ServiceRequest:
    """Return the request a 查询码 belongs to; raises Absent, saying what to check, where there is none."""
    async with hub.look(PUBLIC, "requests.own") as look:
        row = await store.find_by_code(look.connection, codes.index_of(hub.keys, code))
        if row is None:
            raise Absent(
                "没有找到这个查询码对应的诉求。请核对 10 位查询码，字母不分大小写。",
                "No request has this code: check its ten characters; capitals don't matter.",
            )
        return await _show(look, hub.keys, row)


async def _show(look: Look, keys: Keyring, row: RowMapping, *, masked: bool = True) -> ServiceRequest:
    named = await Names.of(look.connection, [row])
    words = _words(keys, row)
    look.opened(_others(look, [row]))
    person = await _reporter(look, keys, row)
    look.count(requests=1)  # nobody is named by an anonymous one; that it was read is on record all the same
    return ServiceRequest(
        id=row["id"],
        category=Category(row["category"]),
        channel=Channel(row["channel"]),
        place=named.place(row["division"]),
        address=mask_text(words["address"]) if masked else words["address"],
        text=mask_text(words["text"]) if masked else words["text"],
        anonymous=row["rider_id"] is None,
        state=RequestState(row["state"]),
        status=status_of(row["state"], row["due_at"], now=look.now, soon=soon_until(look.now)),
        organization=_responsible(named, row),
        reason=explain(row["routed_by"]),
        filed_at=row["filed_at"],
        due_at=row["due_at"],
        due_sure=row["due_sure"],
        escalated_to=named.body(row["escalated_to"]) if row["escalated_to"] else "",
        events=[
            _event(keys, event, masked=masked) for event in await store.events_of(look.connection, row["id"])
        ],
        reporter_name=mask_name(person.name) if masked else person.name,
        reporter_phone=mask_phone(person.phone) if masked else person.phone,
    )


async def _reporter(look: Look, keys: Keyring, row: RowMapping) -> Identity:
    """Return who reported, to staff; who reads the own request, or has its code, is shown nobody."""
    if not row["rider_id"] or look.actor.roles <= {Role.RIDER, Role.PUBLIC}:
        return Identity()
    return (await identities(look, keys, [row["rider_id"]])).get(row["rider_id"], Identity())


def _responsible(named: Names, row: RowMapping) -> str:
    return OFFICER if row["category"] in CONFIDENTIAL else named.body(row["organization"])


def _others(look: Look, rows: Iterable[RowMapping]) -> list[str]:
    """Return whose words a viewer opens; a rider who reads the own words opens nobody."""
    return [row["rider_id"] for row in rows if row["rider_id"] and row["rider_id"] != look.actor.rider_id]


def _event(keys: Keyring, row: RowMapping, *, masked: bool) -> Event:
    words = (
        keys.unseal("personal", ("request_event", "sealed", row["id"]), row["sealed"])
        if row["sealed"]
        else {}
    )
    text, kind = words.get("text", ""), EventKind(row["kind"])
    # An answer stands as it was written: it may name the office's number, which the rider is to ring.
    text = text if kind is EventKind.ANSWERED or not masked else mask_text(text)
    return Event(row["at"], kind, row["actor_title"], text)


def _words(keys: Keyring, row: RowMapping) -> dict[str, str]:
    words: dict[str, str] = keys.unseal("personal", ("service_request", "sealed", row["id"]), row["sealed"])
    return words


def _cut(text: str, *, whole: bool) -> str:
    line = " ".join(text.split())
    return text if whole or len(line) <= _CUT else line[: _CUT - 1] + "…"
