"""How a snapshot is declared: by the headers of a push, by whoever hands in a file, by a file's name."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.transport.push_client import ndjson
from rider_hub.access import Actor
from rider_hub.errors import HubError, Invalid
from rider_hub.intake.file_modes import declared_in, declared_of_watched
from rider_hub.intake.files import take_file, take_files
from rider_hub.intake.model import Sender
from rider_hub.intake.snapshot_model import declared_by
from tests.factories import county_staff, make_hub
from tests.rider_hub.intake.build import body_of, bring_in_county, rider, sender_of
from tests.rider_hub.intake.test_api import Site, site  # noqa: F401 - the fixture
from tests.rider_hub.intake.test_snapshots import active, refs

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
AHEAD = timedelta(minutes=10)
SAID = {"rfs-mode": "snapshot", "rfs-as-of": "2026-10-20T02:00:00+08:00", "rfs-total": "2"}


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        yield opened


def test_headers_are_read_or_every_fault_is_told() -> None:
    """Nothing said is changes; a station's reference may be Chinese; each wrong header has its own words."""
    assert declared_by({}, NOW, AHEAD) is None
    said = declared_by(SAID | {"rfs-scope": "station:%E7%AB%99-1", "rfs-snapshot": "d"}, NOW, AHEAD)
    assert said is not None
    assert (said.station_ref, said.total, said.name) == ("站-1", 2, "d")
    wrong = {"rfs-mode": "full", "rfs-scope": "street", "rfs-as-of": "2026-10-20T02:00:00", "rfs-total": "-1"}
    with pytest.raises(Invalid) as refused:
        declared_by(wrong, NOW, AHEAD)
    assert [one.path for one in refused.value.errors] == ["rfs-mode", "rfs-scope", "rfs-as-of", "rfs-total"]
    for header, text in (
        ("rfs-as-of", "2026-11-02T01:10:01Z"),
        ("rfs-scope", "station:%F0%9F"),
        ("rfs-snapshot", "batch:k-1"),
    ):
        with pytest.raises(Invalid) as refused:
            declared_by(SAID | {header: text}, NOW, AHEAD)
        assert [one.path for one in refused.value.errors] == [header]


async def test_a_push_declares_a_snapshot_in_its_headers(site: Site) -> None:  # noqa: F811
    """The receipt tells how far it has come; the same message under another is refused."""
    await site.post(ndjson([rider(1), rider(2)]))
    got = await site.post(ndjson([rider(1), rider(3)]), message="m-2", **_headers(SAID))
    receipt = await got.json()
    # One of two would leave, which is more than a tenth: 202, and nobody has left.
    assert (got.status, receipt["snapshot"]["state"], receipt["snapshot"]["leaving"]) == (202, "held", 1)
    assert await active(site.hub) == refs(1, 2, 3)
    other = await site.post(
        ndjson([rider(1), rider(3)]), message="m-2", **_headers(SAID | {"rfs-total": "3"})
    )
    assert (other.status, (await other.json())["code"]) == (409, "message_id_reused")
    wrong = await site.post(ndjson([rider(1)]), message="m-3", **_headers(SAID | {"rfs-total": "many"}))
    problem = await wrong.json()
    assert (wrong.status, problem["code"]) == (422, "snapshot_invalid")
    assert problem["errors"][0]["path"] == "rfs-total"
    url = "/api/v1/feeds/ding/station"
    stations = await site.post(ndjson([rider(1)]), url=url, message="m-4", **_headers(SAID))
    assert (await stations.json())["code"] == "snapshot_not_offered"


def _headers(said: dict[str, str]) -> Any:
    return {name.replace("-", "_"): value for name, value in said.items()}


def test_a_file_by_hand_is_whole_by_its_own_rows() -> None:
    """What a person says counts; the total is the file's, unless it is one of several."""
    assert declared_in({"rfs-mode": "changes"}, "registration", 5, NOW) is None
    words = {"rfs-mode": "snapshot", "rfs-as-of": "2026-10-20T02:00:00+08:00"}
    whole = declared_in(words, "registration", 5, NOW)
    part = declared_in(words | {"rfs-total": "9"}, "registration", 5, NOW)
    assert whole is not None
    assert part is not None
    assert (whole.total, part.total) == (5, 9)


@pytest.mark.parametrize(
    ("name", "as_of"),
    [
        ("registration-20261020.csv", "2026-10-20T00:00:00+08:00"),
        ("骑手_2026-10-20T0230.xlsx", "2026-10-20T02:30:00+08:00"),
        ("registration_20261020-023015.csv", "2026-10-20T02:30:15+08:00"),
        ("registration_20261020_023015.csv", "2026-10-20T02:30:15+08:00"),
        ("registration.csv", None),
        ("registration-20261340.csv", None),
        ("registration-20991231.csv", None),
    ],
)
def test_the_name_of_a_watched_file_says_of_when_it_is(name: str, as_of: str | None) -> None:
    """A day alone is its beginning; a name that says nothing, or lies ahead, is told."""
    sender = Sender("ding", "110101", "B", settings={"snapshots": ["registration"]})
    if as_of is None:
        with pytest.raises(HubError) as refused:
            declared_of_watched(sender, "registration", name, 3, NOW)
        assert refused.value.code == "snapshot_time_missing"
        return
    said = declared_of_watched(sender, "registration", name, 3, NOW)
    assert said is not None
    assert (said.as_of, said.total) == (datetime.fromisoformat(as_of), 3)
    assert declared_of_watched(sender, "station", name, 3, NOW) is None


async def test_files_come_whole_by_hand_and_from_a_watched_folder(hub: Any, tmp_path: Path) -> None:
    """A watched file named by its day lets the absent leave; the same file under that name counts once."""
    settings = {"snapshots": ["registration"], "leave_share": 1}
    await sender_of(hub, settings=settings)
    folder = tmp_path / "in"
    folder.mkdir()
    body = ndjson([rider(1), rider(2), rider(3)])
    first_day = folder / "registration-20261015.ndjson"
    first_day.write_bytes(body)
    assert await take_files(hub, Actor.job("take_feeds"), "ding", folder, settle_s=0) == []
    first_day.with_name(f"{first_day.name}.sha256").write_text(f"{hashlib.sha256(body).hexdigest()}  x\n")
    await take_files(hub, Actor.job("take_feeds"), "ding", folder, settle_s=0)
    assert [path.name for path in folder.iterdir()] == ["out"]
    (folder / "registration-20261016.json").write_bytes(body_of([rider(1), rider(2)]))
    [got] = await take_files(hub, Actor.job("take_feeds"), "ding", folder, settle_s=0)
    assert got.snapshot is not None
    assert (got.snapshot["state"], await active(hub)) == ("applied", refs(1, 2))
    path = tmp_path / "registration.ndjson"
    path.write_bytes(ndjson([rider(1)]))
    words = {"rfs-mode": "snapshot", "rfs-as-of": "2026-10-17T02:00:00+08:00"}
    first = await take_file(hub, county_staff(), "ding", "registration", path, words=words)
    again = await take_file(hub, county_staff(), "ding", "registration", path, words=words)
    assert (first.id, again.replayed, await active(hub)) == (again.id, True, refs(1))
