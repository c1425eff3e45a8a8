"""What of a registration's envelope can be searched, and in which form; pure."""

import unicodedata
from collections.abc import Mapping
from typing import Any

__all__ = ["TAIL", "name_of", "phone4_of", "phone_of", "plain_name"]

#: How many digits at the end of a phone number are searched for.
TAIL = 4


def phone_of(content: Mapping[str, Any]) -> str | None:
    """Return the phone number in its one form."""
    return content.get("phone") or None


def phone4_of(content: Mapping[str, Any]) -> str | None:
    """Return the phone number's last four digits."""
    phone = phone_of(content)
    return phone[-TAIL:] if phone else None


def name_of(content: Mapping[str, Any]) -> str | None:
    """Return the full name in the form it is searched in."""
    name = content.get("name")
    return plain_name(name) if name else None


def plain_name(name: str) -> str:
    """Return a name without blanks and in one width, which make no difference."""
    return "".join(unicodedata.normalize("NFKC", name).split())
