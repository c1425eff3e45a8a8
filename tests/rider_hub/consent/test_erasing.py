"""Erasure reaches everything, keeps what the law asks for, and holds against sending again (promise 38)."""

import asyncio
import base64
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient
from sqlalchemy import select, update

from rider_hub.access import Actor, Hub
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.assignments import run_pages
from rider_hub.assignments.tables import match_run
from rider_hub.clock import SHANGHAI, FixedClock
from rider_hub.consent.correcting import ask
from rider_hub.consent.erasing import (
    clear_erased,
    erase_for_staff,
    erase_own,
    store_again,
    store_again_by_code,
)
from rider_hub.consent.tables import rights_request
from rider_hub.errors import Absent, Invalid, Unauthenticated
from rider_hub.intake.model import Receipt
from rider_hub.messages.service import post
from rider_hub.messages.tables import outbox
from rider_hub.requests.tables import service_request
from rider_hub.riders.signin import verify_code
from rider_hub.riders.tables import erasure_tombstone, registration, registration_history
from rider_hub.riders.tombstones import sift
from rider_hub.storage.binary import sealed_columns
from rider_hub.storage.metadata import metadata, private_metadata
from rider_hub.views.ports import wired
from tests.factories import county_staff, make_hub
from tests.rider_hub.consent.whole_rider import (
    COMMUNITY,
    NAME,
    NUMBER,
    PHONE,
    REFS,
    WORDS,
    Whole,
    whole_rider,
)
from tests.rider_hub.intake.build import push
from tests.rider_hub.intake.build import rider as row
from tests.rider_hub.outreach.factories import OFF_PEAK
from tests.rider_hub.requests.site import Visitor, build_site

JOB = Actor.job("test")
PERSON = {"name": NAME, "phone": PHONE, "id_number": NUMBER}


async def _cells(hub: Hub) -> dict[str, list[Any]]:
    """Return every cell of every table, envelopes opened."""
    sealed = {
        (table.name, column.name): said for table, column, said in sealed_columns(metadata, private_metadata)
    }
    found: dict[str, list[Any]] = {}
    async with hub.database.read() as connection:
        for table in (*metadata.sorted_tables, *private_metadata.sorted_tables):
            cells = found.setdefault(table.name, [])
            for one in (await connection.execute(select(table))).mappings():
                for name, cell in one.items():
                    said = sealed.get((table.name, name))
                    where = (table.name, name, one[said.row] if said else "")
                    purpose: Any = said.purpose if said else ""
                    cells.append(hub.keys.unseal(purpose, where, cell) if said and cell else cell)
    return found


def _names(cells: list[Any], secrets: set[str]) -> bool:
    return any(secret in str(cell) for cell in cells for secret in secrets)


async def _again(hub: Hub, whole: Whole, day: int, **values: Any) -> Receipt:
    given = {"platform_rider_ref": REFS[0], "record_id": f"{REFS[0]}-{day}", **PERSON}
    given["updated_at"] = f"2026-10-{day:02d}T09:00:00+08:00"
    sent = {name: value for name, value in (row(1) | given | values).items() if value is not None}
    return await push(hub, whole.senders[0], [sent])


def _leave(day: int) -> dict[str, Any]:
    gone = dict.fromkeys(("employment", "work_area", "effective_at", "name", "phone", "id_number"))
    return {**gone, "op": "leave", "record_id": f"{REFS[0]}-{day}-leave"}


async def _stored(hub: Hub) -> int:
    async with hub.database.read() as connection:
        query = select(registration.c.id).where(registration.c.platform_rider_ref.in_(REFS))
        return len((await connection.execute(query)).all())


async def test_nothing_of_the_rider_is_left_but_what_is_told(database_url: str, tmp_path: Path) -> None:
    """No cell of any table, opened, names the rider; the trail alone keeps a number that leads nowhere."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        rider_id = whole.rider.rider_id or ""
        secrets = {NAME, PHONE, NUMBER, *REFS, WORDS, rider_id, "CANARY"}
        async with hub.database.read() as connection:
            ids = select(registration.c.id).where(registration.c.rider_id == rider_id)
            secrets |= set((await connection.execute(ids)).scalars())
        before = await _cells(hub)
        assert {name for name, cells in before.items() if _names(cells, secrets)} >= {
            *(
                "rider",
                "registration",
                "registration_history",
                "assignment",
                "match_change",
                "service_request",
            ),
            *("request_event", "quarantine", "outbox", "rights_request", "declaration", "invitation"),
            *("audit_subject", "dead_letter"),
        }
        erased = await erase_own(hub, whole.rider, wired())
        assert erased.rows > 15
        assert len(erased.again) == 2
        after = await _cells(hub)
        assert {name for name, cells in after.items() if _names(cells, secrets)} <= {
            "audit_row",
            "audit_subject",
        }
        assert not _names(after["audit_row"] + after["audit_subject"], secrets - {rider_id})
        assert _names(after["registration"], {"D00002"})
        with pytest.raises(Unauthenticated):
            await verify_code(hub, PHONE, "000000")


async def test_statistics_stay_without_the_person(database_url: str, tmp_path: Path) -> None:
    """Requests keep category and place, a waiting one is closed, and a run says how many are missing."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        await erase_own(hub, whole.rider, wired())
        async with hub.database.read() as connection:
            requests = (await connection.execute(select(service_request))).mappings().all()
            inputs = (await connection.execute(select(match_run.c.inputs))).scalar_one()
            lines = (await connection.execute(select(rights_request))).mappings().all()
        assert {(one["category"], one["rider_id"], one["division"]) for one in requests} == {
            ("entry", None, COMMUNITY),
            ("rest", None, COMMUNITY),
        }
        assert not any(one["state"] == "open" for one in requests)
        assert inputs == {"riders": 2, "missing": 1}
        assert {(one["kind"], one["rider_id"], one["sealed"]) for one in lines} == {
            ("erase", None, None),
            ("correct", None, None),
        }


async def test_the_page_of_a_run_says_how_many_are_missing(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """Whoever reproduces a run is told that it will lack those who were erased; before, nothing is said."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        inputs = {"riders": 2, "stations": 0, "love_stations": 0, "community_edition_title": "测试版"}
        counts = dict.fromkeys(("new", "moved", "lost", "unchanged", "unresolved"), 0)
        async with hub.database.write() as connection:
            await connection.execute(match_run.update().values(inputs=inputs, counts=counts))
        client = await aiohttp_client(build_site(hub, Visitor(county_staff()), run_pages.routes()))
        assert "已应本人要求删除" not in await (await client.get("/match-runs/run-1")).text()
        await erase_own(hub, whole.rider, wired())
        assert "1 名骑手的变化不再列出" in await (await client.get("/match-runs/run-1")).text()


async def test_no_earlier_request_is_joined_to_the_erasure(database_url: str, tmp_path: Path) -> None:
    """Of the rider's own requests county and month stay: no community, no minute, nobody who answered."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        for days in (0, 40):
            hub.clock.advance(days=days)  # type: ignore[attr-defined]
            await ask(hub, whole.rider, kind="erase", due_at=hub.clock.now(), what="erase")
        async with hub.database.write() as connection:
            one = select(rights_request.c.id).where(rights_request.c.kind == "correct").scalar_subquery()
            done = {"state": "refused", "decided_at": hub.clock.now(), "decided_by": "user:clerk"}
            await connection.execute(update(rights_request).where(rights_request.c.id == one).values(**done))
        await erase_own(hub, whole.rider, wired())
        async with hub.database.read() as connection:
            rows = (await connection.execute(select(rights_request))).mappings().all()
        (line,) = [row for row in rows if row["decided_at"] == hub.clock.now()]
        others = [row for row in rows if row["id"] != line["id"]]
        assert {row["division"] for row in rows} == {COMMUNITY[:6]}
        assert sorted(row["state"] for row in others) == ["done", "done", "refused"]
        assert {row["decided_by"] for row in rows} == {None}
        for row in others:
            times = [row[name].astimezone(SHANGHAI) for name in ("filed_at", "due_at", "decided_at")]
            assert {(at.day, at.hour, at.minute, at.second) for at in times} == {(1, 0, 0, 0)}


async def test_sent_again_it_is_not_stored_until_the_rider_joins_anew(
    database_url: str, tmp_path: Path
) -> None:
    """Whatever the version it is not stored, in one neutral word; after a leave a newer one is taken."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        await erase_own(hub, whole.rider, wired())
        for day, values in ((1, {}), (5, {}), (3, _leave(3)), (6, {})):
            taken = await _again(hub, whole, day, **values)
            assert (taken.not_stored, taken.accepted, taken.received) == (1, 0, 1)
            assert [one["code"] for one in taken.warnings] == ["not_stored"]
            assert not {"删除", "erase"} & set(str(taken.warnings))
        assert await _stored(hub) == 0
        assert (await _again(hub, whole, 7, **_leave(7))).not_stored == 1
        assert (await _again(hub, whole, 7)).not_stored == 1
        assert (await _again(hub, whole, 8)).accepted == 1
        assert await _stored(hub) == 1
        async with hub.database.read() as connection:
            left = (await connection.execute(select(erasure_tombstone))).mappings().all()
        assert [one["ended"] for one in left] == [False]


async def test_a_push_under_way_and_an_erasure_wait_for_each_other(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feed that has read the rider when the erasure begins is stored first, then erased whole."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        erasures: list[asyncio.Task[Any]] = []

        async def slowly(*given: Any) -> Any:
            erasures.append(asyncio.create_task(erase_own(hub, whole.rider, wired())))
            # It waits for the push and so does not end in this time; were it not to wait, it would.
            await asyncio.wait(erasures, timeout=3)
            return await sift(*given)

        monkeypatch.setattr("rider_hub.riders.taking.sift", slowly)
        assert (await _again(hub, whole, 5)).accepted == 1
        await erasures[0]
        assert await _stored(hub) == 0
        async with hub.database.read() as connection:
            mine = registration_history.c.registration_id.not_in(select(registration.c.id))
            assert (await connection.execute(select(registration_history).where(mine))).all() == []


async def test_the_rider_registers_again_by_a_code(database_url: str, tmp_path: Path) -> None:
    """The code given at the erasure lets one registration be stored again; no other code does anything."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        erased = await erase_own(hub, whole.rider, wired())
        unknown = base64.b32encode(b"x" * 15).decode()
        for wrong in ("", "ABCD", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA", "一二三四", unknown):
            with pytest.raises(Invalid):
                await store_again_by_code(hub, whole.rider, wrong)
        for code in erased.again:
            await store_again_by_code(hub, whole.rider, code.lower())
        assert (await _again(hub, whole, 9)).accepted == 1
        assert not await store_again(hub, county_staff(), "ding", REFS[0], "本人到窗口")


async def test_staff_erase_in_scope_with_a_purpose_only(database_url: str, tmp_path: Path) -> None:
    """Another county sees nobody there; without a purpose nothing is erased; the trail says who and why."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        rider_id = whole.rider.rider_id or ""
        with pytest.raises(Absent):
            await erase_for_staff(hub, county_staff("110105"), wired(), rider_id, "本人申请")
        with pytest.raises(Invalid):
            await erase_for_staff(hub, county_staff(), wired(), rider_id, " ")
        assert await _stored(hub) == 2
        await erase_for_staff(hub, county_staff(), wired(), rider_id, "本人到窗口申请")
        assert await _stored(hub) == 0
        async with hub.database.read() as connection:
            query = select(audit_row.c.purpose, audit_subject.c.rider_id).join(
                audit_subject, audit_subject.c.audit_id == audit_row.c.id
            )
            assert ("办理骑手权利请求：本人到窗口申请", rider_id) in [
                tuple(one) for one in await connection.execute(query)
            ]


async def test_an_erasure_that_fails_half_way_erases_nothing(database_url: str, tmp_path: Path) -> None:
    """Wherever a capability breaks, the rider is as before: whole."""
    ports = wired()
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)

        async def broken(*_: object) -> int:
            raise RuntimeError("broken on purpose")

        for at in range(len(ports.erase) + 1):
            cut = dataclasses.replace(ports, erase=(*ports.erase[:at], broken))
            with pytest.raises(RuntimeError, match="on purpose"):
                await erase_own(hub, whole.rider, cut)
        assert await _stored(hub) == 2
        assert (await erase_own(hub, whole.rider, ports)).rows > 15


def _read(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("rider_hub.db*"))


async def _files(hub: Hub, folder: Path) -> bytes:
    """Return every byte of the database's files; of PostgreSQL's of tables, indexes and catalogues."""
    if hub.database.dialect == "sqlite":
        return _read(folder)
    alone = hub.database._writer.execution_options(isolation_level="AUTOCOMMIT")
    async with alone.connect() as connection:
        await connection.exec_driver_sql("CHECKPOINT")
        base = "SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()"
        base = (await connection.exec_driver_sql(base)).scalar_one()
        names = (await connection.exec_driver_sql(f"SELECT pg_ls_dir('{base}')")).scalars().all()
        read = "SELECT pg_read_binary_file($1, 0, 100000000, true)"
        found = [(await connection.exec_driver_sql(read, (f"{base}/{name}",))).scalar_one() for name in names]
    return b"".join(filter(None, found))


async def _texts(hub: Hub) -> str:
    """Return every row of every table of PostgreSQL as it says it itself, its statistics among them."""
    if hub.database.dialect == "sqlite":
        return ""
    tables = [table.fullname for table in (*metadata.sorted_tables, *private_metadata.sorted_tables)]
    async with hub.database.read() as connection:
        found = [
            str((await connection.exec_driver_sql(f"SELECT t::text FROM {table} t")).all())  # noqa: S608
            for table in (*tables, "pg_statistic", "pg_stats")
        ]
    return "\n".join(found)


async def _analyze(hub: Hub) -> None:
    """Have PostgreSQL gather its statistics, as it does by itself: they hold values of rows."""
    if hub.database.dialect == "postgresql":
        alone = hub.database._writer.execution_options(isolation_level="AUTOCOMMIT")
        async with alone.connect() as connection:
            await connection.exec_driver_sql("ANALYZE")


def _forms(secret: str) -> Iterator[bytes]:
    """Give a text in every form it might lie about in."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030"):
        raw = secret.encode(encoding)
        yield raw
        yield raw.hex().encode()
        yield raw.hex().upper().encode()
        yield base64.b64encode(raw)[: len(raw) // 3 * 4]


async def test_after_clearing_no_byte_of_the_rider_is_in_the_files(database_url: str, tmp_path: Path) -> None:
    """References stand in the open while the rider is there; after clearing the files hold not even those.

    On PostgreSQL these are all files of the database; its WAL is a stated limit.
    """
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        await _analyze(hub)
        before = await _files(hub, tmp_path)
        assert all(ref.encode() in before for ref in (*REFS, "D00002"))
        await erase_own(hub, whole.rider, wired())
        assert await clear_erased(hub, JOB) == 1
        assert await clear_erased(hub, JOB) == 0
        content, said = await _files(hub, tmp_path), await _texts(hub)
        secrets = (NAME, PHONE, NUMBER, *REFS, WORDS)
        found = [each for each in secrets if any(form in content for form in _forms(each)) or each in said]
        assert b"D00002" in content
        assert "D00002" in said or not said
        assert found == []


async def test_a_message_to_another_phone_stays(database_url: str, tmp_path: Path) -> None:
    """Only what waits for the erased rider's own phones is dropped."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        async with hub.change(JOB, "messages.send") as work:
            kept = await post(work, hub.keys, "notice", "19900000002", {"text": "您好"})
        await erase_own(hub, whole.rider, wired())
        async with hub.database.read() as connection:
            query = select(outbox.c.id).where(outbox.c.state == "waiting")
            assert list((await connection.execute(query)).scalars()) == [kept]
