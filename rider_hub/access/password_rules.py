"""What a password must be: long, of several kinds of characters, and not what everybody tries first.

MLPS level 3 (身份鉴别) asks for complexity and regular change; it names no figures, these are the hub's.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from rider_hub.errors import Failure, Invalid

__all__ = ["MIN_LENGTH", "check_strength", "password_fault", "what_is_left"]

MIN_LENGTH = 10
#: A phrase of this length needs no mixture: words are easier to keep than signs.
PHRASE_LENGTH = 20
_CLASSES = 3
#: Without common words, sequences and the own name, this much must be left to guess.
_LEFT = 6
_RUN = 3
_COMMON = Path(__file__).with_name("common_passwords.txt")
_LINES = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "`1234567890-=",
    "~!@#$%^&*()_+",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "!qaz@wsx#edc$rfv%tgb^yhn&ujm",
)
_ROWS = tuple(row for line in _LINES for row in (line, line[::-1]))
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_REPEATED = re.compile(r"(.)\1{2,}")
_WHOLE = re.compile(r"(.+?)\1+")


def check_strength(password: str, username: str, *, path: str = "password") -> None:
    """Raise Invalid, with `path` as the field, where a password can't be taken for this user name."""
    fault = password_fault(password, username)
    if fault is not None:
        code, zh, en = fault
        raise Invalid(zh, en, errors=[Failure(row=0, path=path, code=code, zh=zh, en=en)])


def password_fault(password: str, username: str) -> tuple[str, str, str] | None:
    """Return what is wrong with a password as (code, Chinese, English), None where nothing is."""
    if len(password) < MIN_LENGTH:
        return (
            "password_short",
            f"密码至少 {MIN_LENGTH} 位。",
            f"A password has at least {MIN_LENGTH} characters.",
        )
    if username and username.casefold() in password.casefold():
        return "password_has_name", "密码不能包含用户名。", "A password does not hold the user name."
    if len(password) < PHRASE_LENGTH and _classes(password) < _CLASSES:
        return (
            "password_plain",
            f"密码要含大写字母、小写字母、数字、符号中的三类；{PHRASE_LENGTH} 位以上的句子不限。",
            f"A password mixes three of capitals, small letters, digits, signs, or has {PHRASE_LENGTH}.",
        )
    if len(what_is_left(password, [username])) < _LEFT:
        return (
            "password_common",
            "密码太容易猜到，请不要用常见词、键盘顺序、年份或重复的字符。",
            "The password is easy to guess: no common words, keyboard sequences, years or repetitions.",
        )
    return None


def what_is_left(password: str, names: Iterable[str] = ()) -> str:
    """Return a password without common words, names, sequences, years and repetitions."""
    text = password.casefold()
    whole = _WHOLE.fullmatch(text)
    text = whole[1] if whole else text
    for word in sorted(
        {*_common_words(), *(name.casefold() for name in names if name)}, key=len, reverse=True
    ):
        text = text.replace(word, "")
    return _REPEATED.sub("", _YEAR.sub("", _without_runs(text)))


def _classes(password: str) -> int:
    found = {
        "upper" if sign.isupper() else "lower" if sign.isalpha() else "digit" if sign.isdigit() else "sign"
        for sign in password
    }
    return len(found)


def _without_runs(text: str) -> str:
    """Leave out runs of neighbours on the keyboard, in the alphabet or among the digits."""
    kept, start = [], 0
    while start < len(text):
        end = start + 1
        while end < len(text) and any(text[start : end + 1] in row for row in _ROWS):
            end += 1
        if end - start < _RUN:
            end = start + 1
            kept.append(text[start])
        start = end
    return "".join(kept)


@cache
def _common_words() -> frozenset[str]:
    lines = _COMMON.read_text("utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
