"""A small county for tests of requests: two streets, three communities, a ladder of organizations."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rider_hub.access import Actor, Hub, Role
from rider_hub.divisions.tables import division, edition
from rider_hub.organizations.tables import coverage, party_organization
from rider_hub.riders.indexes import phone_index
from rider_hub.riders.tables import registration, rider
from rider_hub.storage import insert_rows
from tests.factories import staff

__all__ = [
    "COMMUNITY",
    "COUNTY",
    "FALLBACK",
    "OTHER_STREET",
    "PHONE",
    "RIDER",
    "STREET",
    "TEMPLATES",
    "lay_ground",
    "rider_actor",
    "street_staff",
]

COUNTY, STREET, OTHER_STREET = "110101", "110101001", "110101002"
COMMUNITY = "110101001001"
#: A community without an organization of its own, so that the street answers.
FALLBACK = "110101001002"
ELSEWHERE = "110101002001"
RIDER = "rider0001"
PHONE = "19900000001"
TEMPLATES = Path(__file__).parents[3] / "rider_hub"

_NAMES = {
    COUNTY: ("示例区", "county", "1101"),
    STREET: ("甲街道", "street", COUNTY),
    OTHER_STREET: ("乙街道", "street", COUNTY),
    COMMUNITY: ("甲一社区", "community", STREET),
    FALLBACK: ("甲二社区", "community", STREET),
    ELSEWHERE: ("乙一社区", "community", OTHER_STREET),
}
_BODIES = {
    "HY": ("示例区外卖配送行业党委", "industry_organization", COUNTY, ("county", COUNTY)),
    "GW": ("甲街道党工委", "committee", STREET, ("street", STREET)),
    "SQ": ("甲一社区党委", "committee", COMMUNITY, ("community", COMMUNITY)),
}
_SINCE = date(2020, 1, 1)
_AT = datetime(2026, 10, 1, tzinfo=UTC)


async def lay_ground(hub: Hub) -> None:
    """Write the county, its organizations and one rider with a phone."""
    async with hub.database.write() as connection:
        await insert_rows(connection, edition, [_edition()])
        await insert_rows(
            connection,
            division,
            [
                {"edition_id": "codes", "code": code, "name": name, "level": level, "parent": parent}
                for code, (name, level, parent) in _NAMES.items()
            ],
        )
        await insert_rows(connection, party_organization, [_body(code) for code in _BODIES])
        await insert_rows(connection, coverage, [_cover(code) for code in _BODIES])
        await insert_rows(connection, rider, [_rider()])
        await insert_rows(connection, registration, [_registration(hub)])


def rider_actor() -> Actor:
    """Return the rider of the ground, signed in."""
    return Actor.rider(RIDER)


def street_staff(street: str = STREET) -> Actor:
    """Return staff of one street."""
    return staff(Role.STREET_STAFF, divisions=(street,))


def _edition() -> dict[str, Any]:
    return {
        "id": "codes",
        "kind": "codes",
        "region": COUNTY,
        "level": "",
        "title": "测试代码表",
        "as_of": _SINCE,
        "sketch": False,
        "report": {},
        "imported_at": _AT,
        "finished": True,
        "current": True,
    }


def _body(code: str) -> dict[str, Any]:
    name, kind, place, _ = _BODIES[code]
    return {
        "code": code,
        "name": name,
        "kind": kind,
        "host_kind": "association" if code == "HY" else "street",
        "host_ref": place,
        "parent": None,
        "division": place,
        "valid_from": _SINCE,
        "valid_to": None,
    }


def _cover(code: str) -> dict[str, Any]:
    kind, ref = _BODIES[code][3]
    row = {"organization": code, "covered_kind": kind, "covered_ref": ref}
    return {**row, "valid_from": _SINCE, "valid_to": None}


def _rider() -> dict[str, Any]:
    seen = {"first_seen_at": _AT, "last_seen_at": _AT}
    return {"id": RIDER, "division": COMMUNITY, **seen, "chosen_community": None}


def _registration(hub: Hub) -> dict[str, Any]:
    empty = ("station_ref", "area_community", "area_lng", "area_lat", "area_frame")
    indexes = ("phone4_index", "name_index", "identity_index", "hold")
    return {
        **dict.fromkeys((*empty, *indexes)),
        "id": "registration1",
        "rider_id": RIDER,
        "platform": "jia",
        "platform_rider_ref": "R-1",
        "state": "active",
        "employment": "crowdsourced",
        "county": COUNTY,
        "effective_at": _AT,
        "version_at": _AT,
        "version_id": "1",
        "digest": b"d",
        "seen_at": _AT,
        "sealed": hub.keys.seal(
            "personal", ("registration", "sealed", "registration1"), {"name": "骑手甲0001号", "phone": PHONE}
        ),
        "phone_index": phone_index(hub.keys, PHONE),
    }
