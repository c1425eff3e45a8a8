"""serve and migrate: what an operator needs to get a hub running."""

import asyncio
import gc
import os
import signal
import sys

import click
from aiohttp import web

from rider_hub.access.first_start import offer_setup
from rider_hub.access.opening import make_first_keys, open_hub
from rider_hub.app import build_app, runner_for
from rider_hub.cli.running import saying_errors
from rider_hub.demo.accounts import demo_accounts
from rider_hub.logs import configure
from rider_hub.settings import Settings
from rider_hub.storage.migrate import upgrade

__all__ = ["migrate", "serve", "tell_demo"]


@click.command()
@click.option("--host", help="Address to listen on (RIDER_HUB_HOST).")
@click.option("--port", type=int, help="Port to listen on (RIDER_HUB_PORT).")
def serve(host: str | None, port: int | None) -> None:
    """Serve the pages and the API until told to stop."""
    configure(json=not sys.stderr.isatty())
    # Through the settings, since whether cookies are marked Secure depends on the address.
    given = {"RIDER_HUB_HOST": host, "RIDER_HUB_PORT": None if port is None else str(port)}
    env = os.environ | {name: value for name, value in given.items() if value is not None}
    settings = saying_errors(lambda: Settings.from_env(env))
    saying_errors(lambda: asyncio.run(_serve(settings)))


async def _serve(settings: Settings) -> None:
    # The embedded default starts without ceremony; a database that has rows never gets new keys.
    await make_first_keys(settings)
    await asyncio.to_thread(upgrade, settings.url)
    async with open_hub(settings) as hub:
        runner = runner_for(build_app(hub, jobs_inside=settings.jobs_inside))
        await runner.setup()
        # Before it listens: who is answered must not be dropped because the start did not come to its end.
        token = await offer_setup(hub)
        await web.TCPSite(runner, settings.host, settings.port).start()
        click.echo(f"Rider Hub: http://{settings.host}:{settings.port}/", err=True)
        _tell_setup(token)
        tell_demo(settings)
        # What is loaded by now stays: looking through it for garbage held up every answer by some 100 ms.
        gc.collect()
        gc.freeze()
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await stop.wait()
        await runner.cleanup()


def _tell_setup(token: str | None) -> None:
    if token is not None:
        click.echo(
            f"还没有账号。请打开 /setup，用这个一次性口令（1 小时内有效）设置第一个系统管理员：\n  {token}\n"
            "There is no account yet: open /setup and make the first administrator with this token.",
            err=True,
        )


def tell_demo(settings: Settings) -> None:
    """Say on the console where a demo's accounts stand; what is in the file is not shown."""
    accounts = demo_accounts(settings)
    if accounts is not None:
        click.echo(
            f"这是演示库，账号和密码见 {accounts} 。不要二次验证，可设 RIDER_HUB_SECOND_FACTOR_ROLES=none。\n"
            f"This is a demo database; its accounts are in {accounts}. "
            "RIDER_HUB_SECOND_FACTOR_ROLES=none asks for no second factor.",
            err=True,
        )


@click.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    saying_errors(lambda: upgrade(Settings.from_env().url))
    click.echo("The database is at the newest schema.")
