"""A hub opens on its own keys alone, and never makes new ones for a database that has rows."""

from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access.keyfile import Keyset, read_keys, write_keys
from rider_hub.access.keys import KeyFault, Keyring
from rider_hub.access.opening import make_first_keys, open_hub
from rider_hub.access.tables import key_check
from rider_hub.settings import Settings
from tests.rider_hub.access.rotating import opened, phone
from tests.rider_hub.riders.build import row, take


async def _used(database_url: str, folder: Path) -> Settings:
    """Open a hub once, take in one rider, and return its settings."""
    async with opened(database_url, folder) as hub:
        await take(hub, [row("R-1", name="骑手甲", phone=phone(1))])
        return hub.settings


async def test_a_hub_does_not_open_without_its_key_file(database_url: str, tmp_path: Path) -> None:
    """Opening names the file; the first start of a used database makes no keys and says what to do."""
    settings = await _used(database_url, tmp_path)
    settings.keys.unlink()
    with pytest.raises(KeyFault, match=r"keys\.json"):
        async with open_hub(settings):
            pass
    with pytest.raises(KeyFault, match="No new keys are made"):
        await make_first_keys(settings)
    assert not settings.keys.exists()


async def test_an_unused_database_gets_its_first_keys(empty_database_url: str, tmp_path: Path) -> None:
    """A database without tables, or with empty ones, gets a key file; one that is there stays as it is."""
    settings = Settings(data_dir=tmp_path, database_url=empty_database_url, suite="sm")
    await make_first_keys(settings)
    first = settings.keys.read_bytes()
    assert read_keys(settings.keys).active("personal").suite == "sm"
    await make_first_keys(settings)
    assert settings.keys.read_bytes() == first


async def test_a_hub_does_not_open_on_the_keys_of_another(database_url: str, tmp_path: Path) -> None:
    """Fresh keys are refused with the missing ids named, and leave no mark in the database."""
    settings = await _used(database_url, tmp_path)
    own = read_keys(settings.keys)
    settings.keys.unlink()
    Keyring.new().save(settings.keys)
    with pytest.raises(KeyFault, match=own.active("personal").id):
        async with open_hub(settings):
            pass
    write_keys(settings.keys, own, replacing=True)
    async with open_hub(settings) as hub, hub.database.read() as connection:
        known = set((await connection.execute(select(key_check.c.key_id))).scalars())
    assert known == {key.id for key in own.keys}


async def test_a_key_changed_under_its_id_is_found(database_url: str, tmp_path: Path) -> None:
    """One damaged key in an otherwise right file is named before the first row is sealed with it."""
    settings = await _used(database_url, tmp_path)
    own = read_keys(settings.keys)
    lost = own.active("index")
    fresh = Keyset.new("intl").active("index")
    changed = [
        key.__class__(key.id, key.suite, fresh.secret, key.state) if key == lost else key for key in own.keys
    ]
    write_keys(settings.keys, Keyset(tuple(changed)), replacing=True)
    with pytest.raises(KeyFault, match=lost.id):
        async with open_hub(settings):
            pass
