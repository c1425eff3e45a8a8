"""The parts of a snapshot: a row counts once however it is written, and none is taken once all have come."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from connectors.transport.push_client import ndjson
from rider_hub.errors import Conflict
from rider_hub.intake.snapshot_course import drop_snapshot, release_snapshot
from rider_hub.intake.snapshot_tables import snapshot_member
from rider_hub.intake.tables import receipt
from tests.factories import county_staff, make_hub
from tests.rider_hub.intake.build import bring_in_county, count, push, rider, sender_of
from tests.rider_hub.intake.test_api import Site, site  # noqa: F401 - the fixture
from tests.rider_hub.intake.test_snapshots import AS_OF, active, refs, state, whole
from tests.rider_hub.riders.staff_site import staff_site

ALL_LEAVE = {"leave_share": 1}


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        yield opened


def otherwise(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the same rows with their fields in another order: other bytes."""
    return [dict(reversed(row.items())) for row in rows]


async def test_a_part_sent_again_in_gzip_is_no_second_part(site: Site) -> None:  # noqa: F811
    """Half a snapshot, plain and then in gzip under another key, is still half of it."""
    await site.post(ndjson([rider(1), rider(2), rider(3)]))
    said: Any = {
        "rfs_mode": "snapshot",
        "rfs_as_of": AS_OF.isoformat(),
        "rfs_total": "2",
        "rfs_snapshot": "GZ",
    }
    body = ndjson([rider(1)])
    await site.post(body, message="m-2", **said)
    again = await site.post(gzip.compress(body), message="m-3", content_encoding="gzip", **said)
    told = (await again.json())["snapshot"]
    assert (again.status, told["state"], told["rows"]) == (200, "arriving", 1)
    assert await active(site.hub) == refs(1, 2, 3)


async def test_rows_are_counted_by_whom_they_name(hub: Any) -> None:
    """A rider counts once over all parts, twice if twice in one; so does a row that names nobody."""
    sender, _ = await sender_of(hub, settings=ALL_LEAVE)
    await push(hub, sender, [rider(n) for n in range(5)])
    first = [rider(1), rider(1, record_id="b", updated_at="2026-10-02T09:00:00+08:00"), rider(2, 宗教="")]
    for key, rows in (("p-1", first), ("p-2", otherwise(first)), ("p-3", [*first, rider(1, record_id="c")])):
        got = await whole(hub, sender, rows, key=key, name="day", total=5)
        assert got.snapshot is not None
        assert (state(got), got.snapshot["rows"]) == ("arriving", 4 if key == "p-3" else 3)
    got = await whole(hub, sender, [rider(3)], key="p-4", name="day", total=5)
    assert got.snapshot is not None
    # Nobody knows who the forbidden row was: a person looks first.
    assert (state(got), got.snapshot["rows"], got.snapshot["unreadable"]) == ("held", 5, 1)
    await drop_snapshot(hub, county_staff(), got.snapshot["id"])
    got = await whole(hub, sender, [rider(3)], key="p-5", name="day", total=5)
    assert (state(got), (got.snapshot or {}).get("rows")) == ("dropped", 5)


async def test_a_rider_said_twice_in_long_parts_counts_twice_whatever_transaction_they_fall_into(
    hub: Any,
) -> None:
    """The second row of a rider lies in another transaction than the first; sent again it adds nothing."""
    hub.database.rows_a_part = 2
    sender, _ = await sender_of(hub, settings=ALL_LEAVE)
    rows = [rider(0), rider(1), rider(2), rider(0, record_id="b", updated_at="2026-10-02T09:00:00+08:00")]
    got = await whole(hub, sender, rows, key="p-1", name="day", total=5)
    again = await whole(hub, sender, otherwise(rows), key="p-2", name="day", total=5)
    assert [(one.snapshot or {}).get("rows") for one in (got, again)] == [4, 4]
    assert state(await whole(hub, sender, [rider(4)], key="p-3", name="day", total=5)) == "applied"


@pytest.mark.parametrize("ended", ["applied", "held"])
async def test_a_part_that_comes_after_the_total_is_refused_before_a_row_is_taken(
    hub: Any, ended: str
) -> None:
    """A total given for the first part alone: the second is told so, and none of its riders is touched."""
    sender, _ = await sender_of(hub, settings=ALL_LEAVE if ended == "applied" else None)
    await push(hub, sender, [rider(n) for n in range(6)])
    got = await whole(hub, sender, [rider(0), rider(1)], key="p-1", name="S1", total=2)
    assert state(got) == ended
    before, receipts = await active(hub), await count(hub, receipt)
    late = [rider(2), rider(3, updated_at="2026-10-02T09:00:00+08:00"), rider(7)]
    with pytest.raises(Conflict) as refused:
        await whole(hub, sender, late, key="p-2", name="S1", total=2)
    assert refused.value.code == "snapshot_closed"
    assert "rfs-total" in refused.value.zh
    assert (await active(hub), await count(hub, receipt)) == (before, receipts)
    # The same key again is a retry, whatever became of the snapshot meanwhile.
    again = await whole(hub, sender, [rider(0), rider(1)], key="p-1", name="S1", total=2)
    assert (again.id, again.replayed, state(again)) == (got.id, True, ended)
    # Under a name of its own the whole is taken.
    rows = [rider(0), rider(1), *late]
    got = await whole(hub, sender, rows, key="n-1", name="S2", as_of=AS_OF.replace(hour=3))
    assert await active(hub) >= refs(0, 1, 2, 3, 7)


async def test_mended_rows_of_a_snapshot_come_as_changes(hub: Any) -> None:
    """With the snapshot's own headers they add nothing to it and are refused once it is whole."""
    sender, _ = await sender_of(hub, settings=ALL_LEAVE)
    await push(hub, sender, [rider(n) for n in range(4)])
    wrong = [rider(0), rider(1, employment="其他", record_id="b")]
    mended = [rider(1, record_id="b", updated_at="2026-10-02T09:00:00+08:00")]
    await whole(hub, sender, wrong, key="p-1", name="day", total=3)
    got = await whole(hub, sender, mended, key="p-2", name="day", total=3)
    assert (state(got), (got.snapshot or {}).get("rows"), got.accepted) == ("arriving", 2, 1)
    wrong = [rider(2, employment="其他")]
    assert state(await whole(hub, sender, wrong, key="p-3", name="day", total=3)) == "applied"
    mended = [rider(2, record_id="b", updated_at="2026-10-02T09:00:00+08:00")]
    with pytest.raises(Conflict) as refused:
        await whole(hub, sender, mended, key="p-4", name="day", total=3)
    assert refused.value.code == "snapshot_closed"
    assert (await push(hub, sender, mended)).accepted == 1
    assert await active(hub) == refs(0, 1, 2)


async def test_parts_that_come_at_once_never_go_beyond_the_total_unseen(hub: Any) -> None:
    """Whichever is first: too many are told, as over or as refused; none is taken into a closed snapshot."""
    sender, _ = await sender_of(hub, settings=ALL_LEAVE)
    rows = [rider(n) for n in range(5)]
    await push(hub, sender, rows)
    parts = [whole(hub, sender, [one], key=f"p-{n}", name="day", total=3) for n, one in enumerate(rows)]
    ends = await asyncio.gather(*parts, return_exceptions=True)
    refused = [one for one in ends if isinstance(one, Conflict)]
    last = await whole(hub, sender, [rider(9)], key="p-9", name="day", total=3) if not refused else None
    if last is None:
        assert {one.code for one in refused} == {"snapshot_closed"}
        assert (len(refused), len(await active(hub))) == (2, 3)
    else:
        assert (state(last), await active(hub)) == ("over", refs(0, 1, 2, 3, 4, 9))


async def test_nothing_is_released_that_did_not_come_whole(hub: Any) -> None:
    """A held snapshot of fewer rows than declared can only be dropped."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(n) for n in range(4)])
    got = await whole(hub, sender, [rider(0), rider(1)])
    assert got.snapshot is not None
    url = f"/feeds/snapshots/{got.snapshot['id']}"
    async with staff_site(hub, county_staff(), ["rider_hub.intake.snapshot_pages"]) as site:  # noqa: F811
        assert "放行</button>" in await (await site.get(url)).text()
    async with hub.database.write() as connection:
        some = select(snapshot_member.c.mark).limit(1).scalar_subquery()
        await connection.execute(delete(snapshot_member).where(snapshot_member.c.mark == some))
    async with staff_site(hub, county_staff(), ["rider_hub.intake.snapshot_pages"]) as site:
        page = await (await site.get(url)).text()
    assert ("放行</button>" in page, "作废</button>" in page) == (False, True)
    with pytest.raises(Conflict) as refused:
        await release_snapshot(hub, county_staff(), got.snapshot["id"])
    assert refused.value.code == "snapshot_not_whole"
    assert len(await active(hub)) == 4
    await drop_snapshot(hub, county_staff(), got.snapshot["id"])
