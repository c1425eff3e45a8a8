"""The accounts of a demo: told on the console and kept beside its database; no real hub has such a file."""

import os
from collections.abc import Iterable
from pathlib import Path

from rider_hub.demo.ground import Account
from rider_hub.settings import Settings

__all__ = ["ACCOUNTS_FILE", "account_lines", "demo_accounts", "write_accounts"]

ACCOUNTS_FILE = "demo-accounts.txt"


def account_lines(accounts: Iterable[Account]) -> list[str]:
    """Return one line an account: its name, its password, what it may do."""
    return [f"  {account.username:8} {account.password}   {account.words}" for account in accounts]


def write_accounts(folder: Path, accounts: Iterable[Account]) -> Path:
    """Write the accounts of a demo into its folder, readable by its owner alone, and return the file."""
    path = folder / ACCOUNTS_FILE
    # Made closed, not closed afterwards: nobody reads it in between.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(["演示账号 / Accounts of the demo", *account_lines(accounts), ""]))
    return path


def demo_accounts(settings: Settings) -> Path | None:
    """Return the file with the accounts where the hub's database is a demo's, else None."""
    path = settings.data_dir / ACCOUNTS_FILE
    return path if not settings.database_url and path.is_file() else None
