"""People are shown masked, and found by keyed indexes alone."""

import pytest

from rider_hub.access import Keyring
from rider_hub.riders.display import mask_name, mask_phone, mask_text
from rider_hub.riders.indexes import (
    county_feed_key,
    identity_hash,
    identity_index,
    identity_indexes,
    name_index,
    person_columns,
    phone4_index,
    phone_index,
    search_indexes,
)


@pytest.mark.parametrize(
    ("phone", "shown"),
    [("13800005678", "138****5678"), ("+85212345678", "+85****5678"), ("12345", "****45"), (None, None)],
)
def test_a_phone_shows_its_ends_only(phone: str | None, shown: str | None) -> None:
    """Three digits before, four behind; of a short number two."""
    assert mask_phone(phone) == shown


def test_a_name_shows_its_first_character_whatever_its_length() -> None:
    """One star stands for any length; no name stays none."""
    assert (mask_name("骑手甲0001号"), mask_name("骑"), mask_name(None)) == ("骑*", "骑*", None)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("打我电话13800005678，谢谢", "打我电话138****5678，谢谢"),
        ("+86 138-0000-5678", "+86 138****5678"),
        ("１３８ ００００ ５６７８", "138****5678"),
        ("1 3 8 0 0 0 0 5 6 7 8", "138****5678"),
        ("身份证11010119000101001x。", "身份证110***********001X。"),
        ("110101 19000101 0018 和 13800005678", "110***********0018 和 138****5678"),
        ("15位110101000101001", "15位110***********1001"),
        ("单号 2026110213800005678901，12345", "单号 2026110213800005678901，12345"),
    ],
)
def test_numbers_in_free_words_are_masked(written: str, shown: str) -> None:
    """Mobile and identity numbers however they are typed; longer numbers and hotlines stay."""
    assert mask_text(written) == shown


def test_what_was_typed_decides_which_index_is_searched() -> None:
    """Four digits, a whole phone in any writing, else a name."""
    keys = Keyring.new()
    assert search_indexes(keys, "5678")[0] == "phone4_index"
    assert search_indexes(keys, "+86 199-0000-0001") == search_indexes(keys, "19900000001")
    assert search_indexes(keys, "骑手 甲") == ("name_index", [name_index(keys, "骑手甲")])


def test_columns_made_for_a_batch_are_those_of_each_row() -> None:
    """Whatever rows lack of name and phone: each gets its own envelope and indexes, or none."""
    keys = Keyring.new("sm")
    given = [
        ("1", {"name": "骑手甲", "phone": "19900000001"}),
        ("2", {}),
        ("3", {"phone": "19900000003", "phone_ext": "7"}),
        ("4", {"name": "骑 手 丁"}),
        ("5", {"name": "骑手甲", "phone": "19911110001"}),
    ]
    for (row_id, values), made in zip(given, person_columns(keys, given), strict=True):
        phone, name, sealed = values.get("phone"), values.get("name"), made.pop("sealed")
        assert made == {
            "phone_index": phone_index(keys, phone) if phone else None,
            "phone4_index": phone4_index(keys, phone) if phone else None,
            "name_index": name_index(keys, name) if name else None,
        }
        assert (sealed is None) == (not values)
        if sealed:
            assert keys.unseal("personal", ("registration", "sealed", row_id), sealed) == values
    hashes = ["a" * 64, None, "b" * 64]
    assert identity_indexes(keys, hashes) == [each and identity_index(keys, each) for each in hashes]


@pytest.mark.parametrize("suite", ["intl", "sm"])
def test_an_identity_index_depends_on_county_and_hub(suite: str) -> None:
    """A lower-case x is an upper-case one; another county or another hub gives another value."""
    keys, other = Keyring.new(suite), Keyring.new(suite)
    number = "11010119000101001X"
    inner = identity_hash(keys, "110101", number)
    assert inner == identity_hash(keys, "110101", number.lower())
    assert len(inner) == 64
    assert inner != identity_hash(keys, "110105", number)
    assert county_feed_key(keys, "110101") != county_feed_key(other, "110101")
    assert identity_index(keys, inner) != identity_index(other, inner)
    assert identity_index(keys, inner).hex() != inner
