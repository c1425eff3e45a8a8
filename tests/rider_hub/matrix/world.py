"""Two counties, two streets, two platforms and a partner, every row named by the group it belongs to.

A group's mark (`tagA1`) stands in the id and in every name of its rows, so that a page tells by itself whose
rows it shows, and an oracle of a few lines says whose it may.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import shapely
from sqlalchemy import Table

from rider_hub.access import Actor, Hub, Keyring
from rider_hub.assignments.tables import assignment, match_change, match_run
from rider_hub.clock import FixedClock
from rider_hub.consent.model import Purpose
from rider_hub.consent.service import publish_notices
from rider_hub.consent.tables import rights_request
from rider_hub.demo.ground import console
from rider_hub.divisions.tables import boundary, division, edition
from rider_hub.intake.link_tables import station_link
from rider_hub.intake.senders import register_sender
from rider_hub.intake.snapshot_tables import snapshot
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.lovestations.tables import love_station
from rider_hub.membership.ledger import live
from rider_hub.membership.service import opt_in
from rider_hub.organizations.tables import coverage, party_organization, platform, station
from rider_hub.outreach.model import Invitation, State
from rider_hub.outreach.store import insert_invitation
from rider_hub.outreach.tables import activity
from rider_hub.requests.codes import index_of
from rider_hub.requests.tables import request_event, service_request
from rider_hub.riders.indexes import name_index, phone4_index, phone_index
from rider_hub.riders.tables import identity_link, registration, registration_history, rider
from rider_hub.storage import insert_rows

__all__ = ["COUNTIES", "GROUPS", "IN_CONFIDENCE", "Group", "lay_groups", "lay_world"]

#: What a counselling request begins with, so that a page tells whether it shows one.
IN_CONFIDENCE = "悄悄话"

_SINCE = date(2020, 1, 1)


@dataclass(frozen=True)
class Group:
    """Whose rows they are: a community, a platform and a partner."""

    tag: str
    community: str
    platform: str
    partner: str
    number: int

    @property
    def street(self) -> str:
        """The street of its community."""
        return self.community[:9]

    @property
    def county(self) -> str:
        """The county of its community."""
        return self.community[:6]

    @property
    def phone(self) -> str:
        """The phone of its rider."""
        return f"199000000{self.number:02d}"

    def id(self, kind: str) -> str:
        """Return the id of its row of a kind; stations and riders have one each, and so on."""
        return f"{kind}-{self.tag}"


GROUPS = (
    Group("tagA1", "110101001001", "jia", "partner-p", 1),
    Group("tagA2", "110101001001", "yi", "partner-q", 2),
    Group("tagB1", "110101002001", "jia", "partner-q", 3),
    Group("tagC2", "110105001001", "yi", "partner-q", 4),
)
COUNTIES = ("110101", "110105")
_DIVISIONS = {
    "110101": ("甲区", "county", "1101"),
    "110101001": ("area-110101001", "street", "110101"),
    "110101001001": ("area-110101001001", "community", "110101001"),
    "110101002": ("area-110101002", "street", "110101"),
    "110101002001": ("area-110101002001", "community", "110101002"),
    "110105": ("乙区", "county", "1101"),
    "110105001": ("area-110105001", "street", "110105"),
    "110105001001": ("area-110105001001", "community", "110105001"),
}
_WEST = {"110101001": 116.40, "110101002": 116.42, "110105001": 116.50}


async def lay_world(hub: Hub) -> None:
    """Write the whole of it."""
    await publish_notices(hub, console())
    async with hub.database.write() as connection:

        async def put(table: Table, rows: Iterable[dict[str, Any]]) -> None:
            await insert_rows(connection, table, list(rows))

        await _places(put)
        await put(platform, [{"code": "jia", "name": "platform-jia"}, {"code": "yi", "name": "platform-yi"}])
        await put(match_run, [_run(hub, county) for county in COUNTIES])
    await lay_groups(hub, GROUPS)
    async with hub.database.write() as connection:
        links = [_link(hub, GROUPS[a], GROUPS[b]) for a, b in ((0, 1), (0, 2), (3, 2))]
        await insert_rows(connection, identity_link, links)
    for code, county in (("jia", "110101"), ("yi", "110105")):
        await register_sender(
            hub, console(), platform=code, county=county, tier="B", basis="separate_consent"
        )


async def lay_groups(hub: Hub, groups: Sequence[Group]) -> None:
    """Write a row of each kind for each of these groups, whose places and platforms are there."""
    one_each: tuple[tuple[Table, Callable[[Hub, Group], dict[str, Any]]], ...] = (
        (party_organization, lambda _, group: _organization(group)),
        (coverage, lambda _, group: _coverage(group)),
        (station, _station),
        (love_station, lambda _, group: _love_station(group)),
        (rider, _rider),
        (registration, _registration),
        (registration_history, _history),
        (match_change, lambda _, group: _change(group)),
        (assignment, _assignment),
        (service_request, _request),
        (service_request, _told_in_confidence),
        (request_event, _event),
        (rights_request, _right),
        (receipt, _receipt),
        (quarantine, _quarantine),
        (snapshot, _snapshot),
        (station_link, _station_link),
        (activity, _activity),
    )
    async with hub.database.write() as connection:
        for table, made in one_each:
            await insert_rows(connection, table, [made(hub, group) for group in groups])
    for group in groups:
        await _invite(hub, group)


async def _places(put: Any) -> None:
    kinds = [("codes", "codes", "", ""), ("streets", "boundaries", "", "street")]
    kinds.append(("communities", "boundaries", "", "community"))
    await put(
        edition,
        [
            {
                "id": id_,
                "kind": kind,
                "region": region,
                "level": level,
                "title": id_,
                "as_of": _SINCE,
                "sketch": False,
                "report": {},
                "imported_at": FixedClock().now(),
                "finished": True,
                "current": True,
            }
            for id_, kind, region, level in kinds
        ],
    )
    await put(
        division,
        [
            {"edition_id": "codes", "code": code, "name": name, "level": level, "parent": parent}
            for code, (name, level, parent) in _DIVISIONS.items()
        ],
    )
    for id_, wanted in (("streets", "street"), ("communities", "community")):
        await put(
            boundary,
            [
                {
                    "edition_id": id_,
                    "code": code,
                    "name": name,
                    "level": level,
                    "shape": shapely.to_wkb(
                        shapely.box(_WEST[code[:9]], 39.9, _WEST[code[:9]] + 0.02, 39.92)
                    ),
                    "vertices": 5,
                }
                for code, (name, level, _) in _DIVISIONS.items()
                if level == wanted
            ],
        )


def _point(group: Group) -> dict[str, float]:
    return {"lng": _WEST[group.street] + 0.005 + group.number / 1000, "lat": 39.91}


def _organization(group: Group) -> dict[str, Any]:
    return {
        "code": group.id("org"),
        "name": f"组织{group.tag}",
        "kind": "branch",
        "host_kind": "station",
        "host_ref": f"{group.platform}/{group.id('ref')}",
        "parent": None,
        "division": group.community,
        "valid_from": _SINCE,
        "valid_to": None,
    }


def _coverage(group: Group) -> dict[str, Any]:
    return {
        "organization": group.id("org"),
        "covered_kind": "station",
        "covered_ref": f"{group.platform}/{group.id('ref')}",
        "valid_from": _SINCE,
        "valid_to": None,
    }


def _station(hub: Hub, group: Group) -> dict[str, Any]:
    return {
        "id": group.id("station"),
        "platform": group.platform,
        "station_ref": group.id("ref"),
        "partner": group.partner,
        "name": f"站点{group.tag}",
        "address": f"地址{group.tag}",
        "stated_community": None,
        "division": group.community,
        **_point(group),
        "frame": "wgs84",
        "headcount": 5,
        "active_from": None,
        "active_to": None,
        "version_at": hub.clock.now(),
        "version_id": "1",
        "digest": b"x",
        "retracted": False,
    }


def _love_station(group: Group) -> dict[str, Any]:
    return {
        "code": group.id("love"),
        "name": f"驿站{group.tag}",
        "address": None,
        "division": group.community,
        **_point(group),
        "services": ["water"],
        "opening_hours": "24/7",
        "capacity": None,
        "verified_on": date(2026, 10, 1),
        "valid_from": _SINCE,
        "valid_to": None,
    }


def _rider(hub: Hub, group: Group) -> dict[str, Any]:
    now = hub.clock.now()
    return {
        "id": group.id("rider"),
        "division": group.community,
        "first_seen_at": now,
        "last_seen_at": now,
        "first_phone": None,
        "chosen_community": None,
    }


def _registration(hub: Hub, group: Group) -> dict[str, Any]:
    now, id_ = hub.clock.now(), group.id("reg")
    person = {"name": f"某{group.tag}", "phone": group.phone}
    row: dict[str, Any] = {column.name: None for column in registration.columns}
    return row | {
        "id": id_,
        "rider_id": group.id("rider"),
        "platform": group.platform,
        "platform_rider_ref": group.id("ridref"),
        "state": "active",
        "employment": "dedicated",
        "station_ref": group.id("ref"),
        "county": group.county,
        "effective_at": now,
        "version_at": now,
        "version_id": "1",
        "digest": b"x",
        "seen_at": now,
        "sealed": hub.keys.seal("personal", ("registration", "sealed", id_), person),
        "phone_index": phone_index(hub.keys, group.phone),
        "phone4_index": phone4_index(hub.keys, group.phone),
        "name_index": name_index(hub.keys, person["name"]),
    }


def _history(hub: Hub, group: Group) -> dict[str, Any]:
    return {
        "id": group.id("hist"),
        "registration_id": group.id("reg"),
        "version_at": hub.clock.now(),
        "state": "active",
        "employment": "dedicated",
        "station_ref": group.id("ref"),
        "receipt_id": None,
        "recorded_at": hub.clock.now(),
    }


def _link(hub: Hub, a: Group, b: Group) -> dict[str, Any]:
    return {
        "id": f"link-{a.tag}-{b.tag}",
        "registration_a": a.id("reg"),
        "registration_b": b.id("reg"),
        "rider_before_b": b.id("rider"),
        "state": "proposed",
        "evidence": {"by": "phone"},
        "created_at": hub.clock.now(),
        "decided_at": None,
        "decided_by": None,
    }


def _run(hub: Hub, county: str) -> dict[str, Any]:
    row: dict[str, Any] = {column.name: None for column in match_run.columns}
    return row | {
        "id": f"run-{county}",
        "county": county,
        "state": "previewed",
        "inputs": {"riders": 1, "stations": 1, "love_stations": 1, "community_edition_title": "边界"},
        "counts": {"new": 1, "moved": 0, "lost": 0, "unresolved": 0, "unchanged": 0, "riders": 1},
        "digest": "0" * 64,
        "created_at": hub.clock.now(),
        "created_by": "job:match",
    }


def _plain(group: Group) -> dict[str, Any]:
    return {
        "division": group.community,
        "community": group.community,
        "street": group.street,
        "station": f"{group.platform}/{group.id('ref')}",
        "station_branch": group.id("org"),
        "community_branch": None,
        "instructor": None,
        "love_stations": [{"code": group.id("love"), "metres": 10.0}],
        "reasons": {},
        "unresolved": None,
    }


def _change(group: Group) -> dict[str, Any]:
    return {
        "run_id": f"run-{group.county}",
        "rider_id": group.id("rider"),
        "kind": "new",
        "before": None,
        "after": {"rider_id": group.id("rider"), **_plain(group)},
        "base_version": 0,
        "division": group.community,
        "applied": False,
        "skipped": False,
    }


def _assignment(hub: Hub, group: Group) -> dict[str, Any]:
    return _plain(group) | {
        "rider_id": group.id("rider"),
        "version": 1,
        "run_id": f"run-{group.county}",
        "valid_from": hub.clock.now(),
        "valid_to": None,
    }


def _request(hub: Hub, group: Group) -> dict[str, Any]:
    id_, now = group.id("req"), hub.clock.now()
    words = {"text": f"诉求{group.tag}", "address": ""}
    row: dict[str, Any] = {column.name: None for column in service_request.columns}
    return row | {
        "id": id_,
        "query_index": index_of(hub.keys, f"CODE{group.tag}"),
        "rider_id": group.id("rider"),
        "channel": "phone",
        "category": "entry",
        "division": group.community,
        "sealed": hub.keys.seal("personal", ("service_request", "sealed", id_), words),
        "state": "open",
        "organization": group.id("org"),
        "routed_by": "community_first",
        "filed_at": now,
        "due_at": now + timedelta(days=5),
        "due_rule": "x@2026-01-01",
        "due_sure": True,
    }


def _told_in_confidence(hub: Hub, group: Group) -> dict[str, Any]:
    id_ = group.id("conf")
    words = {"text": f"{IN_CONFIDENCE}{group.tag}", "address": ""}
    return _request(hub, group) | {
        "id": id_,
        "query_index": index_of(hub.keys, f"CONF{group.tag}"),
        "category": "counselling",
        "sealed": hub.keys.seal("personal", ("service_request", "sealed", id_), words),
        "organization": None,
        "routed_by": "counselling_officer",
    }


def _right(hub: Hub, group: Group) -> dict[str, Any]:
    id_, now = group.id("right"), hub.clock.now()
    content = {"what": "other", "registration": group.id("reg"), "note": f"更正{group.tag}"}
    return {
        "id": id_,
        "kind": "correct",
        "rider_id": group.id("rider"),
        "division": group.community,
        "state": "open",
        "sealed": hub.keys.seal("personal", ("rights_request", "sealed", id_), content),
        "filed_at": now,
        "due_at": now + timedelta(days=21),
        "decided_at": None,
        "decided_by": None,
        "cleared_at": None,
    }


def _event(hub: Hub, group: Group) -> dict[str, Any]:
    return {
        "id": group.id("event"),
        "request_id": group.id("req"),
        "at": hub.clock.now(),
        "kind": "filed",
        "actor_title": "反映人",
        "sealed": None,
    }


def _receipt(hub: Hub, group: Group) -> dict[str, Any]:
    row: dict[str, Any] = {column.name: None for column in receipt.columns}
    totals = ("accepted", "unchanged", "waiting", "held", "not_stored")
    return row | {
        "id": group.id("receipt"),
        "platform": group.platform,
        "county": group.county,
        "feed_type": "registration",
        "transport": "push",
        "source_name": f"batch-{group.tag}",
        "partner": group.partner,
        "idempotency_key": group.tag,
        "body_digest": b"x",
        "state": "done",
        **dict.fromkeys(totals, 0),
        "received": 1,
        "rejected": 1,
        "through_row": 1,
        "failures": [],
        "warnings": [],
        "created_at": hub.clock.now(),
        "heartbeat_at": hub.clock.now(),
    }


def _quarantine(hub: Hub, group: Group) -> dict[str, Any]:
    id_ = group.id("quar")
    return {
        "id": id_,
        "receipt_id": group.id("receipt"),
        "platform": group.platform,
        "county": group.county,
        "feed_type": "registration",
        "row": group.number,
        "record_id": group.id("record"),
        "failures": [],
        "sealed": hub.keys.seal(
            "quarantine", ("quarantine", "sealed", id_), f'{{"record_id":"{group.tag}"}}'
        ),
        "state": "waiting",
        "created_at": hub.clock.now(),
        "expires_at": hub.clock.now() + timedelta(days=30),
        "mended": False,
        "partner": group.partner,
        "standard": False,
    }


def _station_link(hub: Hub, group: Group) -> dict[str, Any]:
    return {
        "id": group.id("slink"),
        "token_index": hub.keys.blind("lasting", "station_link", group.tag),
        "platform": group.platform,
        "station_ref": group.id("ref"),
        "partner": group.partner,
        "made_by": "user:nobody",
        "made_at": hub.clock.now(),
        "expires_at": hub.clock.now() + timedelta(days=14),
        "uses": 0,
        "max_uses": 20,
        "last_used_at": None,
        "revoked_at": None,
        "revoked_by": None,
    }


def _snapshot(hub: Hub, group: Group) -> dict[str, Any]:
    return {
        "id": group.id("snap"),
        "platform": group.platform,
        "county": group.county,
        "name": f"whole-{group.tag}",
        "station_ref": f"none-{group.tag}",
        "as_of": hub.clock.now(),
        "total": 0,
        "state": "held",
        "found": {"rows": 0, "unreadable": 0, "riders": 0, "leaving": 0},
        "begun_at": hub.clock.now(),
        "judged_at": hub.clock.now(),
        "decided_by": None,
    }


def _activity(hub: Hub, group: Group) -> dict[str, Any]:
    return {
        "id": group.id("act"),
        "organization": group.id("org"),
        "division": group.community,
        "title": f"活动{group.tag}",
        "kind": "training",
        "open_to_all": True,
        "place": None,
        "starts_at": hub.clock.now() + timedelta(days=3),
        "ends_at": hub.clock.now() + timedelta(days=3, hours=1),
    }


async def _invite(hub: Hub, group: Group) -> None:
    """Have the group's rider consent to its organization's invitations, and surface one."""
    rider_id = group.id("rider")
    await opt_in(
        hub,
        Actor.rider(rider_id),
        purpose=Purpose.OPEN_ACTIVITIES,
        body=group.id("org"),
        notice_version=1,
    )
    keys: Keyring = hub.keys
    async with hub.database.write() as connection:
        consent = (await live(connection, keys, rider_id))[0]
        value = Invitation(
            id=group.id("inv"),
            rider_id=rider_id,
            activity=group.id("act"),
            body=group.id("org"),
            purpose=Purpose.OPEN_ACTIVITIES,
            consent=consent.id,
            reasons=(),
            state=State.INVITED,
            invited_at=hub.clock.now(),
            surfaced_at=hub.clock.now(),
        )
        await insert_invitation(connection, keys, value)
