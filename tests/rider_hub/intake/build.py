"""A county of three streets, senders and rows for it, with defaults."""

from collections.abc import Iterable, Sequence
from typing import Any

import geopandas as gpd
import msgspec
import shapely
from sqlalchemy import func, select

from connectors.transport.push_client import ndjson
from rider_hub.access import Actor, Hub
from rider_hub.divisions.tables import boundary, division, edition
from rider_hub.intake import store
from rider_hub.intake.batches import Source, keyed_digest, take_batch
from rider_hub.intake.model import Receipt, Sender
from rider_hub.intake.senders import register_sender, signing_key_bytes
from rider_hub.intake.tables import quarantine
from rider_hub.storage import insert_rows, new_id
from tests.factories import county_staff

COUNTY = "110101"
STREETS = ("110101001", "110101002", "110101003")
#: Streets 400 m wide side by side: reading gcj02 as wgs84 (some 530 m east) moves a point to the next.
WIDTH = 0.0047
WEST, SOUTH, NORTH = 116.40, 39.90, 39.93


def areas() -> gpd.GeoDataFrame:
    """Return the streets' polygons."""
    boxes = [shapely.box(WEST + i * WIDTH, SOUTH, WEST + (i + 1) * WIDTH, NORTH) for i in range(len(STREETS))]
    return gpd.GeoDataFrame(
        {"code": STREETS, "name": [f"第{i + 1}街道" for i in range(len(STREETS))]}, geometry=boxes, crs=4326
    )


async def bring_in_county(hub: Hub) -> None:
    """Bring in the county's codes (two communities a street) and the streets' polygons."""
    day = hub.clock.now().date()
    common = {"title": "测试版", "as_of": day, "sketch": False, "report": {}, "imported_at": hub.clock.now()}
    common |= {"current": True, "finished": True}
    codes, shapes = new_id(), new_id()
    rows = [(COUNTY, "测试区", "county", COUNTY[:4])]
    rows += [(code, f"第{i}街道", "street", COUNTY) for i, code in enumerate(STREETS, 1)]
    rows += [(f"{code}00{n}", f"第{n}社区", "community", code) for code in STREETS for n in (1, 2)]
    frame = areas()
    async with hub.database.write() as connection:
        await insert_rows(
            connection,
            edition,
            [
                {"id": codes, "kind": "codes", "region": COUNTY, "level": "", **common},
                {"id": shapes, "kind": "boundaries", "region": COUNTY, "level": "street", **common},
            ],
        )
        await insert_rows(
            connection,
            division,
            [
                {"code": code, "edition_id": codes, "name": name, "level": level, "parent": parent}
                for code, name, level, parent in rows
            ],
        )
        await insert_rows(
            connection,
            boundary,
            [
                {
                    "edition_id": shapes,
                    "code": row.code,
                    "name": row.name,
                    "level": "street",
                    "shape": shapely.to_wkb(row.geometry),
                    "vertices": 5,
                }
                for row in frame.itertuples()
            ],
        )


async def sender_of(hub: Hub, platform: str = "ding", **given: Any) -> tuple[Sender, bytes]:
    """Register a sender of tier B that speaks the standard, and return it with its signing key."""
    settings = {"tier": "B", "basis": "separate_consent", "county": COUNTY} | given
    shown = await register_sender(hub, county_staff(), platform=platform, **settings)
    async with hub.database.read() as connection:
        sender = await store.find_sender(connection, platform, Actor.sender(platform).scope)
    assert sender is not None
    return sender, signing_key_bytes(shown)


async def push(
    hub: Hub,
    sender: Sender,
    rows: Sequence[dict[str, Any]],
    feed_type: Any = "registration",
    key: str | None = None,
) -> Receipt:
    """Push rows past HTTP, straight into the use case."""
    body = ndjson(rows)
    lines = list(enumerate(body.splitlines(), 1))
    source = Source("push", key or new_id(), keyed_digest(hub, body))
    return await take_batch(
        hub, Actor.sender(sender.platform), sender, feed_type=feed_type, rows=lines, source=source
    )


def rider(number: int, **values: Any) -> dict[str, Any]:
    """Make a registration row of rider `number`, crowdsourced in the first street."""
    given: dict[str, Any] = {
        "record_id": f"D{number:05d}-1",
        "platform_rider_ref": f"D{number:05d}",
        "employment": "crowdsourced",
        "work_area": {"community_code": f"{STREETS[0]}001"},
        "effective_at": "2026-10-01T00:00:00+08:00",
        "updated_at": "2026-10-01T09:00:00+08:00",
        "name": f"骑手甲{number:05d}号",
        "phone": f"199{number:08d}",
    } | values
    return {name: value for name, value in given.items() if value is not None}


def station(number: int, **values: Any) -> dict[str, Any]:
    """Make a station row in the middle of one of the streets, in wgs84, naming its community."""
    street = number % len(STREETS)
    given = {
        "station_ref": f"S-{number}",
        "name": f"丁外卖{number}站",
        "record_id": f"S-{number}-1",
        "community_code": f"{STREETS[street]}001",
        "lng": round(WEST + (street + 0.5) * WIDTH, 6),
        "lat": round(SOUTH + 0.0001 * (number % 100) + 0.01, 6),
        "frame": "wgs84",
        "updated_at": "2026-10-01T09:00:00+08:00",
    }
    return given | values


async def count(hub: Hub, table: Any) -> int:
    """Count the rows of a table."""
    async with hub.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def quarantine_rows(hub: Hub) -> list[Any]:
    """Return the quarantined rows by row number."""
    async with hub.database.read() as connection:
        query = select(quarantine).order_by(quarantine.c.row)
        return list((await connection.execute(query)).mappings())


def codes(receipt: Receipt) -> list[tuple[int, str, str]]:
    """Return row, path and code of a receipt's faults."""
    return [(one["row"], one["path"], one["code"]) for one in receipt.failures]


def body_of(rows: Iterable[dict[str, Any]]) -> bytes:
    """Return rows as a JSON array."""
    return msgspec.json.encode(list(rows))
