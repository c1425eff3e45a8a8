"""A small county for tests of consent: riders, organizations, published notices."""

from datetime import date

from rider_hub.access import Actor, Hub
from rider_hub.consent.service import publish_notices
from rider_hub.organizations.tables import party_organization
from rider_hub.riders.tables import rider
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
    return [Actor.rider(rider_id) for rider_id in ids]


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
