"""The recipe for hashed identity numbers gives the same by openssl, by Java, on the page and in the hub."""

import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256, SM3
from cryptography.hazmat.primitives.hmac import HMAC
from sqlalchemy import select

from rider_hub.access import Hub, Keyring
from rider_hub.riders import indexes
from rider_hub.riders.tables import registration
from tests.factories import make_hub
from tests.java import compile_java, java
from tests.rider_hub.intake.build import COUNTY, bring_in_county, codes, push, rider, sender_of
from tests.rider_hub.riders.build import id_number

PAGE = (Path(__file__).parents[3] / "docs" / "feeds.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## Identity numbers")[1].split("\n## ")[0]
KEY = bytes(range(32))
NUMBER = "11010119000102001X"


def block(kind: str) -> str:
    """Return the section's block of a language."""
    [found] = re.findall(rf"^```{kind}\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
    return str(found)


def vectors() -> dict[str, tuple[str, str]]:
    """Return what the table says of each suite: the key's id and the hash of the number."""
    rows = [re.findall("`([0-9a-f]+)`", line) for line in SECTION.splitlines() if line.startswith("| ")]
    ids = next(found for found in rows if len(found) == 2 and len(found[0]) == 8)
    hashes = next(found for found in rows if len(found) == 2 and len(found[0]) == 64)
    return {"intl": (ids[0], hashes[0]), "sm": (ids[1], hashes[1])}


def test_the_vectors_are_right() -> None:
    """Both columns are reckoned anew here, past the hub's own code."""
    for suite, algorithm in (("intl", SHA256()), ("sm", SM3())):
        found = []
        for text in (b"key id", NUMBER.encode()):
            mac = HMAC(KEY, algorithm)
            mac.update(text)
            found.append(mac.finalize().hex())
        assert (found[0][:8], found[1]) == vectors()[suite]


def test_the_number_of_the_vectors_is_well_formed_and_nobodys() -> None:
    """It is one that tests make: born in 1900, with a check character X."""
    assert NUMBER in {id_number(serial) for serial in range(1000)}


def test_the_recipe_of_openssl_gives_the_vector(tmp_path: Path) -> None:
    """The shell block of the page, run as it stands; with SM3 where the page says how."""
    for suite, option in (("intl", "-sha256"), ("sm", "-sm3")):
        script = block("sh").replace("-sha256", option)
        run = subprocess.run(
            ["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == ":".join(vectors()[suite])


def test_the_recipe_of_java_gives_the_vector(tmp_path: Path) -> None:
    """The class of the page, compiled and run; a small x is made large."""
    compile_java(tmp_path, "IdHash", block("java"))
    run = subprocess.run(
        [*java(tmp_path, "IdHash"), KEY.hex(), NUMBER.lower()], check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == ":".join(vectors()["intl"])


@pytest.mark.parametrize("suite", ["intl", "sm"])
def test_the_hub_reckons_as_the_recipe(suite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the county's key of the vectors the hub makes the same id and hash."""
    keys = Keyring.new(suite)
    monkeypatch.setattr(indexes, "county_feed_key", lambda *_: KEY)
    found = indexes.county_key_id(keys, COUNTY), indexes.identity_hash(keys, COUNTY, NUMBER)
    assert found == vectors()[suite]


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        yield opened


async def _index(hub: Hub) -> Any:
    async with hub.database.read() as connection:
        return (await connection.execute(select(registration.c.identity_index))).scalar_one()


async def test_a_number_its_hash_and_its_hash_with_the_keys_id_are_one_content(hub: Hub) -> None:
    """A sender may change from one form to another and nothing is new."""
    sender, _ = await sender_of(hub)
    hashed = indexes.identity_hash(hub.keys, COUNTY, id_number(7))
    key_id = indexes.county_key_id(hub.keys, COUNTY)
    forms = ({"id_number": id_number(7)}, {"id_hash": hashed}, {"id_hash": f"{key_id}:{hashed}"})
    receipts = [await push(hub, sender, [rider(1, **form)]) for form in forms]
    assert [(one.accepted, one.unchanged) for one in receipts] == [(1, 0), (0, 1), (0, 1)]
    assert await _index(hub) == indexes.identity_index(hub.keys, hashed)


async def test_a_hash_under_another_key_is_refused_and_not_kept(hub: Hub) -> None:
    """The sender is told which key it should be; the other rows of the batch are taken in."""
    sender, _ = await sender_of(hub)
    hashed = indexes.identity_hash(hub.keys, COUNTY, id_number(7))
    wrong = indexes.county_key_id(hub.keys, "110105")
    receipt = await push(hub, sender, [rider(1, id_hash=f"{wrong}:{hashed}"), rider(2)])
    assert (receipt.accepted, codes(receipt)) == (1, [(1, "id_hash", "id_hash_key_unknown")])
    assert indexes.county_key_id(hub.keys, COUNTY) in receipt.failures[0]["zh"]
    assert hashed not in str(receipt.failures)
