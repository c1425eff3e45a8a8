"""How private rows are sealed: one length for all, so that an envelope's size tells nothing."""

from typing import Any

import msgspec

from rider_hub.access import Keyring

__all__ = ["SIZE", "fits", "open_row", "seal_row", "subject_of", "subjects_of"]

#: Every private envelope holds exactly this many bytes of content.
SIZE = 2048


def subject_of(keys: Keyring, rider_id: str) -> bytes:
    """Return the pseudonym under which private rows point to a rider; without the key it leads nowhere."""
    return keys.blind("subject", "rider", rider_id)


def subjects_of(keys: Keyring, rider_id: str) -> list[bytes]:
    """Return every pseudonym a rider's private rows may stand under: more than one while keys rotate."""
    return keys.blinds("subject", "rider", rider_id)


def fits(value: msgspec.Struct) -> bool:
    """Say whether a value fits the one length."""
    return len(msgspec.json.encode(value)) <= SIZE


def seal_row(keys: Keyring, table: str, row_id: str, value: msgspec.Struct) -> bytes:
    """Seal a value for one private row; one that would need a longer envelope is a ValueError."""
    if not fits(value):
        raise ValueError(f"{table}: a longer envelope than the others would tell them apart")
    return keys.seal("membership", (table, "sealed", row_id), value, pad=SIZE)


def open_row(keys: Keyring, table: str, row_id: str, sealed: bytes) -> dict[str, Any]:
    """Open the envelope of one private row."""
    content: dict[str, Any] = keys.unseal("membership", (table, "sealed", row_id), sealed)
    return content
