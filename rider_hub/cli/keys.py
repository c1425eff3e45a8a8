"""keys: making, looking at, rotating and keeping copies of the keys."""

import asyncio
from pathlib import Path

import click

from rider_hub.access import Actor, Hub, custody
from rider_hub.access.inputs import takes
from rider_hub.access.keyfile import PURPOSES, Keyset, write_keys
from rider_hub.access.keys import Keyring
from rider_hub.access.opening import check_unused
from rider_hub.access.resealing import Count, count_rows
from rider_hub.access.rotation import Rotated, announce, drop_old, rotate
from rider_hub.access.suites import SUITES, Suite
from rider_hub.cli.all_tables import load_all_tables
from rider_hub.cli.running import as_user, echo_json, run_as, run_with_hub, saying_errors
from rider_hub.settings import Settings

__all__ = ["keys"]

_two = click.option("--two", is_flag=True, help="Two passphrases, of two persons, in this order.")


@click.group()
def keys() -> None:
    """Keys stand in a file outside the database: see docs/keys.md."""


@keys.command("new")
@click.option("--suite", type=click.Choice(SUITES), help="Default: RIDER_HUB_SUITE.")
def keys_new(suite: Suite | None) -> None:
    """Make the key file of a new hub; refused where one exists or the database was used with other keys."""
    settings = saying_errors(Settings.from_env)
    if not settings.keys.exists():
        saying_errors(lambda: asyncio.run(check_unused(settings)))
    _write_new(settings.keys, Keyring.new(suite or settings.suite).keyset)
    click.echo(f"Keys: {settings.keys}")


@keys.command("status")
@click.option("--json", "as_json", is_flag=True, help="Counts as JSON alone.")
def keys_status(*, as_json: bool) -> None:
    """Show the keys by id, never a key, and how many rows are under each."""

    async def work(hub: Hub) -> tuple[Keyset, list[Count]]:
        load_all_tables()
        return hub.keys.keyset, await count_rows(hub.database, hub.keys.keyset)

    found, counts = run_with_hub(work)
    if as_json:
        states = {key.id: key.state for key in found.keys}
        echo_json(
            [
                {
                    "purpose": each.purpose,
                    "table": each.table,
                    "column": each.column,
                    "key": each.key_id,
                    "state": states.get(each.key_id, "missing"),
                    "rows": each.rows,
                }
                for each in counts
            ]
        )
        return
    for purpose in PURPOSES:
        for key in found.live(purpose):
            click.echo(
                f"{purpose:11} {key.state:7} {key.suite:5} {key.id:20} since {key.active_at[:10] or '-'}"
            )
            for each in counts:
                if each.key_id == key.id:
                    click.echo(f"{'':11} {each.rows:9} rows  {each.table}.{each.column}")
    for each in counts:
        if each.key_id.startswith("?"):
            click.echo(f"no key {each.key_id[1:]}: {each.rows} rows of {each.table}.{each.column}")


@keys.command("rotate")
@as_user
@click.option("--suite", type=click.Choice(SUITES), help="Of the new keys; default: as before.")
@click.option("--prepare", is_flag=True, help="Announce the new keys only, to copy the file to other hosts.")
@click.option("--anew", is_flag=True, help="Announce new keys though rows of the last rotation are left.")
@click.option("--drop-old", "dropping", is_flag=True, help="Remove old keys that no row is under.")
def keys_rotate(*, username: str, suite: Suite | None, prepare: bool, anew: bool, dropping: bool) -> None:
    """Put new keys to use and seal every row anew, while the hub serves; run again, it goes on."""
    path = saying_errors(Settings.from_env).keys

    async def work(hub: Hub, actor: Actor) -> None:
        load_all_tables()
        if dropping:
            gone, needed = await drop_old(hub, actor, path)
            click.echo(f"dropped: {', '.join(gone) or '-'}")
            if needed:
                click.echo(f"kept, rows of the trail are under them: {', '.join(needed)}")
        elif prepare:
            click.echo(f"announced, not in use yet: {', '.join(await announce(hub, actor, path, suite))}")
        else:
            _say(await rotate(hub, actor, path, suite=suite, anew=anew))

    run_as(username, work)


def _say(done: Rotated) -> None:
    click.echo(f"in use: {', '.join(done.used) or 'as before; went on with the last rotation'}")
    click.echo(f"sealed anew: {done.resealed.rows} rows")
    for table, rows in done.resealed.unreadable.items():
        click.echo(
            f"does not open: {rows} rows of {table}; old keys stay until they are dealt with", err=True
        )


@keys.command("export")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@as_user
@_two
@takes()
def keys_export(target: Path, *, username: str, two: bool) -> None:
    """Write a copy of the keys for custody, sealed by a passphrase; on the trail."""
    phrases = _ask(2 if two else 1, confirm=True)

    async def work(hub: Hub, actor: Actor) -> None:
        text = custody.sealed_copy(hub.keys.keyset, phrases, hub.clock.now())
        async with hub.change(actor, "keys.export", target=f"key copy for {len(phrases)}") as change:
            change.count(keys=len(hub.keys.keyset.keys))
        custody.write_copy(target, text)

    try:
        run_as(username, work)
    except FileExistsError:
        raise click.ClickException(
            f"{target} 已存在，不会覆盖。\n{target} exists and is not overwritten."
        ) from None
    click.echo(f"Sealed copy: {target}. Try it with `rider-hub keys check-copy` before you rely on it.")


@keys.command("check-copy")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_two
@takes()
def keys_check_copy(source: Path, *, two: bool) -> None:
    """Open a sealed copy, say which keys are in it, and write nothing."""
    phrases = _ask(2 if two else 1, confirm=False)
    found = saying_errors(lambda: custody.open_copy(source.read_text("utf-8"), phrases))
    for key in found.keys:
        click.echo(f"{key.purpose:11} {key.state:7} {key.suite:5} {key.id}")


@keys.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_two
@takes()
def keys_import(source: Path, *, two: bool) -> None:
    """Restore the key file from a sealed copy, where there is none; then try it on the database."""
    settings = saying_errors(Settings.from_env)
    phrases = _ask(2 if two else 1, confirm=False)
    found = saying_errors(lambda: custody.open_copy(source.read_text("utf-8"), phrases))
    _write_new(settings.keys, found)
    click.echo(f"Keys: {settings.keys}, {len(found.keys)} of them. `rider-hub keys status` tries them.")


def _write_new(path: Path, found: Keyset) -> None:
    try:
        write_keys(path, found, replacing=False)
    except FileExistsError:
        raise click.ClickException(
            f"{path} 已存在，不会覆盖。\n{path} exists and is not overwritten."
        ) from None


def _ask(persons: int, *, confirm: bool) -> list[str]:
    words = ["Passphrase"] if persons == 1 else ["Passphrase of the first", "Passphrase of the second"]
    return [click.prompt(each, hide_input=True, confirmation_prompt=confirm) for each in words]
