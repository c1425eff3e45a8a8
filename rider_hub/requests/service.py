"""Filing, answering, confirming, reopening and tracking service requests; one transaction each."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping

from rider_hub.access import Actor, Change, Hub, Keyring, Role
from rider_hub.access.actor import PUBLIC
from rider_hub.clock import local_date
from rider_hub.divisions.store import find_divisions
from rider_hub.errors import Absent, Conflict, HubError, Refused
from rider_hub.messages.service import post
from rider_hub.organizations import network
from rider_hub.organizations.model import Network
from rider_hub.parameters import parameter
from rider_hub.requests import codes, rules, store
from rider_hub.requests.checks import check_text, checked_category, no_such_community
from rider_hub.requests.clock import due_of
from rider_hub.requests.model import CONFIDENTIAL, Category, Channel, EventKind, Filed, RequestState, moved_to
from rider_hub.requests.reach import reach_of
from rider_hub.requests.tables import service_request
from rider_hub.riders.own_phone import check_own_phone
from rider_hub.riders.store import identities, is_known
from rider_hub.storage import insert_ignoring, new_id

__all__ = ["answer", "confirm", "file_request", "insert_routed", "reopen", "track_overdue"]

_COUNTY_DIGITS = 6
#: Rows marked in one transaction: SQLite has one writer, and pages wait for it.
_BATCH = 500
_REPORTER = "反映人"


async def file_request(
    hub: Hub,
    actor: Actor,
    *,
    category: str,
    community_code: str,
    text: str,
    address: str = "",
    anonymous: bool = False,
    channel: Channel | None = None,
    seed: str = "",
) -> Filed:
    """File a rider's difficulty and route it; whoever isn't signed in, or wishes so, stays anonymous.

    An anonymous request is not tied to the rider anywhere, the audit trail included. The same seed files
    once. Raises Invalid naming the fields, Refused for staff outside their scope, HubError (429) for a flood.
    """
    rider_id = None if anonymous else actor.rider_id
    channel = channel or _channel(actor, rider_id)
    kind = checked_category(category, community_code, text, address)
    code = codes.code_of(hub.keys, seed)
    who = PUBLIC if channel is Channel.ANONYMOUS else actor
    async with hub.change(who, "requests.file") as work:
        index = codes.index_of(hub.keys, code)
        if (before := await store.find_by_code(work.connection, index)) is not None:
            return Filed(before["id"], code)
        await _check_place(work, actor, community_code)
        if rider_id is not None and not await is_known(work.connection, rider_id):
            raise Refused  # a session left over of a rider who was erased
        await _check_flood(work, rider_id, channel)
        request_id = new_id()
        work.target = f"request:{request_id}"
        row = {
            "id": request_id,
            "query_index": index,
            "rider_id": rider_id,
            "channel": channel,
            "category": kind,
            "division": community_code,
            "sealed": hub.keys.seal(
                "personal",
                ("service_request", "sealed", request_id),
                {"text": text.strip(), "address": address.strip()},
            ),
        }
        return Filed(await insert_routed(work, row, kind, {}), code)


async def insert_routed(
    work: Change, row: Mapping[str, Any], category: Category, networks: dict[str, Network]
) -> str:
    """Route and insert a request; returns its id, or that of the one the same form made meanwhile.

    `networks` keeps who answers for each place over several of them.
    """
    community = row["division"]
    if community not in networks:
        networks[community] = await network.load_ladder(work.connection, community, local_date(work.now))
    known = networks[community]
    routing = rules.route(known, category, community)
    due = due_of(category, work.now)
    clock = {
        "state": RequestState.OPEN,
        "organization": routing.organization.code if routing.organization else None,
        "routed_by": routing.reason,
        "filed_at": work.now,
        "due_at": due.at,
        "due_rule": due.rule,
        "due_sure": due.sure,
        "answered_at": None,
        "closed_at": None,
        "overdue_at": None,
        "escalated_to": None,
        "emptied_at": None,
    }
    await insert_ignoring(work.connection, service_request, {**row, **clock}, key=["query_index"])
    stored = await store.find_by_code(work.connection, row["query_index"])
    request_id = str(stored["id"] if stored else row["id"])
    if request_id != row["id"]:
        return request_id
    title = routing.organization.name if routing.organization else ""
    await store.add_event(work.connection, request_id, EventKind.FILED, at=work.now, title=_REPORTER)
    await store.add_event(work.connection, request_id, EventKind.ROUTED, at=work.now, title=title)
    return request_id


async def answer(hub: Hub, actor: Actor, request_id: str, text: str) -> None:
    """Answer a request in the actor's scope; a reporter who left a name is told that there is an answer."""
    check_text(text)
    async with hub.change(actor, "requests.answer", target=f"request:{request_id}") as work:
        reach = reach_of(work.actor, "requests.answer")
        row = await store.find_in_scope(work.connection, reach, request_id)
        moved_to(row["state"], RequestState.ANSWERED)
        if row["due_at"] < work.now and row["overdue_at"] is None:
            await store.mark_overdue(work.connection, [request_id], at=work.now, escalated=None)
        await _move(work, row, state=RequestState.ANSWERED, answered_at=work.now)
        title = f"{actor.scope_title}（{actor.role_titles}）" if actor.scope_title else actor.role_titles
        await _say(work, hub.keys, request_id, EventKind.ANSWERED, title=title, text=text)
        if row["rider_id"]:
            await _tell(work, hub.keys, row)


async def confirm(hub: Hub, actor: Actor, *, request_id: str = "", query_code: str = "") -> None:
    """Let the reporter, by sign-in or 查询码, say that the difficulty is solved."""
    actor = PUBLIC if query_code else actor
    async with hub.change(actor, "requests.own") as work:
        row = await _find_reporters(work, hub.keys, request_id, query_code)
        moved_to(row["state"], RequestState.CONFIRMED)
        await _move(work, row, state=RequestState.CONFIRMED, closed_at=work.now)
        await _say(work, hub.keys, row["id"], EventKind.CONFIRMED)


async def reopen(hub: Hub, actor: Actor, text: str, *, request_id: str = "", query_code: str = "") -> None:
    """Let the reporter say what is not solved yet; the clock starts anew, lateness stays on record."""
    check_text(text)
    actor = PUBLIC if query_code else actor
    async with hub.change(actor, "requests.own") as work:
        row = await _find_reporters(work, hub.keys, request_id, query_code)
        moved_to(row["state"], RequestState.REOPENED)
        due = due_of(Category(row["category"]), work.now)
        clock = {"due_at": due.at, "due_rule": due.rule, "due_sure": due.sure}
        await _move(work, row, state=RequestState.REOPENED, answered_at=None, overdue_at=None, **clock)
        await _say(work, hub.keys, row["id"], EventKind.REOPENED, text=text)


async def track_overdue(hub: Hub, actor: Actor) -> Mapping[str, int]:
    """Mark what is past its due time, once each, and hand it to the next organization up to watch over.

    Community → street → county's industry organization; running again changes nothing.
    """
    counts = {"overdue": 0, "escalated": 0}
    while True:
        async with hub.change(actor, "requests.track") as work:
            rows = await store.newly_overdue(work.connection, reach_of(work.actor), work.now, _BATCH)
            for above, ids in (await _by_rung_above(work, rows)).items():
                marked = await store.mark_overdue(work.connection, ids, at=work.now, escalated=above)
                work.count(overdue=marked, escalated=marked if above else 0)
            for name in counts:
                counts[name] += work.counts.get(name, 0)
        if len(rows) < _BATCH:
            return counts


async def _by_rung_above(
    work: Change, rows: Sequence[RowMapping]
) -> Mapping[tuple[str, str] | None, Sequence[str]]:
    """Group requests by the organization (code, name) that watches from now on, None where nobody does."""
    known = {
        county: await network.load(work.connection, county, local_date(work.now))
        for county in sorted({row["division"][:_COUNTY_DIGITS] for row in rows})
    }
    groups: dict[tuple[str, str] | None, list[str]] = defaultdict(list)
    for row in rows:
        place, now_at = row["division"], row["escalated_to"] or row["organization"]
        above = rules.escalate(known[place[:_COUNTY_DIGITS]], place, now_at)
        if row["category"] in CONFIDENTIAL:
            above = None  # whoever watched over it would have to see it
        groups[(above.code, above.name) if above else None].append(row["id"])
    return groups


async def _find_reporters(work: Change, keys: Keyring, request_id: str, query_code: str) -> RowMapping:
    row = None
    if query_code:
        row = await store.find_by_code(work.connection, codes.index_of(keys, query_code))
    elif work.actor.rider_id:
        row = await store.find_own(work.connection, work.actor.rider_id, request_id)
        await check_own_phone(work.connection, keys, work.actor)
    if row is None:
        raise Absent
    work.target = f"request:{row['id']}"
    return row


async def _move(work: Change, row: RowMapping, **values: object) -> None:
    if not await store.update_request(work.connection, row, **values):
        raise Conflict(
            "这条诉求刚刚有了变化，请刷新页面再操作。",
            "The request changed just now: reload and try again.",
        )


async def _say(
    work: Change, keys: Keyring, request_id: str, kind: EventKind, *, title: str = _REPORTER, text: str = ""
) -> None:
    event_id = new_id()
    sealed = (
        keys.seal("personal", ("request_event", "sealed", event_id), {"text": text.strip()}) if text else None
    )
    await store.add_event(
        work.connection, request_id, kind, at=work.now, title=title, event_id=event_id, sealed=sealed
    )


async def _tell(work: Change, keys: Keyring, row: RowMapping) -> None:
    """Tell the reporter that there is an answer; the message says neither the difficulty nor the answer."""
    rider_id = row["rider_id"]
    work.opened([rider_id])
    found = (await identities(work, keys, [rider_id])).get(rider_id)
    if found is not None and found.phone:
        title = Category(row["category"]).title_zh
        # A message lies open on the phone: a difficulty told in confidence is not named in it.
        title = "诉求" if row["category"] in CONFIDENTIAL else f"“{title}”"
        body = {"text": f"【骑手服务】您反映的{title}已有答复，请到骑手页面“我的诉求”查看。"}
        await post(work, keys, "request_answered", found.phone, body)


def _channel(actor: Actor, rider_id: str | None) -> Channel:
    if actor.roles <= {Role.RIDER, Role.PUBLIC}:
        return Channel.PHONE if rider_id else Channel.ANONYMOUS
    return Channel.STAFF


async def _check_place(work: Change, actor: Actor, community: str) -> None:
    if community not in await find_divisions(work.connection, [community]):
        raise no_such_community()
    if not actor.roles <= {Role.RIDER, Role.PUBLIC} and not work.scope.covers(community):
        raise Refused


async def _check_flood(work: Change, rider_id: str | None, channel: Channel) -> None:
    if rider_id is not None:
        filed = await store.filed_by_since(work.connection, rider_id, work.now)
        limit, zh = "rider_a_day", "您今天提交的诉求较多，请明天再提交，或联系所在社区。"
    elif channel is Channel.ANONYMOUS:
        filed = await store.anonymous_since(work.connection, work.now - timedelta(hours=1))
        limit, zh = "anonymous_an_hour", "匿名提交的人较多，请一小时后再试，或登录后提交。"
    else:
        return
    if filed >= parameter(f"requests.{limit}").value:
        en = "Too many requests were filed; try again later, or sign in."
        raise HubError(zh, en, code="too_many_requests", status=429)
