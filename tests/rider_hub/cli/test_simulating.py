"""`simulate` speaks by every transport, the same every time, and the faults that were ordered arrive."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiokafka import AIOKafkaConsumer, TopicPartition
from click.testing import CliRunner

from connectors.checker import check_file
from connectors.contract import check
from connectors.records import FeedType
from connectors.simulator import Faults
from connectors.sources import load
from connectors.sources import names as platforms
from connectors.transport.files import read_rows
from connectors.transport.signatures import verify
from rider_hub.cli import main
from rider_hub.cli.simulated_world import faults_of
from tests.kafka_server import make_topic
from tests.rider_hub.faults.ports import free_port

DAY = ("--day", "2026-10-01")
ROOT = Path(__file__).resolve().parents[3]
COMMUNITIES = (
    "code,street,lng,lat\n110101001001,第1街道,116.402,39.915\n110101002001,第2街道,116.407,39.915\n"
)


def run(*arguments: str) -> str:
    """Run `simulate` and return its standard output; it must succeed."""
    result = CliRunner().invoke(main, ["simulate", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def rows(*arguments: str) -> list[dict[str, Any]]:
    """Return what `simulate rows` prints."""
    return [json.loads(line) for line in run("rows", *DAY, *arguments).splitlines()]


@pytest.mark.parametrize("source", [None, *platforms()])
@pytest.mark.parametrize("feed_type", ["station", "registration"])
def test_what_it_says_passes_the_check(source: str | None, feed_type: FeedType, tmp_path: Path) -> None:
    """Every row without a fault is accepted, in the standard and as any platform speaks."""
    (tmp_path / "communities.csv").write_text(COMMUNITIES, "utf-8")
    points = ("--communities", str(tmp_path / "communities.csv"))
    spoken = ("--source", source) if source else ()
    for given in ((), points):
        text = run("rows", *DAY, "--type", feed_type, "--tier", "B", *spoken, *given)
        report = check_file(text.encode(), feed_type, mapping=load(source) if source else None)
        assert (report.rejected, report.accepted) == (0, 5 if feed_type == "station" else 100)


def test_a_seed_repeats_itself() -> None:
    """The same seed and day print the same bytes, another seed others, and nothing looks like a real name."""
    assert run("rows", *DAY, "--shuffled", "--tier", "B") == run("rows", *DAY, "--shuffled", "--tier", "B")
    assert run("rows", *DAY) != run("rows", *DAY, "--seed", "2")
    assert all(row["name"].startswith("骑手") and row["name"][2:8].isdigit() for row in rows("--tier", "B"))


def test_versions_come_as_ordered() -> None:
    """Corrections and retractions have greater versions, what is late comes last, a wrong clock shows."""
    plain = rows("--riders", "10")
    got = rows("--riders", "10", "--corrected-every", "5", "--retracted-every", "10", "--late-every", "4")
    assert len(got) == 13
    last = [row["platform_rider_ref"] for row in got if row["platform_rider_ref"].endswith(("04", "08"))]
    assert [row["platform_rider_ref"] for row in got[-2:]] == last
    tenth = [row for row in got if row["platform_rider_ref"].endswith("10")]
    assert [row["op"] for row in tenth] == ["upsert", "upsert", "retract"]
    assert sorted(row["updated_at"] for row in tenth) == [row["updated_at"] for row in tenth]
    shuffled = rows("--riders", "10", "--shuffled")
    assert shuffled != plain
    assert sorted(map(str, shuffled)) == sorted(map(str, plain))
    assert rows("--riders", "1", "--skew-s", "3600")[0]["updated_at"] > plain[0]["updated_at"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("--bad-every", "timestamp_invalid"),
        ("--renamed-every", "field_unknown"),
        ("--unknown-every", "field_unknown"),
        ("--forbidden-every", "field_forbidden"),
    ],
)
def test_a_fault_of_every_third_row_is_found_in_every_third_row(fault: str, code: str) -> None:
    """The check refuses rows 3, 6 and 9 of 10 for the reason ordered, and no other."""
    batch = check(enumerate(rows("--riders", "10", fault, "3"), 1), feed_type="registration")
    assert {found.row for found in batch.failures if found.code == code} == {3, 6, 9}
    assert len(batch.rejects) == 3


def test_a_wrong_frame_is_told_as_the_right_one(tmp_path: Path) -> None:
    """The rows say wgs84 while their points lie where gcj02 puts them."""
    (tmp_path / "communities.csv").write_text(COMMUNITIES, "utf-8")
    given = ("--type", "station", "--communities", str(tmp_path / "communities.csv"))
    right, wrong = rows(*given), rows(*given, "--actual-frame", "gcj02")
    assert {row["frame"] for row in wrong} == {"wgs84"}
    assert all(0.004 < b["lng"] - a["lng"] < 0.008 for a, b in zip(right, wrong, strict=True))


class Hub:
    """Answer statuses in turn, then receipts; remember which pushes came whole and rightly signed."""

    def __init__(self, statuses: Iterator[int]) -> None:
        self.statuses = statuses
        self.taken: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Take a push as a hub would."""
        body = await request.read()
        verify([b"k" * 32], dict(request.headers), body, float(request.headers["webhook-timestamp"]))
        status = next(self.statuses, 200)
        if status == 200:
            self.taken.append(request.headers["Idempotency-Key"])
            return web.json_response({"type": request.match_info["type"]})
        return web.Response(status=status, headers={"Retry-After": "0"})


async def test_it_pushes_until_every_part_is_answered(tmp_path: Path) -> None:
    """Over broken connections, 503 and 429 every part is taken once, stations first."""
    (tmp_path / "key").write_text("whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n", "ascii")
    hub = Hub(iter([503, 429]))
    app = web.Application(handler_args={"auto_decompress": False})
    app.router.add_post("/api/v1/feeds/ding/{type}", hub.answer)
    async with TestServer(app) as server:
        given = [f"--{name}" for name in ("platform=ding", "part=40", "cut-every=2", "name=n")]
        given += [f"--key-file={tmp_path / 'key'}", *DAY]
        url = str(server.make_url("/"))
        text = await asyncio.to_thread(run, "push", url, *given)
    assert hub.taken == ["n-station-1", *(f"n-registration-{part}" for part in (1, 2, 3))]
    assert [json.loads(line)["type"] for line in text.splitlines()] == ["station"] + ["registration"] * 3


async def test_it_streams_what_it_would_print(kafka: str) -> None:
    """Every row is a message under its rider's key, in order; a part that heard no answer comes twice."""
    topics = {kind: await make_topic(kafka, 2) for kind in ("station", "registration")}
    given = ["--platform=ding", "--part=40", "--cut-every=2", "--corrected-every=3", *DAY]
    named = [f"--topic={kind}={topic}" for kind, topic in topics.items()]
    told = await asyncio.to_thread(run, "kafka", kafka, *given, *named)
    sent = [json.loads(line) for line in told.splitlines()]
    assert [one["sent"] for one in sent] == [6, 40, 40, 40, 13]
    riders = rows("--corrected-every=3")
    twice = [*riders[:40], *riders[40:80], *riders[40:120], *riders[120:], *riders[120:]]
    found: list[Any] = []
    async with AIOKafkaConsumer(bootstrap_servers=kafka) as consumer:
        consumer.assign([TopicPartition(topics["registration"], number) for number in (0, 1)])
        await consumer.seek_to_beginning()
        while len(found) < len(twice):
            found.append(await consumer.getone())
    for one in found:
        assert one.key.decode() == json.loads(one.value)["platform_rider_ref"]
    for partition in (0, 1):
        told_here = [json.loads(one.value) for one in found if one.partition == partition]
        refs = {one["platform_rider_ref"] for one in told_here}
        assert told_here == [one for one in twice if one["platform_rider_ref"] in refs]


def test_a_stream_to_nowhere_says_so() -> None:
    """Brokers that are not there are told in words, not by a stack."""
    address = f"127.0.0.1:{free_port()}"
    result = CliRunner().invoke(main, ["simulate", "kafka", address, "--platform=ding", *DAY])
    assert result.exit_code != 0
    assert "Kafka" in result.output
    assert isinstance(result.exception, SystemExit)


async def test_it_is_pulled_from_a_process_of_its_own() -> None:
    """`simulate pull` prints its address, asks for the token, and serves what `simulate rows` would print."""
    command = [sys.executable, "-m", "rider_hub", "simulate", "pull", "yi", *DAY, "--token=t", "--riders=3"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout
        url = (await process.stdout.readline()).decode().strip()
        address = url + load("yi").pull.paths["registration"]
        async with aiohttp.ClientSession() as session:
            async with session.get(address) as refused:
                assert refused.status == 401
            async with session.get(address, headers={"Authorization": "Bearer t"}) as answer:
                found = (await answer.json())["data"]["list"]
    finally:
        process.terminate()
        await process.wait()
    told = rows("--source", "yi", "--riders", "3")
    assert sorted(map(str, found)) == sorted(map(str, told))


@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson"])
def test_it_leaves_files_that_are_read_back(form: str, tmp_path: Path) -> None:
    """Stations and riders in files of the size ordered, none under a temporary name, all rows accepted."""
    folder = tmp_path / "in"
    given = ["--form", form, "--part", "60", "--torn-every", "2", "--pause-s", "0", "--tier", "B", *DAY]
    text = run("files", "bing", str(folder), *given)
    names = sorted((path.name for path in folder.iterdir()), key=lambda name: ("station" not in name, name))
    assert [Path(line).name for line in text.split()] == names
    accepted = {"station": 0, "registration": 0}
    for path in folder.iterdir():
        feed_type: Any = path.name.partition("-")[0]
        batch = check(read_rows(path), feed_type=feed_type, mapping=load("bing"))
        assert not batch.rejects, batch.failures
        accepted[feed_type] += len(batch.records)
    assert accepted == {"station": 5, "registration": 100}


def test_every_fault_is_an_option_of_the_command_line() -> None:
    """What can be ordered in code can be ordered by a platform's engineer, a function apart."""
    result = CliRunner().invoke(main, ["simulate", "push", "--help"])
    helps = result.output + "".join(
        CliRunner().invoke(main, ["simulate", name, "--help"]).output for name in ("pull", "files", "kafka")
    )
    ordered = set(Faults.__struct_fields__) - {"distort"}
    assert [name for name in ordered if f"--{name.replace('_', '-')}" not in helps] == []
    assert faults_of({"late_every": 3, "other": 1}) == Faults(late_every=3)
