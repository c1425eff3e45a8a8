"""Use cases: the mappings of a sender, dated manifests of which the newest is in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.sources import Manifest, parse
from connectors.sources.writing import to_toml
from rider_hub.access import Actor, Hub, Look
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.faults import whole
from rider_hub.intake.listing import platform_names
from rider_hub.intake.model import Sender
from rider_hub.intake.tables import mapping
from rider_hub.storage import insert_rows

__all__ = ["MappingEntry", "SenderMappings", "list_mappings", "mapping_toml", "save_mapping", "show_mappings"]


@dataclass(frozen=True)
class MappingEntry:
    """One mapping of a sender: its number, since when it is in force, who saved it and why."""

    platform: str
    number: int
    valid_from: datetime
    saved_as: str
    note: str


@dataclass(frozen=True)
class SenderMappings:
    """A sender with its saved mappings, the newest first."""

    sender: Sender
    name: str
    entries: Sequence[MappingEntry]

    @property
    def in_force(self) -> MappingEntry | None:
        """The entry that rules, None where none was saved."""
        return self.entries[0] if self.entries else None


async def list_mappings(hub: Hub, actor: Actor) -> list[SenderMappings]:
    """Return every sender in scope with its mappings, by name."""
    async with hub.look(actor, "mappings.view") as look:
        senders = await store.senders(look.connection, look.scope)
        named = await platform_names(look)
        entries = await _entries(look.connection, [one.platform for one in senders])
    found = [
        SenderMappings(one, named[one.platform], [e for e in entries if e.platform == one.platform])
        for one in senders
    ]
    return sorted(found, key=lambda one: one.name)


async def show_mappings(hub: Hub, actor: Actor, platform: str) -> SenderMappings:
    """Return one sender with its mappings; raises Absent out of scope."""
    async with hub.look(actor, "mappings.view", target=f"sender:{platform}") as look:
        return await _shown(look, platform)


async def mapping_toml(hub: Hub, actor: Actor, platform: str, number: int | None = None) -> str:
    """Return a mapping as a manifest's TOML: one of a number, else the one in force; raises Absent for none.

    A sender that is read by a file's manifest has that one in force.
    """
    async with hub.look(actor, "mappings.view", target=f"sender:{platform}") as look:
        shown = await _shown(look, platform)
        if number is None:
            manifest = shown.sender.mapping
            if manifest is None:
                raise Absent
            return to_toml(manifest)
        query = select(mapping.c.text).where(mapping.c.platform == platform, mapping.c.number == number)
        text: str | None = (await look.connection.execute(query)).scalar()
    if text is None:
        raise Absent
    return text


async def save_mapping(hub: Hub, actor: Actor, platform: str, text: str, note: str = "") -> int:
    """Save a manifest as the sender's mapping, in force from now on, and return its number.

    Raises Absent for a sender out of scope, FeedError `manifest_invalid` with the reason, Invalid where it is
    another platform's or says otherwise than the agreement (tier, frame, unknown fields).
    """
    manifest = parse(text)
    async with hub.change(actor, "mappings.change", target=f"sender:{platform}") as work:
        await store.lock_sender(work.connection, platform)
        sender = await store.find_sender(work.connection, platform, work.scope)
        if sender is None:
            raise Absent
        _require_agreed(manifest, sender, by_company=actor.scope.of_company)
        newest = select(func.max(mapping.c.number)).where(mapping.c.platform == platform)
        number = ((await work.connection.execute(newest)).scalar() or 0) + 1
        row = {
            "platform": platform,
            "number": number,
            "valid_from": work.now,
            "text": to_toml(manifest),
            "saved_by": actor.id,
            "saved_as": "platform" if actor.scope.of_company else "county",
            "note": note[:200],
        }
        await insert_rows(work.connection, mapping, [row])
        work.count(mapping=number)
    return number


def _require_agreed(manifest: Manifest, sender: Sender, *, by_company: bool) -> None:
    """Refuse what only the agreement may say; a mapping says how rows are read, not what may be sent."""
    if manifest.platform != sender.platform:
        raise whole("mapping_of_another")
    if manifest.tier != sender.tier:
        raise whole("mapping_tier_differs")
    if sender.frame is not None and manifest.frame != sender.frame:
        raise whole("mapping_frame_differs")
    if by_company and manifest.unknown != unknown_of(sender):
        raise whole("mapping_unknown_differs")
    if by_company and manifest.every_hours != (sender.mapping.every_hours if sender.mapping else {}):
        raise whole("mapping_rhythm_differs")


def unknown_of(sender: Sender) -> str:
    """Return what becomes of the sender's unknown fields as things stand."""
    return sender.mapping.unknown if sender.mapping else "freeze"


async def _shown(look: Look, platform: str) -> SenderMappings:
    sender = await store.find_sender(look.connection, platform, look.scope)
    if sender is None:
        raise Absent
    named = await platform_names(look)
    return SenderMappings(sender, named[platform], await _entries(look.connection, [platform]))


async def _entries(connection: AsyncConnection, platforms: Sequence[str]) -> list[MappingEntry]:
    """Return the mappings of senders already found in scope, the newest first."""
    c = mapping.c
    query = select(c.platform, c.number, c.valid_from, c.saved_as, c.note).where(c.platform.in_(platforms))
    rows = await connection.execute(query.order_by(c.platform, c.number.desc()))
    return [MappingEntry(**row) for row in rows.mappings()]
