"""Identity numbers, phones and codes: what is well formed and how they are normalised; nothing is kept."""

import re
import unicodedata
from datetime import date
from operator import mul
from typing import Any, Final

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_OFFSET: Final = ord("0") * sum(_WEIGHTS)
_CHECK: Final = "10X98765432"
_SHAPE: Final = re.compile(r"[0-9]{17}[0-9X]")
_INSIDE: Final = re.compile(r"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9])")
ID_LENGTH: Final = 18
"""Characters of an identity number."""

_FIRST_YEAR: Final = 1900
# Provinces by area; 81-83 are residence permits of Hong Kong, Macao and Taiwan, 9x permanent residence cards.
_REGIONS: Final = frozenset(
    str(code)
    for first, last in (
        (11, 15),
        (21, 23),
        (31, 37),
        (41, 46),
        (50, 54),
        (61, 65),
        (71, 71),
        (81, 83),
        (91, 95),
    )
    for code in range(first, last + 1)
)
_CODE_LENGTH: Final = 12
_HASH_LENGTH: Final = 64
_KEY_ID_LENGTH: Final = 8
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
_ABROAD: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_EXTENSION: Final = re.compile(
    r"(?P<number>.*?)(?:转|轉|ext\.?|x|,|;|#|-(?=[0-9]{1,6}$))\s*(?P<ext>[0-9]{1,8})"
)
_FILLING: Final = re.compile(r"[\s()\-_.·]")


def normalise_id_number(text: str) -> str | None:
    """Return the 18 upper-case characters of a well-formed identity number, or None.

    Region, birth date and check character are tested; old numbers of 15 digits are not well formed.
    """
    number = unicodedata.normalize("NFKC", text).strip().upper()
    return number if is_id_number(number) else None


def is_id_number(number: str) -> bool:
    """Tell whether a text is, as it stands, a well-formed identity number in upper case."""
    if len(number) != ID_LENGTH or not _SHAPE.fullmatch(number) or number[:2] not in _REGIONS:
        return False
    # As bytes, each digit is its value and a constant; the check character falls off the shorter weights.
    total = sum(map(mul, _WEIGHTS, number.encode())) - _OFFSET
    return _CHECK[total % 11] == number[-1] and _is_birth_date(number[6:14])


def _is_birth_date(digits: str) -> bool:
    try:
        return date.fromisoformat(digits).year >= _FIRST_YEAR
    except ValueError:
        return False


def holds_id_number(value: Any) -> bool:
    """Tell whether a value is, or holds, something of the shape of an identity number."""
    if isinstance(value, str):
        if len(value) < ID_LENGTH and value.isascii():
            return False
        return bool(_INSIDE.search(unicodedata.normalize("NFKC", value)))
    if isinstance(value, float):
        return False
    return isinstance(value, int) and len(f"{value:d}") == ID_LENGTH if _is_small(value) else False


def _is_small(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int) and abs(value) < 10**ID_LENGTH


def is_community_code(text: str) -> bool:
    """Tell whether a text has the form of a community's division code."""
    return len(text) == _CODE_LENGTH and text.isascii() and text.isdecimal()


def is_id_hash(text: str) -> bool:
    """Tell whether a text is the keyed hash of an identity number, with or without its key's id before it."""
    key_id, colon, digits = text.rpartition(":")
    if len(digits) != _HASH_LENGTH or len(key_id) != (_KEY_ID_LENGTH if colon else 0) or not text.isascii():
        return False
    # Dropping the digits and finding nothing left takes a third of what a pattern takes.
    return not (key_id + digits).encode().translate(None, b"0123456789abcdef")


def is_mobile(text: str) -> bool:
    """Tell whether a text is, as it stands, a normalised mobile number."""
    return _MOBILE.fullmatch(text) is not None


def normalise_phone(text: str) -> tuple[str, str | None] | None:
    """Return a phone number in its one form and its extension, or None where it is not readable.

    A mobile number comes back as 11 digits, without +86, 0086, blanks or a spreadsheet's trailing `.0`;
    a number from elsewhere as `+` and its digits.
    """
    number = unicodedata.normalize("NFKC", text).strip().casefold().removesuffix(".0")
    whole = _one_form(number)
    if whole:
        return whole, None
    match = _EXTENSION.fullmatch(number)
    part = _one_form(match["number"]) if match else None
    return (part, match["ext"]) if match and part else None


def _one_form(number: str) -> str | None:
    digits = _FILLING.sub("", number)
    for prefix in ("+86", "0086", "86"):
        rest = digits.removeprefix(prefix)
        if rest != digits and is_mobile(rest):
            return rest
    if is_mobile(digits) or (_ABROAD.fullmatch(digits) and not digits.startswith("+86")):
        return digits
    return None
