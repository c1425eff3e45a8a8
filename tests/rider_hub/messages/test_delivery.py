"""Messages leave at least once, in the transaction that wanted them or not at all."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from jobs import deliver_messages, scheduler
from jobs.job import Every
from rider_hub.access import Actor, Hub
from rider_hub.clock import FixedClock
from rider_hub.messages.delivery import URGENT, deliver
from rider_hub.messages.ports import FilePort, Message, NullPort, PortFault, port_for
from rider_hub.messages.service import CANCELLATION, cancel, post
from rider_hub.messages.tables import outbox
from rider_hub.settings import Settings
from tests.factories import make_hub

JOB = Actor.job("test")


@dataclass
class RecordingPort:
    """A port that keeps what it is given and fails as often as told."""

    taken: list[Message] = field(default_factory=list)
    faults: int = 0

    async def send(self, message: Message) -> None:
        """Take the message, unless a fault is due."""
        if self.faults:
            self.faults -= 1
            raise PortFault("told to")
        self.taken.append(message)


async def _post(hub: Hub, kind: str = "invitation", text: str = "你好") -> str:
    async with hub.change(JOB, "messages.send") as work:
        return await post(work, hub.keys, kind, "19900000001", {"text": text})


async def _post_and_fail(hub: Hub) -> None:
    async with hub.change(JOB, "messages.send") as work:
        await post(work, hub.keys, "invitation", "19900000001", {"text": "x"})
        raise RuntimeError


async def _states(hub: Hub) -> dict[str, tuple[str, int]]:
    async with hub.database.read() as connection:
        rows = await connection.execute(select(outbox.c.id, outbox.c.state, outbox.c.sealed))
        return {row.id: (row.state, len(row.sealed)) for row in rows}


async def test_a_message_is_sent_once_and_then_wiped(database_url: str, tmp_path: Path) -> None:
    """A taken message is marked, its text is gone from the outbox, and it does not leave again."""
    async with make_hub(database_url, tmp_path) as hub:
        message_id = await _post(hub)
        port = RecordingPort()
        assert await deliver(hub, port) == {"sent": 1, "failed": 0, "dead": 0}
        assert await deliver(hub, port) == {"sent": 0, "failed": 0, "dead": 0}
        assert [(m.id, m.to, m.body) for m in port.taken] == [(message_id, "19900000001", {"text": "你好"})]
        assert await _states(hub) == {message_id: ("sent", 0)}


async def test_a_message_of_a_failed_transaction_never_leaves(database_url: str, tmp_path: Path) -> None:
    """What was posted in a transaction that rolled back is not there to be sent."""
    async with make_hub(database_url, tmp_path) as hub:
        with pytest.raises(RuntimeError):
            await _post_and_fail(hub)
        port = RecordingPort()
        await deliver(hub, port)
        assert port.taken == []


async def test_a_message_that_was_not_taken_is_tried_again(database_url: str, tmp_path: Path) -> None:
    """A fault of the port leaves the message waiting, and the next run sends it."""
    async with make_hub(database_url, tmp_path) as hub:
        await _post(hub)
        port = RecordingPort(faults=1)
        assert (await deliver(hub, port))["failed"] == 1
        assert (await deliver(hub, port))["sent"] == 1
        assert len(port.taken) == 1


async def test_an_expired_code_is_dropped_and_not_sent(database_url: str, tmp_path: Path) -> None:
    """A sign-in code older than five minutes is dead; an invitation of that age still leaves."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        code = await _post(hub, "sign_in_code")
        invitation = await _post(hub)
        clock.advance(minutes=6)
        port = RecordingPort()
        assert await deliver(hub, port) == {"sent": 1, "failed": 0, "dead": 1}
        assert [message.id for message in port.taken] == [invitation]
        assert (await _states(hub))[code] == ("dead", 0)


async def test_a_cancelled_message_does_not_leave(database_url: str, tmp_path: Path) -> None:
    """Cancelling stops what waits, and says whether the message may have left."""
    async with make_hub(database_url, tmp_path) as hub:
        message_id = await _post(hub)
        async with hub.change(JOB, "messages.send") as work:
            assert not await cancel(work, message_id)
            assert not await cancel(work, message_id)
        port = RecordingPort()
        await deliver(hub, port)
        assert port.taken == []
        message_id = await _post(hub)
        await deliver(hub, port)
        async with hub.change(JOB, "messages.send") as work:
            assert await cancel(work, message_id)
        assert len(port.taken) == 1


@dataclass
class ActingPort(RecordingPort):
    """A port during whose first message something happens."""

    act: Callable[[], Awaitable[object]] | None = None

    async def send(self, message: Message) -> None:
        """Take the message and act, the first time."""
        await super().send(message)
        act, self.act = self.act, None
        if act is not None:
            await act()


async def test_what_is_cancelled_behind_the_message_being_sent_stays(
    database_url: str, tmp_path: Path
) -> None:
    """A message of the same batch, stopped before its turn, is not given to the port."""
    async with make_hub(database_url, tmp_path) as hub:
        first = await _post(hub)
        hub.clock.advance(seconds=1)  # type: ignore[attr-defined]
        second = await _post(hub)

        async def stop() -> None:
            async with hub.change(JOB, "messages.send") as work:
                assert await cancel(work, second)

        port = ActingPort(act=stop)
        assert (await deliver(hub, port))["sent"] == 1
        await deliver(hub, port)
        assert [message.id for message in port.taken] == [first]
        assert (await _states(hub))[second] == ("dead", 0)


async def test_two_processes_do_not_both_send_a_message(database_url: str, tmp_path: Path) -> None:
    """While one run hands its messages over, another finds nothing; a killed run's are taken up later."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        for _ in range(3):
            await _post(hub)
        other = RecordingPort()

        async def run_beside() -> None:
            await deliver(hub, other)

        port = ActingPort(act=run_beside)
        await deliver(hub, port)
        assert (len(port.taken), len(other.taken)) == (3, 0)
        await _post(hub)

        async def die() -> None:
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await deliver(hub, ActingPort(act=die))
        await deliver(hub, other)
        assert other.taken == []
        clock.advance(seconds=30)
        await deliver(hub, other)
        assert len(other.taken) == 1


async def test_receiver_and_text_are_not_readable_in_the_outbox(database_url: str, tmp_path: Path) -> None:
    """The row holds neither the phone nor the words."""
    async with make_hub(database_url, tmp_path) as hub:
        await _post(hub, text="secret words")
        async with hub.database.read() as connection:
            row = (await connection.execute(select(outbox))).mappings().one()
        assert b"19900000001" not in row["sealed"]
        assert b"secret words" not in row["sealed"]


async def test_the_demo_writes_messages_to_a_file_and_other_hubs_keep_them(
    database_url: str, tmp_path: Path
) -> None:
    """In the demo each message is a line of JSON under the data folder; without a gateway it waits."""
    demo = port_for(Settings(data_dir=tmp_path, demo=True))
    assert demo == FilePort(tmp_path / "messages.jsonl")
    assert port_for(Settings(data_dir=tmp_path)) == NullPort()
    async with make_hub(database_url, tmp_path) as hub:
        message_id = await _post(hub)
        assert (await deliver(hub, NullPort()))["failed"] == 1
        await deliver(hub, demo)
    line = json.loads((tmp_path / "messages.jsonl").read_text("utf-8"))
    assert (line["id"], line["to"], line["body"]) == (message_id, "19900000001", {"text": "你好"})
    assert (tmp_path / "messages.jsonl").stat().st_mode & 0o077 == 0


def _period() -> int:
    due = deliver_messages.JOB.due
    assert isinstance(due, Every)
    return due.seconds


async def _post_urgent(hub: Hub) -> None:
    async with hub.change(JOB, "messages.send") as work:
        await post(work, hub.keys, CANCELLATION, "19900000001", {"text": "已取消"})
        await post(work, hub.keys, "sign_in_code", "19900000002", {"text": "验证码"})


async def test_what_is_urgent_leaves_within_a_minute(database_url: str, tmp_path: Path) -> None:
    """Behind any number of waiting notices, a cancellation and a code leave with the next run of the job."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        async with hub.change(JOB, "messages.send") as work:
            for number in range(450):
                await post(work, hub.keys, "notice", f"199{number:08d}", {"text": "您好"})
        clock.advance(seconds=1)
        asked_at = clock.now()
        await _post_urgent(hub)
        clock.advance(seconds=_period())
        port = RecordingPort()
        await deliver(hub, port)
        assert {message.kind for message in port.taken[:2]} == URGENT
        assert (clock.now() - asked_at).total_seconds() <= 60


async def test_a_slow_gateway_keeps_nothing_urgent_waiting(database_url: str, tmp_path: Path) -> None:
    """With two seconds a message and hundreds waiting, what becomes urgent in mid-run is out in a minute."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        async with hub.change(JOB, "messages.send") as work:
            for number in range(250):
                await post(work, hub.keys, "notice", f"199{number:08d}", {"text": "您好"})
        asked: list[datetime] = []
        left: dict[str, datetime] = {}

        class SlowPort:
            async def send(self, message: Message) -> None:
                clock.advance(seconds=2)
                left[message.kind] = clock.now()
                if not asked:
                    await _post_urgent(hub)
                    asked.append(clock.now())

        for _ in range(2):
            began = clock.now()
            await deliver(hub, SlowPort())
            clock.advance(seconds=max(0, _period() - (clock.now() - began).total_seconds()))
        assert left.keys() >= URGENT
        assert all((left[kind] - asked[0]).total_seconds() < 60 for kind in URGENT)


async def test_a_cancellation_that_left_leaves_no_row(database_url: str, tmp_path: Path) -> None:
    """Its time would lead to the withdrawal; a code's row stays, wiped."""
    async with make_hub(database_url, tmp_path) as hub:
        await _post_urgent(hub)
        assert (await deliver(hub, RecordingPort()))["sent"] == 2
        assert list((await _states(hub)).values()) == [("sent", 0)]


async def test_a_late_tick_of_the_clock_still_runs(sqlite_template: Path, tmp_path: Path) -> None:
    """The loop was busy for seconds when a job came due: it runs late, and is not left out."""
    shutil.copyfile(sqlite_template, tmp_path / "rider_hub.db")
    async with make_hub(f"sqlite+aiosqlite:///{tmp_path / 'rider_hub.db'}", tmp_path) as hub:
        clock = scheduler.start(hub)
        jobs = clock.get_jobs()
        clock.shutdown(wait=False)
    assert {job.misfire_grace_time for job in jobs} == {None}
