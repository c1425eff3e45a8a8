"""How a person is shown by default: masked; nothing here opens an envelope."""

import re
import unicodedata

__all__ = ["mask_name", "mask_phone", "mask_text"]

_SHOWN_HEAD, _SHOWN_TAIL, _LONG = 3, 4, 10
#: In one's own words a number may stand with gaps, in full-width digits, behind +86.
_GAP = r"[\s\-—–.·,，、]{0,2}"
_PHONE = re.compile(rf"(?<!\d)[1１]{_GAP}[3-9３-９](?:{_GAP}\d){{9}}(?!\d)")
_ID_NUMBER = re.compile(rf"(?<!\d)\d(?:{_GAP}\d){{16}}{_GAP}[\dXxＸｘ](?!\d)|(?<!\d)\d{{15}}(?!\d)")
_ID_HEAD, _ID_STARS, _ID_TAIL = 3, 11, 4


def mask_name(name: str | None) -> str | None:
    """Return the first character and one star, so that the length tells nothing; None stays None."""
    return f"{name[0]}*" if name else None


def mask_phone(phone: str | None) -> str | None:
    """Return 138****5678; of a short number only the last two digits are shown, None stays None."""
    if not phone:
        return None
    if len(phone) < _LONG:
        return f"****{phone[-2:]}"
    return f"{phone[:_SHOWN_HEAD]}****{phone[-_SHOWN_TAIL:]}"


def mask_text(text: str) -> str:
    """Return what somebody wrote with mobile phone and identity numbers masked.

    A name in free words can't be told from other words and stays: forms ask people not to write any.
    """
    return _PHONE.sub(_masked_phone, _ID_NUMBER.sub(_masked_id, text))


def _masked_phone(found: re.Match[str]) -> str:
    return mask_phone(_digits(found[0])) or ""


def _masked_id(found: re.Match[str]) -> str:
    number = _digits(found[0])
    return f"{number[:_ID_HEAD]}{'*' * _ID_STARS}{number[-_ID_TAIL:]}"


def _digits(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c.isdecimal() or c == "X")
