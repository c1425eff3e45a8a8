"""`rider-hub demo`: builds the demo in a folder of its own and serves it."""

import asyncio
import shlex
import socket
import sys
from pathlib import Path

import click
import msgspec
from aiohttp import web

from rider_hub.access.inputs import takes
from rider_hub.app import build_app, runner_for
from rider_hub.cli.running import saying_errors
from rider_hub.demo.accounts import account_lines
from rider_hub.demo.run import Demo, build_demo
from rider_hub.demo.world_data import UnknownCountyError
from rider_hub.logs import configure

__all__ = ["demo"]

_PORTS = 100


@click.command()
@click.option("--no-serve", is_flag=True, help="Print the summary and the accounts and exit.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON alone on standard output.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo-data",
    show_default=True,
)
@click.option(
    "--scale", type=click.FloatRange(0.05, 100), default=1.0, show_default=True, help="1 is 4,000 riders."
)
@click.option("--county", default="110101", show_default=True, help="A county of Beijing, 6 digits.")
@click.option("--port", type=int, default=8080, show_default=True, help="Taken: the next free one is used.")
@takes()
def demo(*, no_serve: bool, as_json: bool, folder: Path, scale: float, county: str, port: int) -> None:
    """Build the demo (generated persons, real streets of Beijing) and serve it on 127.0.0.1."""
    configure(json=False)
    try:
        saying_errors(
            lambda: asyncio.run(
                _demo(
                    folder.absolute(),
                    county=county,
                    scale=scale,
                    as_json=as_json,
                    port=None if no_serve else port,
                )
            )
        )
    except UnknownCountyError as error:
        raise click.ClickException(f"{error.zh}\n{error.en}") from error
    except KeyboardInterrupt:
        click.echo("再见。", err=True)


async def _demo(folder: Path, *, county: str, scale: float, as_json: bool, port: int | None) -> None:
    async with build_demo(folder, county=county, scale=scale) as built:
        if as_json:
            click.echo(msgspec.json.encode(built.summary))
        else:
            click.echo(built.summary.text())
        if port is not None:
            await _serve(built, port)
        elif not as_json:
            _tell(["", "演示账号：", *account_lines(built.accounts), *_how_to_serve(built)])


async def _serve(built: Demo, port: int) -> None:
    runner = runner_for(build_app(built.hub, jobs_inside=True))
    await runner.setup()
    listener = _listener(port)
    await web.SockSite(runner, listener).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    lines = [f"\n{built.notice}\n", f"打开 {url}/ ，演示账号："]
    lines += account_lines(built.accounts)
    lines += [f"骑手页面 {url}/r/ ，演示手机号 {built.phone}，验证码会显示在这里。", "按 Ctrl+C 结束。"]
    _tell(lines)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _how_to_serve(built: Demo) -> list[str]:
    folder = shlex.quote(str(built.accounts_file.parent))
    # The accounts of a demo have no second factor; a hub that is served asks for one unless told.
    given = f"RIDER_HUB_DATA_DIR={folder} RIDER_HUB_SECOND_FACTOR_ROLES=none"
    return [
        f"账号也写在 {built.accounts_file} 。要打开页面：",
        f"  {given} {sys.executable} -m rider_hub serve",
    ]


def _tell(lines: list[str]) -> None:
    print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201 - told to whoever started it


def _listener(port: int) -> socket.socket:
    """Return a listening socket on loopback: the port asked for, else the next free one."""
    for candidate in (*range(port, min(port + _PORTS, 65536)), 0):
        try:
            return socket.create_server(("127.0.0.1", candidate))
        except OSError:
            continue
    raise click.ClickException("没有可用的端口。\nNo port is free.")
