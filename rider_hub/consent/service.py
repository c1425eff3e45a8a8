"""Publishing notices, and asking for the consent a use case rests on."""

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub
from rider_hub.consent.model import Notice
from rider_hub.consent.store import current, find, shipped
from rider_hub.consent.tables import notice
from rider_hub.errors import Conflict, Failure, Invalid
from rider_hub.storage import insert_rows

__all__ = ["check_agreed", "publish_notices"]


async def publish_notices(hub: Hub, actor: Actor) -> int:
    """Publish the shipped notices that are not yet; returns how many were new.

    Raises Conflict where the words of a published version were changed: people consented to those words.
    """
    async with hub.change(actor, "notices.publish") as work:
        fresh = [entry for entry in shipped() if await _is_new(work.connection, entry)]
        rows = [
            {
                "key": entry.key,
                "version": entry.version,
                "title": entry.title,
                "body": msgspec.json.encode(entry).decode(),
                "published_at": work.now,
            }
            for entry in fresh
        ]
        await insert_rows(work.connection, notice, rows)
        work.count(published=len(rows))
    return len(rows)


async def check_agreed(connection: AsyncConnection, key: str, version: int | None) -> Notice:
    """Return the notice a rider agreed to in this request; raises Invalid where they agreed to none.

    Raises Conflict where the version they read is not the newest, since consent is to words that were read.
    """
    if version is None:
        zh = "还没有同意告知书。请先阅读，愿意的话再点“同意”；不同意也不影响任何服务。"
        en = "No consent was given: read the notice first and agree to it if you wish."
        raise Invalid(zh, en, errors=[Failure(row=0, path=key, code="consent_missing", zh=zh, en=en)])
    newest = await current(connection, key)
    if version != newest.version:
        raise Conflict(
            "告知书有更新，请重新阅读后再选择。",
            "The notice has changed: read it again before you choose.",
            code="notice_changed",
        )
    return newest


async def _is_new(connection: AsyncConnection, entry: Notice) -> bool:
    published = await find(connection, entry.key, entry.version)
    if published is not None and published != entry:
        raise Conflict(
            f"告知书 {entry.key} 第 {entry.version} 版已发布，文字不能再改；请发布新版本。",
            f"Version {entry.version} of notice {entry.key} is published and final: publish a new one.",
            code="notice_published",
        )
    return published is None
