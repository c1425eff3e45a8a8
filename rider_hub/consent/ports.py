"""What must reach upward: capabilities register here what they do on withdrawal, erasure and copy."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from rider_hub.access import Change, Keyring, Look

__all__ = ["PORTS", "Ports", "Section", "Withdrawal", "erase", "export", "withdrawn"]


@dataclass(frozen=True)
class Withdrawal:
    """One consent that ended: whose, which entry of the ledger, for what and to which body."""

    rider_id: str
    consent_id: str
    purpose: str
    body: str


@dataclass(frozen=True)
class Section:
    """What one capability holds of a rider, as the rider reads it."""

    title: str
    entries: Sequence[tuple[str, str]]


OnWithdrawn = Callable[[Change, Keyring, Withdrawal], Awaitable[None]]
Erase = Callable[[Change, Keyring, str], Awaitable[int]]
Export = Callable[[Look, Keyring, str], Awaitable[Sequence[Section]]]


@dataclass(frozen=True)
class Ports:
    """Handlers of the capabilities above, put together in app; each runs in the caller's transaction."""

    on_withdrawn: tuple[OnWithdrawn, ...] = ()
    erase: tuple[Erase, ...] = ()
    export: tuple[Export, ...] = ()


#: Where the application keeps its ports.
PORTS = web.AppKey("ports", Ports)


async def withdrawn(ports: Ports, work: Change, keys: Keyring, withdrawal: Withdrawal) -> None:
    """Tell every capability of a withdrawal, in its transaction: either all of it ends or nothing."""
    for handler in ports.on_withdrawn:
        await handler(work, keys, withdrawal)


async def erase(ports: Ports, work: Change, keys: Keyring, rider_id: str) -> int:
    """Have every capability erase what it holds of a rider; returns how many rows went."""
    return sum([await handler(work, keys, rider_id) for handler in ports.erase])


async def export(ports: Ports, look: Look, keys: Keyring, rider_id: str) -> list[Section]:
    """Collect what every capability holds of a rider."""
    return [section for handler in ports.export for section in await handler(look, keys, rider_id)]
