"""Identity numbers and phones against a second implementation and against known cases."""

import os
import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.identity import holds_id_number, is_id_number, normalise_id_number, normalise_phone
from tests.connectors.rows import ID_NUMBER


def made(region: str, born: date, serial: int) -> str:
    """Make a well-formed number by ISO 7064 MOD 11-2, reckoned forward digit by digit."""
    body = f"{region}{born:%Y%m%d}{serial:03d}"
    return body + _check(body)


def _check(body: str) -> str:
    total = 0
    for digit in body:
        total = (total + int(digit)) * 2 % 11
    return "0123456789X"[(1 - total) % 11]


numbers = st.builds(
    made,
    st.sampled_from(["110101", "440305", "810000", "650102"]),
    st.dates(date(1900, 1, 1), date(2026, 1, 1)),
    st.integers(0, 999),
)


@given(numbers)
def test_a_made_number_is_well_formed(number: str) -> None:
    """Numbers made by ISO 7064 MOD 11-2 are accepted, a small x and blanks around included."""
    assert normalise_id_number(f" {number.lower()} ") == number


@given(numbers, st.integers(0, 17), st.integers(1, 9))
def test_one_changed_digit_is_found(number: str, place: int, step: int) -> None:
    """Any one changed digit makes a number malformed."""
    if number[place] == "X":
        changed = number[:place] + str(step)
    else:
        changed = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
    assert normalise_id_number(changed) is None


@pytest.mark.parametrize(
    "text", ["", "110105491231002", "990105194912310025", "11010519490231002X", "x" * 18, "１" * 18]
)
def test_malformed_numbers_are_refused(text: str) -> None:
    """Fifteen digits, unknown regions, impossible dates and noise are not identity numbers."""
    assert normalise_id_number(text) is None


def test_an_identity_number_is_seen_inside_other_values() -> None:
    """A number within text, in full width or typed as an integer is recognised; longer digits are not."""
    assert holds_id_number(f"证件{ID_NUMBER}。")
    assert holds_id_number(110105194912310021)
    assert holds_id_number("１１０１０５１９４９１２３１００２１")
    assert not holds_id_number("6222021001100011223344")
    assert not holds_id_number(float("nan"))


@pytest.mark.parametrize(
    "text",
    [
        "19900000001",
        "+86 199-0000-0001",
        "008619900000001",
        "8619900000001",
        "19900000001.0",
        "１９９００００００01",
        "(199)00000001",
    ],
)
def test_a_phone_has_one_form(text: str) -> None:
    """A mobile number comes out as its 11 digits however it was written."""
    assert normalise_phone(text) == ("19900000001", None)


@pytest.mark.parametrize(
    "text", ["19900000001转12", "19900000001-12", "19900000001,12", "+8619900000001 ext. 12"]
)
def test_an_extension_is_set_apart(text: str) -> None:
    """An extension is told from the number."""
    assert normalise_phone(text) == ("19900000001", "12")


@pytest.mark.parametrize("text", ["", "123", "12900000001", "199000000011", "abc", "+86123", "01088880000"])
def test_what_is_no_mobile_number_is_refused(text: str) -> None:
    """Short, long, landline and meaningless texts are no mobile numbers."""
    assert normalise_phone(text) is None


@given(st.text())
def test_any_text_is_a_phone_or_not(text: str) -> None:
    """Normalising is repeatable and never fails."""
    found = normalise_phone(text)
    assert found is None or normalise_phone(found[0]) == (found[0], None)


#: Two digits of the regions in use, written down by hand from GB/T 2260 and the permits' own rules.
REGIONS = [
    *("11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37"),
    *("41", "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71"),
    *("81", "82", "83", "91", "92", "93", "94", "95"),
]
COUNT = 1_000_000 if os.environ.get("RIDER_HUB_TEST_LONG") == "1" else 20_000


def second_opinion(text: str) -> bool:
    """Judge a number past the hub's code: MOD 11-2 forward, the calendar by its rule, regions by a list."""
    if len(text) != 18 or text[:2] not in REGIONS or not text[:17].isdecimal():
        return False
    year, month, day = int(text[6:10]), int(text[10:12]), int(text[12:14])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    real = year >= 1900 and 1 <= month <= 12 and 1 <= day <= days[month - 1]
    return real and text[17] == _check(text[:17])


def test_random_numbers_are_judged_as_by_a_second_implementation() -> None:
    """Right ones, near misses in one place, and numbers of 15 digits, drawn by a seed that is told."""
    seed = random.SystemRandom().randrange(2**32)
    r = random.Random(seed)
    accepted = 0
    for _ in range(COUNT):
        province = r.choice(REGIONS) if r.random() < 0.9 else f"{r.randrange(100):02d}"
        region = f"{province}{r.randrange(10**4):04d}"
        date_ = f"{r.randrange(1890, 2030):04d}{r.randrange(14):02d}{r.randrange(33):02d}"
        number = region + date_ + f"{r.randrange(1000):03d}"
        number += _check(number)
        kind = r.random()
        if kind < 0.3:
            at = r.randrange(18)
            number = number[:at] + r.choice("0123456789X") + number[at + 1 :]
        elif kind < 0.35:
            number = number[:6] + number[8:17]  # as it was written before 1999
        judged = is_id_number(number)
        assert judged == second_opinion(number), (seed, number)
        accepted += judged
    assert COUNT / 4 < accepted < COUNT


def test_numbers_of_fifteen_digits_are_refused() -> None:
    """They ended in 2013; a sender hashes or sends the 18 characters of the present card."""
    number = made("110101", date(1990, 1, 31), 7)
    assert is_id_number(number)
    assert normalise_id_number(number[:6] + number[8:17]) is None
