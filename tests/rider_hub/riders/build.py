"""Rows of a feed with defaults, their way into the hub, and what is then stored, in a comparable form."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select

from connectors.batch import Checked
from connectors.contract import check
from rider_hub.access import Actor, Hub
from rider_hub.riders.model import Outcome
from rider_hub.riders.tables import identity_link, registration
from rider_hub.riders.taking import apply_registrations

COUNTY = "110101"
PHONE = "19900000001"
OTHER_PHONE = "19900000002"


def id_number(serial: int) -> str:
    """Make a well-formed identity number of nobody: the birth date is a child's of the year 1900."""
    digits = f"110101190001{serial % 28 + 1:02d}{serial % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    rest = sum(w * int(d) for w, d in zip(weights, digits, strict=True)) % 11
    return digits + "10X98765432"[rest]


def row(ref: str = "R-1", day: int = 1, **values: Any) -> dict[str, Any]:
    """Make a registration row of a crowdsourced rider, updated on a day of October 2026."""
    given: dict[str, Any] = {
        "record_id": f"{ref}-{day}",
        "op": "upsert",
        "platform_rider_ref": ref,
        "employment": "crowdsourced",
        "work_area": {"community_code": "110101001001"},
        "effective_at": "2026-10-01T00:00:00+08:00",
        "updated_at": f"2026-10-{day:02d}T09:00:00+08:00",
    } | values
    return {name: value for name, value in given.items() if value is not None}


def tombstone(ref: str = "R-1", day: int = 1, op: str = "leave") -> dict[str, Any]:
    """Make the row that says a registration ended."""
    return {
        "record_id": f"{ref}-{day}-{op}",
        "op": op,
        "platform_rider_ref": ref,
        "updated_at": f"2026-10-{day:02d}T09:00:00+08:00",
    }


def checked(rows: Sequence[dict[str, Any]]) -> tuple[Checked, ...]:
    """Check rows against the contract; every one must pass."""
    batch = check(enumerate(rows, 1), feed_type="registration")
    assert not batch.rejects, batch.failures
    return batch.records


async def take(hub: Hub, rows: Sequence[dict[str, Any]], platform: str = "jia") -> list[Outcome]:
    """Take rows of a platform into the hub in one transaction."""
    async with hub.change(Actor.sender(platform), "feeds.push") as work:
        return await apply_registrations(
            work, hub.keys, platform=platform, county=COUNTY, checked=checked(rows), receipt_id=None
        )


async def riders_of(hub: Hub) -> dict[str, str]:
    """Return the rider of each registration, by "platform/ref"."""
    async with hub.database.read() as connection:
        rows = (await connection.execute(select(registration))).mappings().all()
    return {f"{r['platform']}/{r['platform_rider_ref']}": r["rider_id"] for r in rows}


async def state_of(hub: Hub) -> str:
    """Return a hash of what the registrations say and who is one person, free of random ids and times."""
    async with hub.database.read() as connection:
        rows = (await connection.execute(select(registration))).mappings().all()
        links = (await connection.execute(select(identity_link))).mappings().all()
    names = {r["id"]: f"{r['platform']}/{r['platform_rider_ref']}" for r in rows}
    people: dict[str, list[str]] = {}
    content = []
    for r in sorted(rows, key=lambda r: names[r["id"]]):
        if r["state"] == "active":
            people.setdefault(r["rider_id"], []).append(names[r["id"]])
        plain = (
            hub.keys.unseal("personal", ("registration", "sealed", r["id"]), r["sealed"])
            if r["sealed"]
            else None
        )
        fixed = {k: v for k, v in r.items() if k not in {"id", "rider_id", "seen_at", "sealed"}}
        content.append([names[r["id"]], {**fixed, "personal": plain}])
    proposed = sorted(
        (names[link["registration_a"]], names[link["registration_b"]])
        for link in links
        if link["state"] == "proposed"
    )
    packed = msgspec.json.encode([content, sorted(people.values()), proposed], order="deterministic")
    return hashlib.sha256(packed).hexdigest()
