"""user add, grant, list, disable, unlock, reset: the first account by the console, the rest by somebody."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rider_hub.access.keys import Keyring
from rider_hub.access.lockout import Client, Locked, reserve
from rider_hub.access.opening import open_hub
from rider_hub.cli.accounts import user
from rider_hub.settings import Settings

PASSWORD = "a password for tests"


@pytest.fixture
def env(database_url: str, tmp_path: Path) -> dict[str, str]:
    """Give the environment of a hub without accounts."""
    keys = tmp_path / "keys.json"
    Keyring.new().save(keys)
    return {"RIDER_HUB_DATABASE_URL": database_url, "RIDER_HUB_KEY_FILE": str(keys)}


def run(env: dict[str, str], *arguments: str, typed: str = "") -> Result:
    """Run a command of accounts."""
    return CliRunner().invoke(user, arguments, env=env, input=typed)


def add(env: dict[str, str], name: str, *arguments: str, typed: str = "") -> Result:
    """Add an account; the password is asked for and not shown."""
    return run(env, "add", name, "--name", "测试员", *arguments, typed=f"{PASSWORD}\n{PASSWORD}\n{typed}")


def test_accounts_from_the_first_to_a_reset_one(env: dict[str, str]) -> None:
    """The console makes the first; then a system and a security administrator do what is theirs."""
    assert add(env, "xitong", "--role", "system_admin").exit_code == 0
    unnamed = add(env, "other", "--role", "county_staff")
    assert (unnamed.exit_code, "--as" in unnamed.output) == (1, True)
    assert add(env, "anquan", "--role", "security_admin", "--as", "xitong").exit_code == 0
    refused = add(env, "qu", "--role", "county_staff", "--as", "xitong")
    assert (refused.exit_code, "roles_are_granted" in refused.output) == (1, True)
    added = add(env, "qu", "--department", "social_work", "--phone", "--as", "xitong", typed="13800000001\n")
    assert added.exit_code == 0, added.output
    assert PASSWORD not in added.output
    granted = run(env, "grant", "qu", "--role", "county_staff", "--division", "110101", "--as", "anquan")
    assert granted.exit_code == 0, granted.output
    assert run(env, "grant", "anquan", "--role", "county_staff", "--as", "anquan").exit_code == 1
    listed = run(env, "list", "--as", "xitong").output
    assert [line.split()[:2] for line in listed.splitlines()] == [
        ["anquan", "temporary"],
        ["qu", "temporary"],
        ["xitong", "active"],
    ]
    reset = run(env, "reset", "qu", "--as", "xitong")
    assert len(reset.output.strip()) > 16
    assert "held" in run(env, "list", "--as", "xitong").output
    assert run(env, "release", "qu", "--as", "xitong").exit_code == 1
    assert run(env, "release", "qu", "--as", "anquan").exit_code == 0
    assert "held" not in run(env, "list", "--as", "xitong").output
    assert run(env, "reset", "qu", "--second-factor", "--as", "xitong").exit_code == 1
    assert run(env, "reset", "qu", "--second-factor", "--as", "anquan").exit_code == 0
    assert run(env, "disable", "qu", "--as", "xitong").exit_code == 0
    assert "disabled" in run(env, "list", "--as", "xitong").output


def test_a_locked_account_is_unlocked_by_command(env: dict[str, str]) -> None:
    """Another process holds the lock in the database, this one lifts it."""
    add(env, "xitong", "--role", "system_admin")
    add(env, "anquan", "--role", "security_admin", "--as", "xitong")

    async def guess(times: int) -> None:
        async with open_hub(Settings.from_env(env)) as hub:
            for _ in range(times):
                await reserve(hub, "password", "anquan", Client("192.0.2.1"))

    asyncio.run(guess(5))
    with pytest.raises(Locked):
        asyncio.run(guess(1))
    assert run(env, "unlock", "anquan", "--as", "xitong").exit_code == 0
    asyncio.run(guess(1))
