"""keys: status, rotate, export and import by command."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rider_hub.access import Role, custody, rotation
from rider_hub.access.keyfile import ROTATED, read_keys
from rider_hub.access.users import add_user
from rider_hub.cli import main
from tests.factories import staff
from tests.rider_hub.access.rotating import add, opened

_PHRASE = "correct horse battery"


@pytest.fixture
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of a hub: two riders, a security administrator "keeper", county staff "clerk"."""
    monkeypatch.setattr(custody, "_SCRYPT_N", 2**4)
    monkeypatch.setattr(rotation, "WAIT", 0.0)
    monkeypatch.setenv("RIDER_HUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RIDER_HUB_DATABASE_URL", database_url)

    async def fill() -> None:
        async with opened(database_url, tmp_path) as hub:
            await add(hub, range(1, 3))
            admin = staff(Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN)
            for name, role in (("keeper", Role.SECURITY_ADMIN), ("clerk", Role.COUNTY_STAFF)):
                await add_user(
                    hub,
                    admin,
                    username=name,
                    display_name="某人",
                    password="Kx7-wolke-Brunnen",
                    roles=[role],
                    divisions=["110101"],
                )

    asyncio.run(fill())
    return tmp_path


def _run(*words: str, typed: str = "") -> str:
    result = CliRunner().invoke(main, ["keys", *words], input=typed)
    assert result.exit_code == 0, result.output
    return result.output


def _refused(*words: str, typed: str = "") -> str:
    result = CliRunner().invoke(main, ["keys", *words], input=typed)
    assert result.exit_code == 1, result.output
    return result.output


def _counts() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(_run("status", "--json"))
    return found


def test_status_counts_rows_by_key_and_shows_no_key(folder: Path) -> None:
    """Each table and purpose has its rows under the key in use; no secret is printed."""
    assert {(each["table"], each["column"]): each["rows"] for each in _counts()}[
        ("registration", "phone_index")
    ] == 2
    assert {each["state"] for each in _counts()} == {"active"}
    shown = _run("status") + _run("status", "--json")
    raw = json.loads((folder / "keys.json").read_text())
    assert not any(each["secret"] in shown for each in raw["keys"])


def test_rotating_by_command_in_two_steps(folder: Path) -> None:
    """Prepared keys wait; rotating puts these very keys to use; rows are then under them."""
    announced = _run("rotate", "--as", "keeper", "--prepare")
    coming = {key.id for key in read_keys(folder / "keys.json").coming}
    assert len(coming) == len(ROTATED)
    assert all(key_id in announced for key_id in coming)
    assert {each["state"] for each in _counts()} == {"active"}
    assert "sealed anew" in _run("rotate", "--as", "keeper")
    states = {(each["purpose"], each["state"]) for each in _counts()}
    assert {each for each in states if each[1] != "active"} <= {("audit", "old")}
    assert "10 minutes" in _refused("rotate", "--as", "keeper", "--drop-old")


def test_only_the_security_administrator_rotates_and_exports(folder: Path) -> None:
    """County staff change nothing and get no copy."""
    before = (folder / "keys.json").read_bytes()
    _refused("rotate", "--as", "clerk")
    _refused("export", str(folder / "copy"), "--as", "clerk", typed=f"{_PHRASE}\n{_PHRASE}\n")
    assert (folder / "keys.json").read_bytes() == before
    assert not (folder / "copy").exists()


def test_lost_keys_come_back_from_a_copy(folder: Path) -> None:
    """Exported for two persons, tried, lost, restored: the hub opens again on the same keys."""
    copy, before = folder / "copy", read_keys(folder / "keys.json")
    other = "the second person's words"
    _run("export", str(copy), "--as", "keeper", "--two", typed=f"{_PHRASE}\n{_PHRASE}\n{other}\n{other}\n")
    assert before.active("personal").id in _run(
        "check-copy", str(copy), "--two", typed=f"{_PHRASE}\n{other}\n"
    )
    (folder / "keys.json").unlink()
    assert "keys import" in _refused("status")
    _refused("import", str(copy), typed=f"{_PHRASE}\n")
    assert not (folder / "keys.json").exists()
    _run("import", str(copy), "--two", typed=f"{_PHRASE}\n{other}\n")
    assert read_keys(folder / "keys.json") == before
    _run("status")
    assert "not overwritten" in _refused("import", str(copy), "--two", typed=f"{_PHRASE}\n{other}\n")


def test_new_makes_no_keys_for_a_database_with_rows(folder: Path) -> None:
    """With its keys lost a used database gets no new ones: the way back is the copy in custody."""
    (folder / "keys.json").unlink()
    told = _refused("new")
    assert "keys import" in told
    assert "数据库已有数据" in told
    assert not (folder / "keys.json").exists()


def test_new_never_overwrites(folder: Path) -> None:
    """A key file that is there stays as it is."""
    before = (folder / "keys.json").read_bytes()
    assert "not overwritten" in _refused("new")
    assert (folder / "keys.json").read_bytes() == before
