"""A batch is stored once and whole in its parts, whatever is wrong with a row of it."""

from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event, select

from rider_hub.access.audit import AuditFault
from rider_hub.errors import Conflict, Invalid
from rider_hub.intake.model import ReceiptState
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.organizations.tables import station as station_table
from rider_hub.riders.tables import registration
from rider_hub.riders.tables import rider as rider_table
from tests.factories import make_hub
from tests.rider_hub.intake.build import (
    COUNTY,
    STREETS,
    bring_in_county,
    codes,
    count,
    push,
    quarantine_rows,
    rider,
    sender_of,
    station,
)
from tests.rider_hub.riders.build import id_number, state_of

CANARY = "金丝雀党员canary"


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> Any:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        yield opened


def copied(template: Path, folder: Path) -> str:
    """Copy the migrated SQLite file and return its URL."""
    path = folder / "rider_hub.db"
    path.write_bytes(template.read_bytes())
    return f"sqlite+aiosqlite:///{path}"


def database_bytes(folder: Path) -> bytes:
    """Return every byte of the database, its log included."""
    return b"".join(file.read_bytes() for file in folder.glob("rider_hub.db*"))


async def test_every_row_received_is_counted_once(hub: Any) -> None:
    """The counts of a receipt add up to what was received, with faults by row and path."""
    sender, _ = await sender_of(hub)
    rows = [
        rider(1),
        rider(1),
        rider(2, employment="dedicated", station_ref="S-404", work_area=None),
        rider(3, phone="199-0000"),
        rider(4, updated_at="2026-11-02T09:11:00+08:00"),
        rider(5, work_area={"community_code": "110101001999"}),
        rider(6, work_area={"community_code": "110105001001"}),
    ]
    got = await push(hub, sender, rows)
    assert (got.received, got.accepted, got.unchanged, got.waiting, got.rejected) == (7, 1, 1, 1, 4)
    assert codes(got) == [
        (4, "phone", "phone_invalid"),
        (5, "updated_at", "updated_at_in_future"),
        (6, "work_area.community_code", "community_unknown"),
        (7, "work_area.community_code", "community_outside_county"),
    ]
    assert [(w["row"], w["code"]) for w in got.warnings] == [(2, "duplicate_in_batch")]
    assert await count(hub, registration) == 2


async def test_updated_at_ten_minutes_ahead_is_taken_and_a_second_more_is_not(hub: Any) -> None:
    """The limit of 10 minutes counts from receipt."""
    sender, _ = await sender_of(hub)
    rows = [
        rider(1, updated_at="2026-11-02T09:10:00+08:00"),
        rider(2, updated_at="2026-11-02T09:10:01+08:00"),
    ]
    got = await push(hub, sender, rows)
    assert codes(got) == [(2, "updated_at", "updated_at_in_future")]


async def test_one_bad_row_in_ten_thousand_refuses_only_itself(hub: Any) -> None:
    """9,999 rows are stored, one waits in quarantine with its row number and field."""
    sender, _ = await sender_of(hub)
    rows = [rider(n, name=None, phone=None) for n in range(10_000)]
    rows[7_776]["employment"] = "其他"
    got = await push(hub, sender, rows)
    assert (got.received, got.accepted, got.rejected) == (10_000, 9_999, 1)
    assert codes(got) == [(7_777, "employment", "value_not_in_list")]
    assert await count(hub, registration) == 9_999
    [kept] = await quarantine_rows(hub)
    assert (kept["row"], kept["state"], kept["record_id"]) == (7_777, "waiting", "D07776-1")


async def test_a_forbidden_row_leaves_nothing_of_itself(tmp_path: Path, sqlite_template: Path) -> None:
    """No byte of a forbidden row's values is in the database or its log, and no such row can be replayed."""
    async with make_hub(copied(sqlite_template, tmp_path), tmp_path) as hub:
        sender, _ = await sender_of(hub)
        rows = [
            rider(1, name=CANARY, 政治面貌=CANARY),
            rider(2, name=CANARY, extra={"party_member": CANARY}),
        ]
        got = await push(hub, sender, rows)
        assert (got.rejected, await count(hub, registration)) == (2, 0)
        assert [(row["state"], row["sealed"]) for row in await quarantine_rows(hub)] == [
            ("refused", None)
        ] * 2
        content = database_bytes(tmp_path)
    for needle in (CANARY.encode(), CANARY.encode("utf-16-le"), b"19900000001"):
        assert needle not in content


async def test_a_refused_row_is_kept_sealed_and_without_its_identity_number(
    tmp_path: Path, sqlite_template: Path
) -> None:
    """What waits to be mended can't be read in the file."""
    async with make_hub(copied(sqlite_template, tmp_path), tmp_path) as hub:
        sender, _ = await sender_of(hub)
        await push(hub, sender, [rider(1, name=CANARY, employment="其他", id_number=id_number(1))])
        [kept] = await quarantine_rows(hub)
        opened = hub.keys.unseal("quarantine", ("quarantine", "sealed", kept["id"]), kept["sealed"])
        content = database_bytes(tmp_path)
    assert opened["name"] == CANARY
    assert "id_number" not in opened
    assert CANARY.encode() not in content
    assert id_number(1).encode() not in content


async def test_a_registration_waits_for_its_station(hub: Any) -> None:
    """Stored and counted as waiting; once the station comes it waits no more, its rider moves there."""
    sender, _ = await sender_of(hub)
    got = await push(hub, sender, [rider(1, employment="dedicated", station_ref="S-4", work_area=None)])
    assert (got.waiting, got.accepted) == (1, 0)
    await push(hub, sender, [station(4)], "station")
    async with hub.database.read() as connection:
        hold = (await connection.execute(select(registration.c.hold))).scalar_one()
        place = (await connection.execute(select(rider_table.c.division))).scalar_one()
    assert hold is None
    assert place == STREETS[1]


async def test_the_same_key_and_body_is_answered_from_the_first_time(hub: Any) -> None:
    """A retry returns the same receipt; another body under the key is refused."""
    sender, _ = await sender_of(hub)
    first = await push(hub, sender, [rider(1)], key="k-1")
    again = await push(hub, sender, [rider(1)], key="k-1")
    assert (again.id, again.replayed, again.to_json()) == (first.id, True, first.to_json())
    with pytest.raises(Invalid) as refused:
        await push(hub, sender, [rider(2)], key="k-1")
    assert refused.value.code == "idempotency_key_reused"


async def test_a_row_refused_for_its_source_name_says_that_name(hub: Any) -> None:
    """Faults name the sender's own column, also those that only the hub can find."""
    sender, _ = await sender_of(hub, "jia", manifest="jia")
    row = {
        "jilu_bianhao": "J1-1",
        "caozuo": "xinzeng",
        "qishou_bianhao": "J1",
        "peisong_fangshi": "zhongbao",
        "pianqu": {"shequ_daima": "110101001999"},
        "shengxiao_shijian": "2026-10-01T00:00:00+08:00",
        "gengxin_shijian": "2026-10-01T00:00:00+08:00",
    }
    got = await push(hub, sender, [row])
    assert codes(got) == [(1, "pianqu.shequ_daima", "community_unknown")]


class Broken(Exception):
    """Stands for a crash."""


async def crash_at(hub: Any, step: int, action: Any, only: str = "") -> bool:
    """Run an action and break its `step`-th step that writes (and begins so); say whether it broke.

    COPY passes SQLAlchemy by, so it is broken at the driver.
    """
    seen = 0
    copy = asyncpg.Connection.copy_records_to_table

    def maybe(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        nonlocal seen
        if statement.lstrip().upper().startswith(only or ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP")):
            seen += 1
            if seen == step:
                raise Broken

    async def maybe_copy(driver: Any, *given: Any, **named: Any) -> Any:
        maybe(None, None, "INSERT")
        return await copy(driver, *given, **named)

    engine = hub.database._writer.sync_engine
    event.listen(engine, "before_cursor_execute", maybe)
    asyncpg.Connection.copy_records_to_table = maybe_copy
    try:
        await action()
    except (Broken, AuditFault):  # the latter where the row of the trail was what broke
        return True
    finally:
        event.remove(engine, "before_cursor_execute", maybe)
        asyncpg.Connection.copy_records_to_table = copy
    return False


async def test_a_crash_at_any_step_leaves_the_old_or_the_new_state(hub: Any) -> None:
    """After a crash at step k the state is that of before, and a retry ends where an unbroken run does."""
    sender, _ = await sender_of(hub)
    rows = [rider(n) for n in range(3)] + [rider(3, phone="bad"), rider(4, phone="19900000001")]
    step = 0
    broke = True
    while broke:
        step += 1
        fresh = [row | {"record_id": f"{row['record_id']}-{step}", "updated_at": _day(step)} for row in rows]
        before = (await state_of(hub), await count(hub, quarantine))

        async def action(fresh: Any = fresh, step: int = step) -> None:
            await push(hub, sender, fresh, key=f"k-{step}")

        broke = await crash_at(hub, step, action)
        after = (await state_of(hub), await count(hub, quarantine))
        if broke:
            assert after == before
        hub.clock.advance(seconds=31)
        got = await push(hub, sender, fresh, key=f"k-{step}")
        assert (got.received, got.accepted, got.rejected) == (5, 4, 1)
        assert await count(hub, quarantine) == step
        assert await count(hub, registration) == 4
    assert step > 8


async def test_a_crash_at_any_step_in_bulk_leaves_the_old_or_the_new_state(hub: Any) -> None:
    """The same of 60 new riders, 60 changed and 60 unchanged ones: COPY, stage and upsert are steps, too."""
    sender, _ = await sender_of(hub)
    same = [rider(n, phone=f"198{n:08d}") for n in range(60)]
    changing = range(100, 160)
    await push(hub, sender, [*same, *(rider(n) for n in changing)], key="before")
    step = 0
    broke = True
    while broke:
        step += 1
        changed = [rider(n, record_id=f"D{n}-{step}", updated_at=_day(step)) for n in changing]
        fresh = [rider(1_000 * step + n) for n in range(60)]
        before = await state_of(hub)

        async def action(rows: Any = (*same, *changed, *fresh), step: int = step) -> None:
            await push(hub, sender, rows, key=f"k-{step}")

        broke = await crash_at(hub, step, action)
        if broke:
            assert await state_of(hub) == before
        hub.clock.advance(seconds=31)
        got = await push(hub, sender, [*same, *changed, *fresh], key=f"k-{step}")
        assert (got.received, got.accepted, got.unchanged) == (180, 120, 60)
        assert await count(hub, registration) == 120 + 60 * step
        assert await count(hub, rider_table) == 120 + 60 * step
    assert step > 10


def _day(step: int) -> str:
    return f"2026-10-01T09:{step:02d}:00+08:00"


async def test_a_batch_broken_between_parts_is_resumed_after_the_last_whole_part(hub: Any) -> None:
    """2,500 rows broken in their second part: the retry stores the rest and answers the whole sum."""
    hub.database.rows_a_part = 1_000  # as on SQLite, where a part is shorter
    sender, _ = await sender_of(hub)
    rows = [rider(n, name=None, phone=None) for n in range(2_500)]
    # The second part's receipt is never written, so the whole second part is not there.
    assert await crash_at(hub, 2, lambda: push(hub, sender, rows, key="k"), only="UPDATE RECEIPT")
    async with hub.database.read() as connection:
        query = select(receipt.c.state, receipt.c.through_row, receipt.c.received)
        assert (await connection.execute(query)).one() == ("running", 1_000, 1_000)
    assert await count(hub, registration) == 1_000
    with pytest.raises(Conflict):
        await push(hub, sender, rows, key="k")
    hub.clock.advance(seconds=31)
    got = await push(hub, sender, rows, key="k")
    assert (got.received, got.accepted, got.state) == (2_500, 2_500, ReceiptState.DONE)
    assert await count(hub, registration) == 2_500


async def test_stations_of_a_feed_lie_where_their_point_is(hub: Any) -> None:
    """A station's division is the street its point lies in, its receipt counts it once."""
    sender, _ = await sender_of(hub)
    got = await push(hub, sender, [station(1), station(1)], "station")
    assert (got.accepted, got.unchanged) == (1, 1)
    async with hub.database.read() as connection:
        query = select(station_table.c.division).where(station_table.c.platform == sender.platform)
        assert (await connection.execute(query)).scalar_one() == STREETS[1]
    assert sender.county == COUNTY
