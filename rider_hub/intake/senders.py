"""Use cases on senders: registering a platform's agreement, new signing keys, the county's feed key."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from connectors import sources
from connectors.records import Frame, Tier
from rider_hub.access import Actor, Hub
from rider_hub.errors import Absent, Refused
from rider_hub.intake import store
from rider_hub.intake.faults import whole
from rider_hub.intake.tables import sender
from rider_hub.organizations.tables import platform as platform_table
from rider_hub.riders.indexes import county_feed_key
from rider_hub.storage import insert_rows, upsert_rows

__all__ = ["export_feed_key", "new_signing_key", "register_sender", "signing_key_bytes"]

_KEY_BYTES = 32
_LIVE_KEYS = 2
_PREFIX = "whsec_"


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
    key = secrets.token_bytes(_KEY_BYTES)
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
            "sealed_keys": _sealed(hub, platform, [key], token),
            "settings": open_settings,
            "created_at": work.now,
            "last_received_at": None,
        }
        await insert_rows(work.connection, sender, [row])
    return _shown(key)


async def new_signing_key(hub: Hub, actor: Actor, platform: str) -> str:
    """Give a sender a new signing key and return it; the one before stays live until the next change."""
    key = secrets.token_bytes(_KEY_BYTES)
    async with hub.change(actor, "senders.change", target=f"sender:{platform}") as work:
        if await store.find_sender(work.connection, platform, work.scope) is None:
            raise Absent
        secrets_now = await store.sender_secrets(work.connection, hub.keys, platform)
        live = [key, *secrets_now.signing][:_LIVE_KEYS]
        await work.connection.execute(
            update(sender)
            .where(sender.c.platform == platform)
            .values(sealed_keys=_sealed(hub, platform, live, secrets_now.token))
        )
    return _shown(key)


async def export_feed_key(hub: Hub, actor: Actor, county: str) -> str:
    """Return a county's feed key as hex, for senders that hash identity numbers themselves; audited."""
    async with hub.change(actor, "senders.change", target=f"feed key:{county}") as work:
        if not work.scope.covers(county):
            raise Refused
    return county_feed_key(hub.keys, county).hex()


def signing_key_bytes(shown: str) -> bytes:
    """Return the key behind its shown form (whsec_ and base64)."""
    return base64.b64decode(shown.removeprefix(_PREFIX), validate=True)


def _shown(key: bytes) -> str:
    return _PREFIX + base64.b64encode(key).decode()


def _sealed(hub: Hub, platform: str, keys: list[bytes], token: str | None) -> bytes:
    values = {"signing": [key.hex() for key in keys], "token": token}
    return hub.keys.seal("account", ("sender", "sealed_keys", platform), values)
