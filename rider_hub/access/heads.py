"""The head file: outside the database, only ever added to, so that a cut end of the chain is found."""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from rider_hub.access.seals import Head

__all__ = ["HeadLine", "append_head", "read_heads"]


class _Written(msgspec.Struct):
    """One line of the file."""

    number: int
    total: int
    mac: str
    at: datetime


@dataclass(frozen=True)
class HeadLine:
    """A line of the head file by its number from 1; `head` is None where it can't be read."""

    line: int
    head: Head | None


def append_head(path: Path, head: Head, now: datetime) -> bool:
    """Add a head to the file and wait for the disk; one that is not newer than the last is not added.

    Several processes may do so at once: the file is locked meanwhile. Says whether a line was added.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lines = file.read().splitlines()
        newest = next((line.head for line in reversed(_parsed(lines[-1:])) if line.head), None)
        if newest is not None and newest.number >= head.number:
            return False
        line = msgspec.json.encode(_Written(head.number, head.total, head.mac.hex(), now)) + b"\n"
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return True


def read_heads(path: Path) -> list[HeadLine]:
    """Return the lines of the head file, none where there is no file yet."""
    return _parsed(path.read_bytes().splitlines()) if path.exists() else []


def _parsed(lines: Sequence[bytes]) -> list[HeadLine]:
    return [HeadLine(number, _head(line)) for number, line in enumerate(lines, 1)]


def _head(line: bytes) -> Head | None:
    try:
        found = msgspec.json.decode(line, type=_Written)
        return Head(found.number, found.total, bytes.fromhex(found.mac))
    except (msgspec.DecodeError, ValueError):
        return None
