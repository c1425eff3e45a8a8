"""Notices as they ship with the program and as they stand in the table."""

import tomllib
from datetime import datetime
from functools import cache
from importlib.resources import files

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.consent.model import Notice
from rider_hub.consent.tables import notice
from rider_hub.errors import Absent

__all__ = ["current", "find", "published", "shipped"]


@cache
def shipped() -> tuple[Notice, ...]:
    """Return the notices that ship with this version of the program."""
    folder = files("rider_hub.consent") / "notices"
    entries = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda e: e.name
    )
    return tuple(msgspec.convert(tomllib.loads(entry.read_text("utf-8")), Notice) for entry in entries)


async def find(connection: AsyncConnection, key: str, version: int) -> Notice | None:
    """Return one published version of a notice, None where it was never published."""
    query = select(notice.c.body).where(notice.c.key == key, notice.c.version == version)
    body = (await connection.execute(query)).scalar_one_or_none()
    return None if body is None else msgspec.json.decode(body, type=Notice)


async def current(connection: AsyncConnection, key: str) -> Notice:
    """Return the newest published version of a notice; raises Absent where there is none."""
    query = select(notice.c.body).where(notice.c.key == key).order_by(notice.c.version.desc()).limit(1)
    body = (await connection.execute(query)).scalar_one_or_none()
    if body is None:
        raise Absent("告知书尚未发布，请稍后再来。", "This notice is not published yet.")
    return msgspec.json.decode(body, type=Notice)


async def published(connection: AsyncConnection) -> list[tuple[Notice, datetime]]:
    """Return every published version of every notice with its time, the newest of each first."""
    query = select(notice.c.body, notice.c.published_at).order_by(notice.c.key, notice.c.version.desc())
    rows = await connection.execute(query)
    return [(msgspec.json.decode(row.body, type=Notice), row.published_at) for row in rows]
