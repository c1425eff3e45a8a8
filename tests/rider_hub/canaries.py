"""Canary persons of nobody, and the search for what they brought in, in every form and every file."""

import base64
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from rider_hub.access import Hub
from rider_hub.storage import metadata, private_metadata

__all__ = ["OPEN", "STEMS", "Scan", "canary", "files_of", "forms_of", "keep_temporaries"]

#: What names, phones and identity numbers of canaries have in common and nothing else has.
STEMS = ("金丝雀", "1998765", "110101190012")
#: Stands in the open as long as the rider does: the search must find it, or it finds nothing.
OPEN = "CANARY-REF"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def canary(number: int) -> dict[str, str]:
    """Return one canary of 10,000: a name, a phone, an identity number of nobody, a platform's reference."""
    digits = f"110101190012{number // 1000 + 1:02d}{number % 1000:03d}"
    rest = sum(w * int(d) for w, d in zip(_WEIGHTS, digits, strict=True)) % 11
    return {
        "name": f"金丝雀{number:05d}",
        "phone": f"1998765{number:04d}",
        "id_number": digits + "10X98765432"[rest],
        "platform_rider_ref": f"{OPEN}-{number:05d}",
    }


def forms_of(stem: str) -> Iterator[bytes]:
    """Give a text as it may lie in a file: encoded in four ways, each also as hexadecimal and as base64."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030"):
        raw = stem.encode(encoding)
        yield raw
        yield raw.hex().encode()
        yield raw.hex().upper().encode()
        for before in range(3):
            whole = base64.b64encode(bytes(before) + raw)
            yield whole[-(-before * 4 // 3) : (before + len(raw)) // 3 * 4]


class Scan:
    """Reads what a database keeps on disk: the files of SQLite, or of PostgreSQL and its WAL since then."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._from = ""

    async def begin(self) -> None:
        """Remember where PostgreSQL's WAL stands: what was written before is not of this test."""
        if self.hub.database.dialect == "postgresql":
            async with self.hub.database.read() as connection:
                query = text("SELECT pg_walfile_name(pg_current_wal_lsn())")
                self._from = str((await connection.execute(query)).scalar_one())

    async def content(self) -> bytes:
        """Return everything that stands on disk now."""
        if self.hub.database.dialect == "sqlite":
            return files_of(self.hub.settings.data_dir)
        async with self.hub.database.write() as connection:
            await connection.execute(text("CHECKPOINT"))
        async with self.hub.database.read() as connection:
            folder = (
                await connection.execute(
                    text("SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()")
                )
            ).scalar_one()
            paths = [
                f"{folder}/{name}"
                for name in (await connection.execute(text("SELECT pg_ls_dir(:f)"), {"f": folder})).scalars()
            ]
            wal = (
                await connection.execute(
                    text("SELECT name FROM pg_ls_waldir() WHERE name >= :f"), {"f": self._from}
                )
            ).scalars()
            paths += [f"pg_wal/{name}" for name in wal if len(name) == 24]
            read = text("SELECT pg_read_binary_file(:path, 0, 268435456, true)")
            parts = [(await connection.execute(read, {"path": path})).scalar_one() for path in paths]
        parts.append(files_of(self.hub.settings.data_dir))
        return b"".join(part for part in parts if part) + await self._rows()

    async def _rows(self) -> bytes:
        """Return every row of every table as text: in the server's files long values are compressed."""
        found = []
        async with self.hub.database.read() as connection:
            for table in (*metadata.sorted_tables, *private_metadata.sorted_tables):
                rows = await connection.execute(text(f"SELECT t::text FROM {table.fullname} t"))  # noqa: S608
                found += [row.encode() for row in rows.scalars()]
        return b"\n".join(found)


def keep_temporaries(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have temporary files made in this folder, and what is deleted there kept in it to be searched."""
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    numbers = count()

    def keeping(delete: Callable[..., None]) -> Callable[..., None]:
        def keep(path: Any, **options: Any) -> None:
            whole = Path(os.fsdecode(path))
            if folder in whole.parents and whole.is_file():
                shutil.copyfile(whole, folder / f"kept-{next(numbers)}")
            delete(path, **options)

        return keep

    monkeypatch.setattr(os, "remove", keeping(os.remove))
    monkeypatch.setattr(os, "unlink", keeping(os.unlink))


def files_of(folder: Path) -> bytes:
    """Return all that stands in the files of a folder."""
    # The file port of the demo is the gateway: what it was given has left the hub.
    return b"".join(
        path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "messages.jsonl"
    )
