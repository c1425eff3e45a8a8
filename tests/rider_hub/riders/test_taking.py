"""Registrations taken in bulk end where a simple model says, in any order, cut and repetition."""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from rider_hub.riders.rows import keyed_digests
from rider_hub.riders.tables import registration, rider
from rider_hub.storage import bulk
from tests.factories import make_hub
from tests.rider_hub.riders.build import COUNTY, checked, row, take, tombstone

EXAMPLES = 500 if os.environ.get("RIDER_HUB_TEST_LONG") == "1" else 30
STATES = {"upsert": "active", "leave": "left", "retract": "retracted"}
KEPT = (
    "platform_rider_ref",
    "state",
    "employment",
    "station_ref",
    "area_community",
    "county",
    "version_at",
    "version_id",
    "digest",
    "hold",
)
_numbers = itertools.count()


@pytest.fixture
async def hub(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open a hub on each database in which every row goes by the bulk ways, however few there are."""
    monkeypatch.setattr(bulk, "_FEW", 1)
    async with make_hub(database_url, tmp_path) as opened:
        yield opened


@st.composite
def versions(draw: st.DrawFn) -> dict[str, Any]:
    """Make one version of one of four riders: some have the same time, some the same record id as well."""
    ref, day = f"R-{draw(st.integers(1, 4))}", draw(st.integers(1, 3))
    if draw(st.integers(0, 4)) == 0:
        return tombstone(ref, day, draw(st.sampled_from(["leave", "retract"])))
    given_values: dict[str, Any] = {"name": draw(st.sampled_from([None, "骑手甲", "骑手乙"]))}
    if draw(st.booleans()):
        given_values |= {"employment": "dedicated", "station_ref": "S-404", "work_area": None}
    return row(ref, day, record_id=f"{ref}-{draw(st.sampled_from('ab'))}", **given_values)


def key_of(hub: Any, one: dict[str, Any]) -> tuple[Any, ...]:
    """Return what orders the versions of a rider."""
    [record] = checked([one])
    [digest] = keyed_digests(hub.keys, [record])
    return record.record.updated_at, record.record.record_id, digest


def apply(hub: Any, best: dict[str, dict[str, Any]], batch: Sequence[dict[str, Any]]) -> set[str]:
    """Bring the greatest version of each rider up to a batch, and return the riders whose version moved."""
    moved = set()
    for one in batch:
        ref = one["platform_rider_ref"]
        if ref not in best or key_of(hub, one) > key_of(hub, best[ref]):
            best[ref] = one
            moved.add(ref)
    return moved


def expected(hub: Any, one: dict[str, Any]) -> dict[str, Any]:
    """Return what must be stored of a version."""
    at, record_id, digest = key_of(hub, one)
    return {
        "platform_rider_ref": one["platform_rider_ref"],
        "state": STATES[one["op"]],
        "employment": one.get("employment"),
        "station_ref": one.get("station_ref"),
        "area_community": one.get("work_area", {}).get("community_code"),
        "county": COUNTY,
        "version_at": at,
        "version_id": record_id,
        "digest": digest,
        "hold": "waiting_for_station" if one.get("station_ref") else None,
        "name": one.get("name"),
    }


async def stored(hub: Any, platform: str) -> list[dict[str, Any]]:
    """Return what is stored of a platform's registrations, opened, by reference."""
    async with hub.database.read() as connection:
        query = select(registration).where(registration.c.platform == platform)
        rows = (await connection.execute(query.order_by(registration.c.platform_rider_ref))).mappings().all()
        joined = select(rider.c.id).join(registration, registration.c.rider_id == rider.c.id)
        riders = (await connection.execute(joined.where(registration.c.platform == platform))).all()
    assert len(riders) == len(rows)
    found = []
    for one in rows:
        cell = ("registration", "sealed", one["id"])
        content = hub.keys.unseal("personal", cell, one["sealed"]) if one["sealed"] else {}
        found.append({name: one[name] for name in KEPT} | {"name": content.get("name")})
    return found


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(versions(), max_size=8), max_size=4), shuffled=st.randoms())
async def test_bulk_ends_where_the_model_says(
    hub: Any, batches: list[list[dict[str, Any]]], shuffled: Any
) -> None:
    """As pushed, and all of it repeated, shuffled and in one batch: the same rows, the model's outcomes."""
    one, other = (f"p{next(_numbers)}" for _ in range(2))
    best: dict[str, dict[str, Any]] = {}
    for batch in batches:
        moved = apply(hub, best, batch)
        taken = [
            (version, outcome.kind)
            for version, outcome in zip(batch, await take(hub, batch, one), strict=True)
            if outcome.kind != "unchanged"
        ]
        assert sorted(version["platform_rider_ref"] for version, _ in taken) == sorted(moved)
        for version, kind in taken:
            assert key_of(hub, version) == key_of(hub, best[version["platform_rider_ref"]])
            assert kind == ("waiting" if version.get("station_ref") else "accepted")
    wanted = [expected(hub, version) for _, version in sorted(best.items())]
    assert await stored(hub, one) == wanted
    every = [version for batch in batches for version in batch] * 2
    shuffled.shuffle(every)
    await take(hub, every, other)
    assert await stored(hub, other) == wanted
