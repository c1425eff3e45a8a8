"""Use cases on senders: registering a platform's agreement, the operator's new key, the county's feed key."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from connectors import sources
from connectors.records import Frame, Tier
from rider_hub.access import Actor, Hub
from rider_hub.errors import Absent, Refused
from rider_hub.intake import store
from rider_hub.intake.faults import whole
from rider_hub.intake.sender_keys import add_key, fresh_key, shown_key, signing_key_bytes
from rider_hub.intake.tables import sender
from rider_hub.organizations.tables import platform as platform_table
from rider_hub.riders.indexes import county_feed_key
from rider_hub.storage import insert_rows, upsert_rows

__all__ = ["export_feed_key", "new_signing_key", "register_sender", "signing_key_bytes"]


async def register_sender(
    hub: Hub,
    actor: Actor,
    *,
    platform: str,
    county: str,
    manifest: str | None = None,
    tier: Tier = "A",
    basis: str | None = None,
    basis_document: str | None = None,
    frame: Frame | None = None,
    settings: Mapping[str, Any] | None = None,
) -> str:
    """Register a platform's agreement to send and return its signing key, which is shown this once.

    `settings`: `url` for pulling (and `token`, which is sealed), `folder` for files, `snapshots` (feeds whose
    files are whole), `every_hours` (feed → how often it is expected), `leave_share`. Raises Conflict where
    the platform is registered, Invalid for tier B without its basis (PIPL 13, 29), FeedError for an unknown
    manifest, Refused for a county out of scope.
    """
    if tier == "B" and basis is None:
        raise whole("basis_missing")
    name = sources.load(manifest).name_zh if manifest else platform
    open_settings = dict(settings or {})
    token = open_settings.pop("token", None)
    async with hub.change(actor, "senders.change", target=f"sender:{platform}") as work:
        if not work.scope.covers(county):
            raise Refused
        taken = await work.connection.execute(select(sender.c.platform).where(sender.c.platform == platform))
        if taken.first():
            raise whole("sender_exists")
        await upsert_rows(
            work.connection, platform_table, [{"code": platform, "name": name}], key=["code"], keep=["name"]
        )
        row = {
            "platform": platform,
            "county": county,
            "manifest": manifest,
            "tier": tier,
            "basis": basis,
            "basis_document": basis_document,
            "frame": frame,
            "sealed_keys": store.SenderSecrets(token=token).sealed(hub.keys, platform),
            "settings": open_settings,
            "created_at": work.now,
            "last_received_at": None,
        }
        await insert_rows(work.connection, sender, [row])
        key = fresh_key()
        await add_key(work, hub.keys, platform, key)
    return shown_key(key)


async def new_signing_key(hub: Hub, actor: Actor, platform: str) -> str:
    """Give a sender a new signing key and return it; the one before stays live until the next change.

    This is the operator's way, at the command line. The page (sender_keys.make_key) lets no key fall out.
    """
    key = fresh_key()
    async with hub.change(actor, "senders.change", target=f"sender:{platform}") as work:
        if await store.find_sender(work.connection, platform, work.scope) is None:
            raise Absent
        await add_key(work, hub.keys, platform, key)
    return shown_key(key)


async def export_feed_key(hub: Hub, actor: Actor, county: str) -> str:
    """Return a county's feed key as hex, for senders that hash identity numbers themselves; audited."""
    async with hub.change(actor, "senders.change", target=f"feed key:{county}") as work:
        if not work.scope.covers(county):
            raise Refused
    return county_feed_key(hub.keys, county).hex()
