"""Settings from the environment."""

import pytest

from rider_hub.errors import SettingsError
from rider_hub.settings import Settings


def test_defaults_make_an_embedded_hub_on_loopback() -> None:
    """With nothing set the hub is a SQLite file on this machine, reachable from this machine."""
    settings = Settings.from_env({})
    assert settings.url.startswith("sqlite+aiosqlite:///")
    assert settings.host == "127.0.0.1"
    assert not settings.secure_cookies


def test_every_fault_is_told_at_once() -> None:
    """An operator mends all settings in one go."""
    env = {
        "RIDER_HUB_PORT": "eighty",
        "RIDER_HUB_SUITE": "rot13",
        "RIDER_HUB_DATABASE_URL": "mysql://x",
        "RIDER_HUB_JOBS_INSIDE": "maybe",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(env)
    assert {fault.path for fault in caught.value.errors} == set(env)


def test_cookies_are_secure_off_loopback() -> None:
    """A hub that others can reach marks its cookies Secure unless told otherwise."""
    assert Settings.from_env({"RIDER_HUB_HOST": "0.0.0.0"}).secure_cookies  # noqa: S104 - the case itself
