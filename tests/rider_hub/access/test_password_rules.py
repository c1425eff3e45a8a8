"""Password rules: what everybody tries first is refused, what is hard to guess is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.access.password_rules import MIN_LENGTH, password_fault, what_is_left

REFUSED = {
    "password_short": ["Aa1!aaaa", "9charsA!x"],
    "password_has_name": ["Zhangsan-x9!k2", "xxZHANGSAN9!q"],
    "password_plain": ["onlysmallletters", "13800138000", "smallanddigits7"],
    "password_common": [
        "Password123!",
        "Qwerty12345!",
        "1qaz2wsx3EDC",
        "Admin@2026abc",
        "Aa1!Aa1!Aa1!",
        "Aaaaaaaa11!",
        "Woaini1314520!",
        "P@ssw0rd2025",
        "Beijing2008!!",
        "Abcd1234!@#$",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "passwordpasswordpassword",
    ],
}


@pytest.mark.parametrize(
    ("code", "password"), [(code, each) for code, all_ in REFUSED.items() for each in all_]
)
def test_passwords_that_are_refused(code: str, password: str) -> None:
    """Each for the reason that the person is told."""
    fault = password_fault(password, "zhangsan")
    assert fault is not None
    assert fault[0] == code


@pytest.mark.parametrize(
    "password",
    [
        "Kf7-winter-qs",
        "correct horse battery staple",
        "党建引领新就业群体服务好每一位骑手兄弟姐妹",
        "xT9#mbQw2z",
    ],
)
def test_passwords_that_are_taken(password: str) -> None:
    """Mixed signs of ten, or a phrase of twenty characters in any script."""
    assert password_fault(password, "zhangsan") is None


@given(st.text(max_size=140), st.text(max_size=32))
def test_any_text_is_judged(password: str, username: str) -> None:
    """Whatever is typed gets an answer; what is taken is long enough and leaves something to guess."""
    fault = password_fault(password, username)
    if fault is None:
        assert len(password) >= MIN_LENGTH
        assert len(what_is_left(password, [username])) >= 6


@given(
    st.integers(0, 20),
    st.sampled_from(["abcdefghij", "0987654321", "qwertyuiop", "lkjhgfdsa"]),
    st.integers(3, 9),
)
def test_what_stands_in_a_row_counts_for_nothing(start: int, row: str, length: int) -> None:
    """A run along the keyboard, the alphabet or the digits adds nothing, forwards or backwards."""
    run = row[start % 4 : start % 4 + length]
    assert what_is_left(f"Xm {run} vB") == "xm  vb"
