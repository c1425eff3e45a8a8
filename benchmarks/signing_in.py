"""Times a wrong password for an account that exists and for one that does not: nobody may tell them apart.

Run as `python -m benchmarks.signing_in --tries 240`. Prints the medians and their ratio, and what checking
one password costs in each suite. The two kinds of tries take turns at going first.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import click

from rider_hub.access import Hub, Role
from rider_hub.access.first_start import console
from rider_hub.access.keys import Keyring
from rider_hub.access.lockout import Client
from rider_hub.access.passwords import hash_password, verify_password
from rider_hub.access.signing_in import check_password
from rider_hub.access.users import add_user
from rider_hub.clock import SystemClock
from rider_hub.errors import Unauthenticated
from rider_hub.settings import Settings
from rider_hub.storage import Database
from rider_hub.storage.migrate import upgrade

_ACCOUNTS = 20
_PASSWORD = "a phrase for the benchmark"  # noqa: S105 - of accounts that live for seconds


@click.command()
@click.option("--tries", default=240, type=click.IntRange(20, 360), show_default=True)
def main(tries: int) -> None:
    """Time both kinds of wrong passwords and print the figures."""
    asyncio.run(_main(tries))


async def _main(tries: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        await asyncio.to_thread(upgrade, settings.url)
        database = Database(settings.url)
        hub = Hub(settings, SystemClock(), database, Keyring.new())
        try:
            took = await _wrong(hub, tries)
        finally:
            await database.close()
    known, unknown = (statistics.median(took[kind]) * 1000 for kind in ("known", "nobody"))
    print(f"\nA wrong password, median of {tries}: known {known:.1f} ms, unknown {unknown:.1f} ms")
    print(f"known / unknown = {known / unknown:.3f}")
    for suite in ("intl", "sm"):
        stored = await hash_password(_PASSWORD, suite)
        started = time.perf_counter()
        await verify_password(stored, _PASSWORD, suite)
        print(f"checking one password, {suite}: {(time.perf_counter() - started) * 1000:.0f} ms")


async def _wrong(hub: Hub, tries: int) -> dict[str, list[float]]:
    for number in range(_ACCOUNTS):
        await add_user(
            hub,
            console(),
            username=f"known{number}",
            display_name="测试员",
            password=_PASSWORD,
            roles=[Role.STREET_STAFF],
        )
    took: dict[str, list[float]] = {"known": [], "nobody": []}
    for turn in range(tries):
        for kind in sorted(took, reverse=bool(turn % 2)):
            # From an address each, and fewer than 20 an account: no lock comes into it.
            client = Client(f"{kind}-{turn}")
            started = time.perf_counter()
            try:
                await check_password(hub, f"{kind}{turn % _ACCOUNTS}", "wrong", client)
            except Unauthenticated:
                took[kind].append(time.perf_counter() - started)
    return took


if __name__ == "__main__":
    main()
