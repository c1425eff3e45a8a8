"""A sealed file in the folder or on the page: opened for who signed it; its refused rows go back sealed."""

import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import FeedError
from connectors.transport.push_client import ndjson
from rider_hub.access import Actor, Hub
from rider_hub.clock import FixedClock
from rider_hub.errors import Absent
from rider_hub.intake import sealing
from rider_hub.intake.files import take_file, take_files
from rider_hub.intake.tables import receipt
from rider_hub.riders.tables import registration
from tests.factories import county_staff, make_hub
from tests.rider_hub.intake.build import bring_in_county, count, rider, sender_of
from tests.rider_hub.intake.test_file_drops import csv_of
from tests.rider_hub.intake.test_upload_page import CHANGES, PAGES, account
from tests.rider_hub.riders.staff_site import staff_site
from tests.sealing import Party, openssl, party, sealed_to, signed_by

JOB = Actor.job("take_feeds")
DING, OTHER = party("ding"), party("other")
ROWS = [rider(1), rider(2, phone="某号码"), rider(3)]


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county, a sender whose certificate is registered, and a folder, on each database."""
    (tmp_path / "in").mkdir()
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        await sender_of(opened)
        await sealing.trust_sender(opened, county_staff(), "ding", DING.certificate)
        yield opened


async def new_certificate(hub: Hub) -> bytes:
    """Make the hub's next certificate, a minute after the one before, as the command does."""
    vars(hub)["clock"] = FixedClock(hub.clock.now() + timedelta(minutes=1))
    made, _ = await sealing.new_certificate(hub, county_staff(), kind="ec", days=365)
    return made.encode()


def seal(data: bytes, hub_certificate: bytes, signer: Party = DING) -> bytes:
    """Sign and seal a file as the page says."""
    return sealed_to(hub_certificate, signed_by(signer, data))


def unseal(data: bytes, mine: Party = DING) -> str:
    """Open what came back, with the sender's own openssl."""
    words = ("cms", "-decrypt", "-inform", "DER", "-recip", "{cert}", "-inkey", "{key}")
    return openssl(*words, data=data, cert=mine.certificate, key=mine.key).decode("utf-8-sig")


async def take(hub: Hub, folder: Path) -> list[Any]:
    """Look at the folder as the job does."""
    return await take_files(hub, JOB, "ding", folder / "in", settle_s=0)


def note(folder: Path, name: str) -> str:
    """Return the code by which a file in the folder was not taken, and forget it."""
    path = folder / "in" / "out" / f"{name}.error.json"
    code = json.loads(path.read_text("utf-8"))["code"]
    path.unlink()
    return str(code)


async def test_a_sealed_file_comes_in_and_its_answers_go_back(hub: Hub, tmp_path: Path) -> None:
    """Rows are taken, the receipt says no value, the refused row is sealed and waits for a courier."""
    name = "registration-1.csv.p7m"
    (tmp_path / "in" / name).write_bytes(seal(csv_of(ROWS), await new_certificate(hub)))
    [got] = await take(hub, tmp_path)
    assert (got.accepted, got.rejected, got.source_name) == (2, 1, name)
    out = tmp_path / "in" / "out"
    assert [one.name for one in (tmp_path / "in").iterdir()] == ["out"]
    assert {one.name for one in out.iterdir()} == {f"{name}.receipt.json", f"{name}.rejected.csv.p7m"}
    told = json.loads((out / f"{name}.receipt.json").read_text("utf-8"))
    assert told == json.loads(json.dumps(got.to_json()))
    back = (out / f"{name}.rejected.csv.p7m").read_bytes()
    assert "某号码" in unseal(back)
    assert "骑手甲00002号" in unseal(back)
    for path in out.iterdir():
        content = path.read_bytes()
        assert "某号码".encode() not in content
        assert "骑手甲".encode() not in content
    for days, left in ((2, 2), (31, 0)):
        then = (hub.clock.now() - timedelta(days=days)).timestamp()
        for path in out.iterdir():
            os.utime(path, (then, then))
        await take(hub, tmp_path)
        assert len(list(out.iterdir())) == left


async def test_the_same_content_counts_once_whatever_brings_it(hub: Hub, tmp_path: Path) -> None:
    """Sealed twice over, by another name, by the command in clear, by the page: one receipt."""
    hubs = await new_certificate(hub)
    body = ndjson(ROWS)
    for name in ("registration.ndjson.p7m", "骑手.cms"):
        (tmp_path / "in" / name).write_bytes(seal(body, hubs))
    first, second = await take(hub, tmp_path)
    clear, again = tmp_path / "clear.ndjson", tmp_path / "again.ndjson.p7m"
    clear.write_bytes(body)
    again.write_bytes(seal(body, hubs))
    others = [await take_file(hub, county_staff(), "ding", "registration", path) for path in (clear, again)]
    assert {one.id for one in (second, *others)} == {first.id}
    assert (await count(hub, receipt), await count(hub, registration)) == (1, 2)


async def test_two_certificates_are_live_and_the_third_ends_the_first(hub: Hub, tmp_path: Path) -> None:
    """A file is opened by the recipient it names; what is sealed to one that ended or was dropped is told."""
    made = [await new_certificate(hub), await new_certificate(hub)]
    for number, certificate in enumerate(made):
        file = seal(ndjson([rider(number)]), certificate)
        (tmp_path / "in" / f"registration-{number}.ndjson.p7m").write_bytes(file)
    assert [one.accepted for one in await take(hub, tmp_path)] == [1, 1]
    third = await new_certificate(hub)
    listed = [one for one in await sealing.certificates(hub) if one.platform is None]
    assert {one.certificate.encode() for one in listed} == {made[1], third}
    name = "registration-2.ndjson.p7m"
    (tmp_path / "in" / name).write_bytes(seal(ndjson([rider(2)]), made[0]))
    assert await take(hub, tmp_path) == []
    assert note(tmp_path, name) == "sealed_recipient_unknown"
    newest = next(one.fingerprint for one in listed if one.certificate.encode() == third)
    await sealing.drop_certificate(hub, county_staff(), newest)
    (tmp_path / "in" / name).write_bytes(seal(ndjson([rider(2)]), third))
    assert await take(hub, tmp_path) == []
    assert note(tmp_path, name) == "sealed_recipient_unknown"
    with pytest.raises(Absent):
        await sealing.drop_certificate(hub, county_staff(), newest)


async def test_who_may_not_is_told_and_nothing_is_taken(hub: Hub, tmp_path: Path) -> None:
    """Unsigned, signed by another platform, in clear, broken, over, not registered: each by its own words."""
    hubs, body = await new_certificate(hub), ndjson([rider(1)])
    await sender_of(hub, platform="jia")
    await sealing.trust_sender(hub, county_staff(), "jia", OTHER.certificate)
    mine = seal(body, hubs)
    wrong = {
        "registration-unsigned.ndjson.p7m": (sealed_to(hubs, body), "sealed_not_opened"),
        "registration-another.ndjson.p7m": (seal(body, hubs, OTHER), "sealed_not_opened"),
        "registration-clear.ndjson": (body, "sealed_needed"),
        "registration-cut.ndjson.p7m": (mine[:-50], "sealed_unreadable"),
        "registration-text.ndjson.p7m": (body, "sealed_unreadable"),
    }
    for name, (data, _) in wrong.items():
        (tmp_path / "in" / name).write_bytes(data)
    assert await take(hub, tmp_path) == []
    assert {name: note(tmp_path, name) for name in wrong} == {name: code for name, (_, code) in wrong.items()}
    for name in wrong:
        (tmp_path / "in" / name).unlink()
    (tmp_path / "in" / "registration.ndjson.p7m").write_bytes(mine)
    now = hub.clock.now()
    vars(hub)["clock"] = FixedClock(now.replace(year=2060))
    assert await take(hub, tmp_path) == []
    assert note(tmp_path, "registration.ndjson.p7m") == "sealed_certificate_over"
    vars(hub)["clock"] = FixedClock(now)
    [listed] = [one for one in await sealing.certificates(hub) if one.platform == "ding"]
    await sealing.distrust_sender(hub, county_staff(), "ding", listed.fingerprint)
    assert await take(hub, tmp_path) == []
    assert note(tmp_path, "registration.ndjson.p7m") == "sealed_not_agreed"
    assert (await count(hub, receipt), await count(hub, registration)) == (0, 0)


async def test_a_whole_renamed_to_a_later_day_lets_nobody_leave(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is not signed, so its time may not lie after the signature; as of before it, it is taken."""
    monkeypatch.setattr("rider_hub.intake.files.declared_of_watched", _as_of_the_name)
    hubs = await new_certificate(hub)
    path = tmp_path / "in" / "registration-2099.ndjson.p7m"
    path.write_bytes(seal(ndjson([rider(1)]), hubs))
    assert await take(hub, tmp_path) == []
    assert note(tmp_path, path.name) == "signed_before_snapshot"
    path.rename(path.with_name("registration-2026.ndjson.p7m"))
    [got] = await take(hub, tmp_path)
    assert got.snapshot is not None
    untimed = signed_by(DING, ndjson([rider(2)]), "-noattr")
    (tmp_path / "in" / "registration-2026b.ndjson.p7m").write_bytes(sealed_to(hubs, untimed))
    assert await take(hub, tmp_path) == []
    assert note(tmp_path, "registration-2026b.ndjson.p7m") == "signing_time_missing"


def _as_of_the_name(_sender: Any, _type: Any, name: str, rows: int, now: Any) -> Any:
    """Declare a snapshot as of now or, for 2099, years ahead: openssl signs by the machine's clock alone."""
    from rider_hub.intake.snapshot_model import Declared  # noqa: PLC0415

    return Declared(now.replace(year=2099 if "2099" in name else 2025), rows)


async def test_the_page_takes_a_sealed_file_and_gives_its_rows_back_sealed(hub: Hub) -> None:
    """The receipt is shown; refused rows come sealed; the checker takes none; nobody opens another's."""
    hubs = await new_certificate(hub)
    file = seal(ndjson(ROWS), hubs)
    named = {"X-File-Name": "registration.ndjson.p7m", "Accept": "application/json"}
    async with staff_site(hub, account("ding"), PAGES) as site:
        shown = await site.post(CHANGES, data=file, headers=named)
        assert (shown.status, "骑手甲" in await shown.text()) == (200, False)
        answer = await site.post(f"{CHANGES}&annotated=1", data=file, headers=named)
        back = await answer.read()
        assert answer.headers["Content-Type"] == "application/pkcs7-mime"
        assert answer.headers["Content-Disposition"].endswith(".ndjson.p7m")
        [row] = [json.loads(line) for line in unseal(back).splitlines()]
        assert (row["rfs_row"], row["phone"]) == (2, "某号码")
        checked = await site.post("/feeds/check?type=registration&sender=ding", data=file, headers=named)
        assert (checked.status, (await checked.json())["code"]) == (422, "sealed_not_here")
    await sender_of(hub, platform="jia")
    async with staff_site(hub, account("jia"), PAGES) as site:
        for more in ("", "&annotated=1"):
            caught = await site.post(CHANGES.replace("ding", "jia") + more, data=file, headers=named)
            assert (caught.status, (await caught.json())["code"]) == (422, "sealed_not_agreed")
        await sealing.trust_sender(hub, county_staff(), "jia", OTHER.certificate)
        caught = await site.post(CHANGES.replace("ding", "jia"), data=file, headers=named)
        assert (caught.status, (await caught.json())["code"]) == (422, "sealed_not_opened")
    assert await count(hub, registration) == 2


async def test_certificates_are_changed_by_who_may(hub: Hub) -> None:
    """A sender out of scope is absent; no certificate is registered that nothing can be sealed to."""
    outside = county_staff("110102")
    for call in (
        sealing.trust_sender(hub, outside, "ding", OTHER.certificate),
        sealing.distrust_sender(hub, outside, "ding", "0" * 64),
        sealing.trust_sender(hub, county_staff(), "nobody", OTHER.certificate),
    ):
        with pytest.raises(Absent):
            await call
    with pytest.raises(FeedError, match="certificate_unreadable"):
        await sealing.trust_sender(hub, county_staff(), "ding", DING.key)
    for one in (DING, OTHER, DING):
        _, ended = await sealing.trust_sender(hub, county_staff(), "ding", one.certificate)
        assert ended == ()
    _, ended = await sealing.trust_sender(hub, county_staff(), "ding", party("third").certificate)
    assert len(ended) == 1
    assert len([one for one in await sealing.certificates(hub) if one.platform == "ding"]) == 2
