"""The ways a message leaves the hub: a file in the demo, nothing where no gateway is set."""

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TextIO

import msgspec

from rider_hub.settings import Settings

__all__ = ["FilePort", "Message", "NullPort", "Port", "PortFault", "port_for"]


class Message(msgspec.Struct, frozen=True):
    """One message as a port is given it; `id` lets a gateway drop one it has taken already."""

    id: str
    kind: str
    to: str
    body: dict[str, Any]
    created_at: datetime


class PortFault(Exception):
    """The port did not take the message; it stays in the outbox and is tried again."""


class Port(Protocol):
    """Whatever takes messages; returning means taken, PortFault means try again later."""

    async def send(self, message: Message) -> None:
        """Take one message."""
        ...


@dataclass(frozen=True)
class FilePort:
    """Appends each message to a file as one line of JSON, readable by its owner; for the demo only."""

    path: Path
    #: Also says it here, so that whoever runs the demo sees the code without opening the file.
    console: TextIO | None = None

    async def send(self, message: Message) -> None:
        """Append the message; an unwritable file is a PortFault."""
        try:
            await asyncio.to_thread(self._append, msgspec.json.encode(message) + b"\n")
        except OSError as error:
            raise PortFault(f"{self.path}: {error.strerror}") from error
        if self.console is not None:
            self.console.write(f"[{message.kind}] {message.to} {message.body.get('text', '')}\n")
            self.console.flush()

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(line)


@dataclass(frozen=True)
class NullPort:
    """Stands where no message gateway is set: takes nothing, so messages wait until they are too old."""

    async def send(self, message: Message) -> None:
        """Refuse the message."""
        raise PortFault(f"no message gateway is set: {message.kind} waits")


def port_for(settings: Settings, console: TextIO | None = None) -> Port:
    """Return the port these settings ask for."""
    return FilePort(settings.data_dir / "messages.jsonl", console) if settings.demo else NullPort()
