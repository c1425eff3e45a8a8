"""Changing keys under load, in steps of which each may be repeated: announce, wait, use, seal anew, drop.

A key is announced in the key file before it is used, and every process looks at the file at least every two
seconds of use; so no process writes with a key by which another could not look a row up.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from rider_hub.access.actor import Actor
from rider_hub.access.hub import Hub
from rider_hub.access.key_checks import check_keys, forget_keys
from rider_hub.access.keyfile import ROTATED, Keyset, locked, write_keys
from rider_hub.access.keys import LOOK_EVERY
from rider_hub.access.resealing import Resealed, count_rows, reseal, stale
from rider_hub.access.suites import Suite
from rider_hub.errors import Conflict

__all__ = ["SETTLED", "WAIT", "Rotated", "announce", "drop_old", "rotate"]

#: Seconds between announcing keys and using them.
WAIT = 5 * LOOK_EVERY
#: How long the new keys must have been in use before old ones may go: a transaction that sealed with an old
#: key and has not committed yet is in no count.
SETTLED = timedelta(minutes=10)


@dataclass(frozen=True)
class Rotated:
    """What a rotation did: keys it announced and put to use, and rows it sealed anew."""

    used: tuple[str, ...] = ()
    resealed: Resealed = field(default_factory=lambda: Resealed(0, {}))


async def announce(hub: Hub, actor: Actor, path: Path, suite: Suite | None = None) -> tuple[str, ...]:
    """Add new keys to the key file without using them; returns the ids of all announced keys.

    Raises Refused where the policy says no. Without a suite, new keys are of the one in use.
    """
    with locked(path):
        hub.keys.reload()
        before = hub.keys.keyset
        chosen = suite or before.active("personal").suite
        after = before.announcing(ROTATED, chosen, hub.clock.now())
        if after != before:
            await _replace(hub, actor, path, after, "announced")
        return tuple(key.id for key in after.coming)


async def rotate(
    hub: Hub,
    actor: Actor,
    path: Path,
    *,
    suite: Suite | None = None,
    anew: bool = False,
    wait: float | None = None,
) -> Rotated:
    """Rotate all keys that can be, or go on with a rotation that was broken off.

    New keys are announced only where none is announced already and no row is left of the last rotation;
    `anew` announces them all the same, as after a leak. Reads and writes go on meanwhile.
    """
    hub.keys.reload()
    keys = hub.keys.keyset
    left = stale(await count_rows(hub.database, keys), keys)
    if anew or (not keys.coming and not left):
        await announce(hub, actor, path, suite)
    used: tuple[str, ...] = ()
    if hub.keys.keyset.coming:
        await asyncio.sleep(WAIT if wait is None else wait)
        used = await _activate(hub, actor, path)
    return Rotated(used, await reseal(hub, actor))


async def drop_old(
    hub: Hub, actor: Actor, path: Path, *, settled: timedelta = SETTLED
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Remove old keys that no row is under; returns the ids dropped, and those the trail still needs.

    Raises Conflict where rows are left, keys are announced and not used yet, or the keys in use are younger
    than `settled`.
    """
    with locked(path):
        hub.keys.reload()
        keys = hub.keys.keyset
        _check_settled(keys, hub.clock.now(), settled)
        counts = await count_rows(hub.database, keys)
        if left := stale(counts, keys):
            named = "; ".join(f"{each.table}.{each.column} {each.key_id}: {each.rows}" for each in left)
            raise Conflict(
                f"还有记录使用旧密钥，不能删除：{named}。请再运行 rider-hub keys rotate。",
                f"Rows are left under old keys: {named}. Run `rider-hub keys rotate` again.",
                code="rows_under_old_keys",
            )
        needed = {each.key_id for each in counts}
        old = [key.id for key in keys.keys if key.state == "old"]
        gone = tuple(key_id for key_id in old if key_id not in needed)
        if gone:
            await _replace(hub, actor, path, keys.without(gone), "dropped", forgotten=gone)
        return gone, tuple(key_id for key_id in old if key_id in needed)


async def _activate(hub: Hub, actor: Actor, path: Path) -> tuple[str, ...]:
    with locked(path):
        hub.keys.reload()
        coming = hub.keys.keyset.coming
        if coming:
            await _replace(hub, actor, path, hub.keys.keyset.activating(hub.clock.now()), "put to use")
        return tuple(key.id for key in coming)


def _check_settled(keys: Keyset, now: datetime, settled: timedelta) -> None:
    if keys.coming:
        raise Conflict(
            "有新密钥尚未启用，请先运行 rider-hub keys rotate。",
            "Keys are announced and not in use yet: run `rider-hub keys rotate` first.",
            code="keys_coming",
        )
    since = [datetime.fromisoformat(at) for p in ROTATED if (at := keys.active(p).active_at)]
    if since and now - max(since) < settled:
        minutes = int(settled.total_seconds() // 60)
        raise Conflict(
            f"新密钥启用不足 {minutes} 分钟，可能还有未提交的写入使用旧密钥，请稍后再试。",
            f"The new keys are in use for less than {minutes} minutes; something sealed with the old ones "
            "may not have committed yet. Try again later.",
            code="keys_not_settled",
        )


async def _replace(
    hub: Hub, actor: Actor, path: Path, after: Keyset, what: str, *, forgotten: tuple[str, ...] = ()
) -> None:
    """Record a change of the key file, then make it: nothing happens to keys that the trail does not tell."""
    before = {key.id: key.state for key in hub.keys.keyset.keys}
    now = {key.id: key.state for key in after.keys}
    touched = before.items() ^ now.items()
    async with hub.change(actor, "keys.rotate", target=f"keys {what}") as work:
        work.count(keys=len({key_id for key_id, _ in touched}))
        await forget_keys(work.connection, forgotten)
    write_keys(path, after, replacing=True)
    hub.keys.reload()
    await check_keys(hub.database, hub.keys.keyset)
