"""sealed: the certificates that files for the hub are sealed to, and those that senders sign by."""

from pathlib import Path

import click

from connectors.transport.sealing_certificates import KINDS, Kind
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.cli.running import as_user, run_as, run_with_hub
from rider_hub.intake import sealing

__all__ = ["sealed"]

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def sealed() -> None:
    """Files for a hub that the sender's network does not reach: see docs/sealed-files.zh-CN.md."""


@sealed.command("new")
@click.option("--kind", type=click.Choice(KINDS), default="rsa", show_default=True)
@click.option("--days", type=click.IntRange(30, 3660), default=1096, show_default=True)
@as_user
@takes()
def sealed_new(*, kind: Kind, days: int, username: str) -> None:
    """Make a certificate and print it; the one before stays live, older ones end with their keys."""

    async def work(hub: Hub, actor: Actor) -> tuple[str, tuple[str, ...]]:
        return await sealing.new_certificate(hub, actor, kind=kind, days=days)

    certificate, ended = run_as(username, work)
    click.echo(certificate, nl=False)
    _say_ended(ended)


@sealed.command("certificate")
@takes()
def sealed_certificate() -> None:
    """Print the newest certificate, to be handed to senders."""
    own = [one for one in run_with_hub(sealing.certificates) if one.platform is None]
    if not own:
        raise click.ClickException(
            "还没有证书，请先运行 rider-hub sealed new。\nNo certificate yet: run `rider-hub sealed new`."
        )
    click.echo(own[0].certificate, nl=False)


@sealed.command("list")
@takes()
def sealed_list() -> None:
    """List the live certificates: the hub's own, then the senders', by SHA-256 fingerprint."""
    for one in run_with_hub(sealing.certificates):
        days = f"{one.since:%Y-%m-%d} - {one.expires_at:%Y-%m-%d}"
        click.echo(f"{one.platform or '(hub)':16} {one.fingerprint} {days}")


@sealed.command("drop")
@click.argument("fingerprint")
@as_user
@takes()
def sealed_drop(fingerprint: str, username: str) -> None:
    """Delete a certificate of the hub with its key: what is sealed to it opens no more."""

    async def work(hub: Hub, actor: Actor) -> None:
        await sealing.drop_certificate(hub, actor, fingerprint)

    run_as(username, work)


@sealed.command("trust")
@click.argument("platform")
@click.argument("certificate", type=_FILE)
@as_user
@takes()
def sealed_trust(platform: str, certificate: Path, username: str) -> None:
    """Register a sender's certificate and print its fingerprint; compare it with the sender by telephone."""
    pem = certificate.read_bytes()

    async def work(hub: Hub, actor: Actor) -> tuple[str, tuple[str, ...]]:
        return await sealing.trust_sender(hub, actor, platform, pem)

    fingerprint, ended = run_as(username, work)
    click.echo(fingerprint)
    _say_ended(ended)


@sealed.command("distrust")
@click.argument("platform")
@click.argument("fingerprint")
@as_user
@takes()
def sealed_distrust(platform: str, fingerprint: str, username: str) -> None:
    """Take a sender's certificate back, as when its key was lost."""

    async def work(hub: Hub, actor: Actor) -> None:
        await sealing.distrust_sender(hub, actor, platform, fingerprint)

    run_as(username, work)


def _say_ended(fingerprints: tuple[str, ...]) -> None:
    for each in fingerprints:
        click.echo(f"停用 / ended: {each}", err=True)
