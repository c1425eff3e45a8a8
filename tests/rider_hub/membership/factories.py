"""A small county for tests of consent: riders, organizations, published notices."""

from datetime import date
from typing import Any

from rider_hub.access import Actor, Hub
from rider_hub.consent.service import publish_notices
from rider_hub.organizations.tables import party_organization
from rider_hub.riders.indexes import phone_index
from rider_hub.riders.tables import registration, rider
from rider_hub.storage import insert_rows

__all__ = ["BRANCH", "INDUSTRY", "OTHER_COUNTY", "add_riders", "settle"]

COMMUNITY = "110101001001"
#: Covers the community where the riders of these tests work.
BRANCH = "110101001001-ZB"
#: The industry organization of the county.
INDUSTRY = "110101-HY"
OTHER_COUNTY = "110105-HY"


async def settle(hub: Hub) -> None:
    """Publish the notices and set up three organizations."""
    await publish_notices(hub, Actor.job("test"))
    rows = [
        _organization(BRANCH, "东四第一社区党支部(示例)", COMMUNITY),
        _organization(INDUSTRY, "外卖配送行业党委(示例)", "110101"),
        _organization(OTHER_COUNTY, "外区行业党委(示例)", "110105"),
    ]
    async with hub.database.write() as connection:
        await insert_rows(connection, party_organization, rows)


async def add_riders(hub: Hub, count: int = 1, division: str = COMMUNITY) -> list[Actor]:
    """Add riders and return them signed in."""
    now = hub.clock.now()
    ids = [f"{division}{number:020d}" for number in range(1, count + 1)]
    rows = [
        {
            "id": rider_id,
            "division": division,
            "first_seen_at": now,
            "last_seen_at": now,
            "chosen_community": None,
        }
        for rider_id in ids
    ]
    async with hub.database.write() as connection:
        await insert_rows(connection, rider, rows)
        await insert_rows(
            connection, registration, [_registration(hub, each, number) for number, each in enumerate(ids, 1)]
        )
    return [Actor.rider(rider_id) for rider_id in ids]


def _registration(hub: Hub, rider_id: str, number: int) -> dict[str, Any]:
    now, registration_id = hub.clock.now(), f"g{rider_id[1:]}"
    person = {"name": f"骑手甲{number:04d}号", "phone": f"199{number:08d}"}
    row: dict[str, Any] = {column.name: None for column in registration.columns}
    return row | {
        "id": registration_id,
        "rider_id": rider_id,
        "platform": "jia",
        "platform_rider_ref": registration_id,
        "state": "active",
        "county": "110101",
        "effective_at": now,
        "version_at": now,
        "version_id": "1",
        "digest": b"x",
        "seen_at": now,
        "sealed": hub.keys.seal("personal", ("registration", "sealed", registration_id), person),
        "phone_index": phone_index(hub.keys, person["phone"]),
    }


def _organization(code: str, name: str, division: str) -> dict[str, object]:
    return {
        "code": code,
        "name": name,
        "kind": "branch",
        "host_kind": "community",
        "host_ref": None,
        "parent": None,
        "division": division,
        "valid_from": date(2026, 1, 1),
        "valid_to": None,
    }
