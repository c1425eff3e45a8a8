"""What must reach upward: capabilities register here what they do on withdrawal, erasure and copy."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from rider_hub.access import Change, Keyring, Look
from rider_hub.web.values import minute

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
    """What one capability holds of a rider: records with named fields, and the names' titles on pages."""

    key: str
    title: str
    #: The tables this tells of, as consent/holdings.toml names them.
    tables: tuple[str, ...]
    #: Field → its title.
    fields: Mapping[str, str]
    records: Sequence[Mapping[str, Any]]

    @property
    def entries(self) -> list[tuple[str, str]]:
        """All records as the rider reads them: title and value, without what is empty."""
        return [entry for record in self.shown for entry in record]

    @property
    def shown(self) -> list[list[tuple[str, str]]]:
        """Each record as the rider reads it."""
        return [
            [
                (self.fields[name], _words(value))
                for name, value in record.items()
                if value not in (None, "", [])
            ]
            for record in self.records
        ]


def _words(value: Any) -> str:
    if isinstance(value, datetime):
        return minute(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list | tuple):
        return "；".join(map(str, value))
    return str(value)


OnWithdrawn = Callable[[Change, Keyring, Withdrawal], Awaitable[None]]
Erase = Callable[[Change, Keyring, str], Awaitable[int]]
Export = Callable[[Look, Keyring, str], Awaitable[Sequence[Section]]]


@dataclass(frozen=True)
class Ports:
    """Handlers of the capabilities above, put together in app; each runs in the caller's transaction."""

    on_withdrawn: tuple[OnWithdrawn, ...] = ()
    #: In the order they run: the archive of riders last, since the others find by it what is theirs.
    erase: tuple[Erase, ...] = ()
    export: tuple[Export, ...] = ()
    #: What is handed to the rider alone, never through the hands of staff.
    export_private: tuple[Export, ...] = ()


#: Where the application keeps its ports.
PORTS = web.AppKey("ports", Ports)


async def withdrawn(ports: Ports, work: Change, keys: Keyring, withdrawal: Withdrawal) -> None:
    """Tell every capability of a withdrawal, in its transaction: either all of it ends or nothing."""
    for handler in ports.on_withdrawn:
        await handler(work, keys, withdrawal)


async def erase(ports: Ports, work: Change, keys: Keyring, rider_id: str) -> int:
    """Have every capability erase what it holds of a rider; returns how many rows went or were emptied."""
    return sum([await handler(work, keys, rider_id) for handler in ports.erase])


async def export(
    ports: Ports, look: Look, keys: Keyring, rider_id: str, *, private: bool = False
) -> list[Section]:
    """Collect what every capability holds of a rider; with `private` also what only the rider may have."""
    handlers = (*ports.export, *(ports.export_private if private else ()))
    return [section for handler in handlers for section in await handler(look, keys, rider_id)]
