"""A sender's signing keys: made, told apart, noted as used, removed, so that a change of keys has no gap."""

import base64
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Change, Hub, Keyring, Look
from rider_hub.clock import local_date
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.faults import whole
from rider_hub.intake.tables import sender, sender_key
from rider_hub.parameters import parameter
from rider_hub.storage import insert_ignoring, upsert_rows

__all__ = [
    "LIVE_KEYS",
    "TEST_KEYS",
    "LiveKey",
    "add_key",
    "changed_lately",
    "fresh_key",
    "kid_of",
    "live_keys",
    "make_key",
    "note_use",
    "remove_key",
    "shown_key",
    "signing_key_bytes",
]

LIVE_KEYS: Final = 2
"""How many signing keys a sender may have at a time: two, so that they can change without a gap."""

TEST_KEYS: Final = 1
"""How many test keys: nothing is lost in a gap between two of them."""

_CHANGES_SHOWN: Final = timedelta(days=30)
_KEY_BYTES: Final = 32
_LIVE_PREFIX, _TEST_PREFIX = "whsec_", "whtest_"
_KID_BYTES: Final = 4
#: A keyed value begins with the id of the key of the hub it was made under.
_HUB_KEY_ID: Final = 4


@dataclass(frozen=True)
class LiveKey:
    """What is told of a key that is in use; never the key."""

    kid: str
    test: bool
    #: None where the key is older than what is kept of keys.
    made_at: datetime | None
    made_by: str | None
    last_used_on: date | None
    ends_at: datetime | None
    #: Whether it is so old that it should be changed.
    old: bool


def fresh_key() -> bytes:
    """Return a new key."""
    return secrets.token_bytes(_KEY_BYTES)


def shown_key(key: bytes, *, test: bool = False) -> str:
    """Return a key as its holder gets it: whsec_ (or whtest_) and base64."""
    return (_TEST_PREFIX if test else _LIVE_PREFIX) + base64.b64encode(key).decode()


def signing_key_bytes(shown: str) -> bytes:
    """Return the key behind its shown form."""
    return base64.b64decode(shown.removeprefix(_LIVE_PREFIX).removeprefix(_TEST_PREFIX), validate=True)


def kid_of(keys: Keyring, key: bytes) -> str:
    """Return what a key is called: of a digest under a key of the hub, which tells nothing of the key."""
    digest = keys.blind("lasting", "signing key", key.hex())
    return digest[_HUB_KEY_ID : _HUB_KEY_ID + _KID_BYTES].hex()


async def live_keys(look: Look, keys: Keyring, platform: str) -> list[LiveKey]:
    """Return a sender's keys in use, signing keys first, the newest of each first.

    The caller has made sure that the sender is in scope.
    """
    found = await store.sender_secrets(look.connection, keys, platform)
    told = await _told(look.connection, platform)
    signing = [_live(kid_of(keys, key), told, look.now) for key in found.signing]
    tests = [
        replace(_live(kid_of(keys, one.key), told, look.now), test=True, ends_at=one.until, old=False)
        for one in found.test
        if one.until > look.now
    ]
    return [*signing, *tests]


async def make_key(hub: Hub, actor: Actor, platform: str, *, test: bool = False) -> tuple[str, str]:
    """Make a key and return it as its holder gets it, this once, with its kid; the older one stays live.

    Raises Absent out of scope, Conflict where two are live: one is removed first, and by a person, since
    nothing here knows which one the sender's programs still use.
    """
    key = fresh_key()
    kid = kid_of(hub.keys, key)
    async with hub.change(actor, "senders.keys", target=_target(platform, kid)) as work:
        found = await _locked(work, hub.keys, platform)
        full = len(found.live_tests(work.now)) >= TEST_KEYS if test else len(found.signing) >= LIVE_KEYS
        if full:
            raise whole("keys_full")
        await add_key(work, hub.keys, platform, key, test=test)
        work.count(keys=1)
    return shown_key(key, test=test), kid


async def remove_key(hub: Hub, actor: Actor, platform: str, kid: str, *, sure: bool = False) -> None:
    """Remove a key: what is signed with it is refused from now on.

    Raises Absent for a sender out of scope or a key it does not have. Without `sure` raises Conflict where
    pushes would stop: for the last signing key (`key_last`), and while the other one was never used
    (`key_unproved`).
    """
    async with hub.change(actor, "senders.keys", target=_target(platform, kid)) as work:
        found = await _locked(work, hub.keys, platform)
        signing = [key for key in found.signing if kid_of(hub.keys, key) != kid]
        tests = [one for one in found.test if kid_of(hub.keys, one.key) != kid]
        if (len(signing), len(tests)) == (len(found.signing), len(found.test)):
            raise Absent
        if len(signing) < len(found.signing) and not sure:
            await _check_gap(work, hub.keys, platform, signing)
        await _write(work, hub.keys, platform, replace(found, signing=tuple(signing), test=tuple(tests)))
        await _note_removed(work, platform, [kid])
        work.count(keys=1)


async def add_key(work: Change, keys: Keyring, platform: str, key: bytes, *, test: bool = False) -> None:
    """Put a new key before a sender's others; the newest stay live, as many as there may be."""
    found = await _locked(work, keys, platform, in_scope=False)
    before = {kid_of(keys, one) for one in (*found.signing, *(one.key for one in found.test))}
    ends_at = work.now + timedelta(days=parameter("intake.test_key_days").value) if test else None
    if ends_at is not None:
        found = replace(found, test=(store.KeyForTests(key, ends_at), *found.test)[:TEST_KEYS])
    else:
        found = replace(found, signing=(key, *found.signing)[:LIVE_KEYS])
    await _write(work, keys, platform, found)
    left = {kid_of(keys, one) for one in (*found.signing, *(one.key for one in found.test))}
    await _note_removed(work, platform, sorted(before - left))
    made = _row(platform, kid_of(keys, key), test=test)
    made |= {"made_at": work.now, "made_by": work.actor.id, "ends_at": ends_at}
    await upsert_rows(work.connection, sender_key, [made], key=["platform", "kid"])


async def note_use(hub: Hub, platform: str, key: bytes) -> None:
    """Write down the day a signing key was used; nothing is written again on the same day."""
    kid, today = kid_of(hub.keys, key), local_date(hub.clock.now())
    mine = (sender_key.c.platform == platform) & (sender_key.c.kid == kid)
    async with hub.database.read() as connection:
        if (await connection.execute(select(sender_key.c.last_used_on).where(mine))).scalar() == today:
            return
    async with hub.database.write() as connection:
        await insert_ignoring(connection, sender_key, _row(platform, kid), key=["platform", "kid"])
        await connection.execute(update(sender_key).where(mine).values(last_used_on=today))


async def changed_lately(connection: AsyncConnection, platform: str, now: datetime) -> list[dict[str, Any]]:
    """Return which keys of a sender were made or removed within 30 days, and by whom, the newest first.

    Everybody concerned is shown it.
    """
    c, since = sender_key.c, now - _CHANGES_SHOWN
    query = select(sender_key).where(c.platform == platform, or_(c.made_at > since, c.removed_at > since))
    found = []
    for row in (await connection.execute(query)).mappings():
        for what in ("made", "removed"):
            at = row[f"{what}_at"]
            if at is not None and at > since:
                found.append({**row, "what": what, "at": at, "by": row[f"{what}_by"]})
    return sorted(found, key=lambda one: (one["at"], one["kid"]), reverse=True)


async def _locked(
    work: Change, keys: Keyring, platform: str, *, in_scope: bool = True
) -> store.SenderSecrets:
    """Return a sender's secrets, which nobody else changes until the transaction ends."""
    await store.lock_sender(work.connection, platform)
    if in_scope and await store.find_sender(work.connection, platform, work.scope) is None:
        raise Absent
    return await store.sender_secrets(work.connection, keys, platform)


async def _write(work: Change, keys: Keyring, platform: str, found: store.SenderSecrets) -> None:
    mine = update(sender).where(sender.c.platform == platform)
    await work.connection.execute(mine.values(sealed_keys=found.sealed(keys, platform)))


async def _check_gap(work: Change, keys: Keyring, platform: str, left: Sequence[bytes]) -> None:
    """Raise Conflict where nothing shows that the sender signs with one of the keys that would be left."""
    if not left:
        raise whole("key_last")
    told = await _told(work.connection, platform)
    if not any((row := told.get(kid_of(keys, key))) and row["last_used_on"] for key in left):
        raise whole("key_unproved")


async def _note_removed(work: Change, platform: str, kids: Iterable[str]) -> None:
    for kid in kids:
        row = _row(platform, kid)
        await insert_ignoring(work.connection, sender_key, row, key=["platform", "kid"])
        mine = (sender_key.c.platform == platform) & (sender_key.c.kid == kid)
        gone = update(sender_key).where(mine).values(removed_at=work.now, removed_by=work.actor.id)
        await work.connection.execute(gone)


async def _told(connection: AsyncConnection, platform: str) -> dict[str, RowMapping]:
    query = select(sender_key).where(sender_key.c.platform == platform)
    return {row["kid"]: row for row in (await connection.execute(query)).mappings()}


def _live(kid: str, told: Mapping[str, RowMapping], now: datetime) -> LiveKey:
    row = told.get(kid)
    made_at = row["made_at"] if row else None
    age = timedelta(days=parameter("intake.key_days").value)
    return LiveKey(
        kid=kid,
        test=False,
        made_at=made_at,
        made_by=row["made_by"] if row else None,
        last_used_on=row["last_used_on"] if row else None,
        ends_at=None,
        old=made_at is None or made_at < now - age,
    )


def _target(platform: str, kid: str) -> str:
    return f"sender key:{platform}/{kid}"


def _row(platform: str, kid: str, *, test: bool = False) -> dict[str, Any]:
    columns = {column.name: None for column in sender_key.columns}
    return {**columns, "platform": platform, "kid": kid, "test": test}
