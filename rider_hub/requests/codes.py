"""The 查询码 of a request: ten characters nobody confuses, of which the hub keeps an index only; pure."""

import re
import secrets
import unicodedata
from typing import Final

from rider_hub.access import Keyring

__all__ = ["code_of", "index_of", "new_seed", "shown"]

#: Capitals and digits without 0 O 1 I L U V: read out over a phone or written down they stay what they are.
_SIGNS: Final = "23456789ABCDEFGHJKMNPQRSTWXYZ"
_LENGTH: Final = 10
_SEED = re.compile(r"[0-9a-f]{32}")


def new_seed() -> str:
    """Return what one filing form carries, so that sending it twice files once."""
    return secrets.token_hex(16)


def code_of(keys: Keyring, seed: str) -> str:
    """Return the code of one form: the same for the same seed, not to be guessed without our key.

    The seed is drawn by the hub and kept nowhere, so no member of staff can find a reporter's code. A seed
    that is none of ours gives a code of its own, which is as good as any.
    """
    if not _SEED.fullmatch(seed):
        seed = new_seed()
    number = int.from_bytes(keys.derive("lasting", f"query_code_seed\x00{seed}".encode()), "big")
    signs = []
    for _ in range(_LENGTH):
        number, rest = divmod(number, len(_SIGNS))
        signs.append(_SIGNS[rest])
    return "".join(signs)


def index_of(keys: Keyring, code: str) -> bytes:
    """Return the index of a code as typed: full-width or small letters, blanks and dashes are fine."""
    plain = unicodedata.normalize("NFKC", code).upper()
    kept = "".join(sign for sign in plain if sign.isalnum())
    return keys.blind("lasting", "query_code", kept[:64])


def shown(code: str) -> str:
    """Return a code in two groups of five, as it is read out and written down."""
    return f"{code[:5]}-{code[5:]}"
