"""The key file: which keys there are, what each is for, and where it stands in its life; read and written."""

import base64
import fcntl
import json
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

from rider_hub.access.suites import SUITES, Suite
from rider_hub.errors import HubError
from rider_hub.storage.binary import Purpose

__all__ = [
    "PURPOSES",
    "ROTATED",
    "Key",
    "KeyFault",
    "Keyset",
    "Purpose",
    "from_plain",
    "locked",
    "read_keys",
    "to_plain",
    "write_keys",
]

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
#: What rotation reaches (docs/decisions/0007). `lasting` values stand for what no envelope holds, and the
#: senders hold `feed`.
ROTATED: tuple[Purpose, ...] = (
    "personal",
    "quarantine",
    "membership",
    "account",
    "index",
    "subject",
    "audit",
)
#: coming: known to every process and not used yet. active: used. old: kept for what it made.
State = Literal["coming", "active", "old"]

_FORMAT = 2
_SECRET = 32
_ID_BYTES = 4


class KeyFault(HubError):
    """Keys are missing, unreadable or not this database's, or an envelope was not made for this row."""

    status = 500
    default_code = "key_fault"


@dataclass(frozen=True)
class Key:
    """One key. Its id is "<purpose>-<8 hex digits>"; the four bytes of the digits stand in all it makes."""

    id: str
    suite: Suite
    secret: bytes
    state: State
    made_at: str = ""
    active_at: str = ""

    def __repr__(self) -> str:
        return f"Key({self.id}, {self.suite}, {self.state})"

    @property
    def purpose(self) -> Purpose:
        """What the key is for."""
        return cast("Purpose", self.id.rpartition("-")[0])

    @property
    def tag(self) -> bytes:
        """The four bytes by which envelopes, indexes and MACs tell which key made them."""
        return bytes.fromhex(self.id.rpartition("-")[2])


@dataclass(frozen=True)
class Keyset:
    """All keys of a hub: one active a purpose, at most one coming, any number of old ones."""

    keys: tuple[Key, ...]

    @classmethod
    def new(cls, suite: Suite, at: datetime | None = None) -> "Keyset":
        """Return fresh random keys for every purpose."""
        return cls(tuple(_fresh(purpose, suite, at, "active") for purpose in PURPOSES))

    def active(self, purpose: str) -> Key:
        """Return the key a purpose uses."""
        return next(key for key in self.keys if key.purpose == purpose and key.state == "active")

    def live(self, purpose: str) -> tuple[Key, ...]:
        """Return every key of a purpose that a row may be under, the active one first."""
        mine = [key for key in self.keys if key.purpose == purpose]
        return tuple(sorted(mine, key=lambda key: key.state != "active"))

    @property
    def coming(self) -> tuple[Key, ...]:
        """Keys announced and not used yet."""
        return tuple(key for key in self.keys if key.state == "coming")

    def announcing(self, purposes: Iterable[Purpose], suite: Suite, at: datetime) -> "Keyset":
        """Return the set with a coming key for each purpose that has none yet."""
        there = {key.purpose for key in self.coming}
        fresh = [_fresh(purpose, suite, at, "coming") for purpose in purposes if purpose not in there]
        return Keyset((*self.keys, *fresh))

    def activating(self, at: datetime) -> "Keyset":
        """Return the set with the coming keys in use and those before them kept as old."""
        moved = {key.purpose for key in self.coming}

        def next_state(key: Key) -> Key:
            if key.state == "coming":
                return replace(key, state="active", active_at=at.isoformat())
            return replace(key, state="old") if key.purpose in moved and key.state == "active" else key

        return Keyset(tuple(next_state(key) for key in self.keys))

    def without(self, ids: Iterable[str]) -> "Keyset":
        """Return the set without some of its old keys."""
        gone = frozenset(ids)
        return Keyset(tuple(key for key in self.keys if key.state != "old" or key.id not in gone))


def _fresh(purpose: Purpose, suite: Suite, at: datetime | None, state: State) -> Key:
    made = at.isoformat() if at else ""
    key_id = f"{purpose}-{secrets.token_hex(_ID_BYTES)}"
    return Key(key_id, suite, secrets.token_bytes(_SECRET), state, made, made if state == "active" else "")


def read_keys(path: Path) -> Keyset:
    """Read a key file; raises KeyFault where it is missing or not one."""
    try:
        return from_plain(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise KeyFault(
            f"没有找到密钥文件 {path}。新装请运行 rider-hub keys new；数据库已有数据时请用 "
            "rider-hub keys import 恢复原密钥，新密钥打不开旧数据。",
            f"No key file at {path}. For a new hub run `rider-hub keys new`; where the database has rows, "
            "restore the keys it was sealed with by `rider-hub keys import`: new ones do not open them.",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise KeyFault(f"密钥文件 {path} 无法读取。", f"The key file {path} can't be read.") from error


def write_keys(path: Path, keys: Keyset, *, replacing: bool) -> None:
    """Write a key file that only its owner reads, whole or not at all, and on the disk when this returns.

    Without `replacing` an existing file is a FileExistsError. A replaced file keeps its owner: the server may
    run as another user than the operator.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if replacing:
                owner = path.stat()
                if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            json.dump(to_plain(keys), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        if replacing:
            beside.replace(path)
        else:
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other command that changes this key file out; raises KeyFault where one is at work."""
    with path.with_name(f".{path.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KeyFault(
                "另一个命令正在更换密钥，请等它结束。",
                "Another command is changing the keys; wait until it has ended.",
                status=409,
            ) from None
        yield


def to_plain(keys: Keyset) -> dict[str, Any]:
    """Return a set as JSON holds it."""
    return {
        "format": _FORMAT,
        "keys": [
            {
                "id": key.id,
                "suite": key.suite,
                "state": key.state,
                "made_at": key.made_at,
                "active_at": key.active_at,
                "secret": base64.b64encode(key.secret).decode(),
            }
            for key in keys.keys
        ],
    }


def from_plain(raw: Mapping[str, Any]) -> Keyset:
    """Return the set that JSON holds; raises ValueError, KeyError or TypeError where it is none."""
    if raw["format"] != _FORMAT:
        raise ValueError("another format")
    keys = Keyset(
        tuple(
            Key(
                each["id"],
                each["suite"],
                base64.b64decode(each["secret"], validate=True),
                each["state"],
                each["made_at"],
                each["active_at"],
            )
            for each in raw["keys"]
        )
    )
    if any(len(key.secret) != _SECRET or len(key.tag) != _ID_BYTES for key in keys.keys):
        raise ValueError("a key or an id of another length")
    if not all(key.suite in SUITES and key.state in get_args(State) for key in keys.keys):
        raise ValueError("an unknown suite or state")
    active = Counter(key.purpose for key in keys.keys if key.state == "active")
    if active != Counter(PURPOSES) or len({key.id for key in keys.keys}) != len(keys.keys):
        raise ValueError("not one active key a purpose")
    return keys
