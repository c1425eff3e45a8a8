"""Keyed indexes to find phones, names and identity numbers by; the values themselves stay sealed."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.identity import normalise_phone
from rider_hub.access import Keyring
from rider_hub.access.suites import keyed_hash
from rider_hub.riders.searched import TAIL, plain_name

__all__ = [
    "county_feed_key",
    "county_key_id",
    "first_phone_mark",
    "identity_hash",
    "identity_index",
    "identity_indexes",
    "name_index",
    "no_phone_yet",
    "no_phones_yet",
    "person_columns",
    "phone4_index",
    "phone_aliases",
    "phone_confirmed",
    "phone_index",
    "phone_indexes",
    "search_indexes",
]

#: The column of a registration's envelopes.
SEALED = ("registration", "sealed")


#: What is hashed to name a key; no identity number looks so.
_KEY_ID = b"key id"
_KEY_ID_DIGITS = 8


def county_feed_key(keys: Keyring, county: str) -> bytes:
    """Return the key under which a county's senders hash identity numbers; it is given to them as hex.

    It is derived from the hub's feed key and the county's code, so nothing more has to be kept.
    """
    return keys.derive("feed", county.encode())


def identity_hash(keys: Keyring, county: str, number: str) -> str:
    """Return what a sender may give as `id_hash`: HMAC(county feed key, the 18 upper-case characters)."""
    digest = keyed_hash(keys.suite_of("feed"), county_feed_key(keys, county))
    digest.update(number.upper().encode())
    return digest.finalize().hex()


def county_key_id(keys: Keyring, county: str) -> str:
    """Return the id of a county's feed key, which senders put before a hash: it tells nothing of the key."""
    digest = keyed_hash(keys.suite_of("feed"), county_feed_key(keys, county))
    digest.update(_KEY_ID)
    return digest.finalize().hex()[:_KEY_ID_DIGITS]


def identity_index(keys: Keyring, id_hash: str) -> bytes:
    """Return what is stored of an identity number: the HMAC under the hub's own key of the inner value."""
    return keys.blind("lasting", "identity", id_hash)


def identity_indexes(keys: Keyring, hashes: Sequence[str | None]) -> list[bytes | None]:
    """Return the identity index of each inner value, None where there is none."""
    made = iter(keys.blind_many("lasting", "identity", [each for each in hashes if each]))
    return [next(made) if each else None for each in hashes]


def phone_index(keys: Keyring, phone: str) -> bytes:
    """Return the index of a phone number in its one form."""
    return keys.blind("index", "phone", phone)


def no_phone_yet(keys: Keyring, rider_id: str) -> bytes:
    """Return what stands for the first phone of a rider who never signed in; it looks like any other.

    An empty column would tell a copied database who ever used the phone page, and nobody else can declare.
    """
    return keys.blind("lasting", "no_phone_yet", rider_id)


def no_phones_yet(keys: Keyring, rider_ids: Sequence[str]) -> list[bytes]:
    """Return `no_phone_yet` of each rider of a batch."""
    return keys.blind_many("lasting", "no_phone_yet", rider_ids)


def phone_confirmed(keys: Keyring, rider_id: str) -> bytes:
    """Return what stands for the first phone once staff confirmed the person: the next sign-in counts."""
    return keys.blind("lasting", "phone_confirmed", rider_id)


def first_phone_mark(keys: Keyring, phone: str) -> bytes:
    """Return the mark of a phone by which a session and the first sign-in are compared."""
    # A field of its own: it can't be joined to the registrations' phone index.
    return keys.blind("lasting", "first_phone", phone)


def phone4_index(keys: Keyring, phone: str) -> bytes:
    """Return the index of a phone number's last four digits."""
    return keys.blind("index", "phone4", phone[-TAIL:])


def name_index(keys: Keyring, name: str) -> bytes:
    """Return the index of a full name; width and blanks make no difference."""
    return keys.blind("index", "name", plain_name(name))


def person_columns(
    keys: Keyring, persons: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[dict[str, bytes | None]]:
    """Return the sealed and the indexed columns of registrations, (row id, name and phone as far as given).

    In order, and each what the single functions give; a batch takes two thirds of their time.
    """
    given = [at for at, (_, values) in enumerate(persons) if values]
    phoned = [at for at in given if persons[at][1].get("phone")]
    named = [at for at in given if persons[at][1].get("name")]
    phones = [persons[at][1]["phone"] for at in phoned]
    names = [plain_name(persons[at][1]["name"]) for at in named]
    made: dict[str, tuple[list[int], list[bytes]]] = {
        "sealed": (given, keys.seal_many("personal", SEALED, [persons[at] for at in given])),
        "phone_index": (phoned, keys.blind_many("index", "phone", phones)),
        "phone4_index": (phoned, keys.blind_few("index", "phone4", [phone[-TAIL:] for phone in phones])),
        "name_index": (named, keys.blind_many("index", "name", names)),
    }
    columns: list[dict[str, bytes | None]] = [dict.fromkeys(made) for _ in persons]
    for column, (places, values) in made.items():
        for at, value in zip(places, values, strict=True):
            columns[at][column] = value
    return columns


def phone_indexes(keys: Keyring, phone: str) -> list[bytes]:
    """Return every index rows with this phone number may stand under: several while keys rotate."""
    return keys.blinds("index", "phone", phone)


def phone_aliases(keys: Keyring, phones: Iterable[str]) -> dict[bytes, bytes]:
    """Return each other index of these phone numbers with the one in use; empty unless keys rotate."""
    aliases: dict[bytes, bytes] = {}
    for phone in phones:
        used, *others = phone_indexes(keys, phone)
        aliases.update(dict.fromkeys(others, used))
    return aliases


def search_indexes(keys: Keyring, text: str) -> tuple[str, list[bytes]]:
    """Return the column to search and the values to find in it for what a person typed.

    A full phone number, its last four digits, or else a full name: nothing shorter can be found, since only
    keyed indexes of these three are kept.
    """
    typed = unicodedata.normalize("NFKC", text).strip()
    if typed.isascii() and typed.isdigit() and len(typed) == TAIL:
        return "phone4_index", keys.blinds("index", "phone4", typed)
    phone = normalise_phone(typed)
    if phone:
        return "phone_index", phone_indexes(keys, phone[0])
    return "name_index", keys.blinds("index", "name", plain_name(typed))
