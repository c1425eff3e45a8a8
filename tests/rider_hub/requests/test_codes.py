"""A 查询码 survives being typed by hand and tells nothing by itself."""

from hypothesis import given
from hypothesis import strategies as st

from rider_hub.access import Keyring
from rider_hub.requests.codes import code_of, index_of, new_seed, shown

KEYS = Keyring.new()
_WIDE = str.maketrans(
    "23456789ABCDEFGHJKMNPQRSTWXYZ", "２３４５６７８９ＡＢＣＤＥＦＧＨＪＫＭＮＰＱＲＳＴＷＸＹＺ"
)


def test_a_code_is_found_however_it_is_typed() -> None:
    """Small letters, blanks, a dash and full-width signs lead to the same index."""
    code = code_of(KEYS, new_seed())
    typed = [code.lower(), shown(code), f" {code[:3]} {code[3:]} ", code.translate(_WIDE)]
    assert {index_of(KEYS, text) for text in typed} == {index_of(KEYS, code)}


@given(st.text(max_size=40))
def test_any_seed_gives_ten_clear_signs(seed: str) -> None:
    """No sign is one of those people confuse, whatever a form sends as its seed."""
    code = code_of(KEYS, seed)
    assert len(code) == 10
    assert not set(code) & set("01OILUV")


def test_the_same_form_gives_the_same_code_and_others_give_others() -> None:
    """A form sent twice is one request; two forms are two, and another hub's key gives another code."""
    seed = new_seed()
    assert code_of(KEYS, seed) == code_of(KEYS, seed)
    assert len({code_of(KEYS, new_seed()) for _ in range(500)}) == 500
    assert code_of(Keyring.new(), seed) != code_of(KEYS, seed)


@given(st.text(max_size=200))
def test_any_text_can_be_asked_for(text: str) -> None:
    """What is no code has an index too: it is simply not found."""
    assert index_of(KEYS, text) != index_of(KEYS, code_of(KEYS, new_seed()))
