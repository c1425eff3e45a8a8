"""Signatures of pushes: known values, every changed bit refused, rotation, algorithms, time."""

import hashlib
import hmac
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import FeedError
from connectors.transport.signatures import Algorithm, sign, signed_headers, verify

KEY, OTHER = b"k" * 32, b"o" * 32
NOW = 1_793_491_200
ALGORITHMS: list[Algorithm] = ["sha256", "sm3"]


def code(keys: list[bytes], headers: dict[str, str], body: bytes, now: float = NOW) -> str:
    """Return the code for which a signed body is refused."""
    with pytest.raises(FeedError) as caught:
        verify(keys, headers, body, now)
    assert caught.value.status == 401
    return caught.value.code


def test_the_signature_is_the_standard_one() -> None:
    """HMAC-SHA256 over `id.timestamp.body` in base64 after `v1,`, as any engineer would compute it."""
    expected = b64encode(hmac.new(KEY, b"m-1.1793491200.{}", hashlib.sha256).digest()).decode()
    assert sign(KEY, "m-1", NOW, b"{}") == f"v1,{expected}"


def test_hmac_sm3_agrees_with_its_definition() -> None:
    """`v1sm3` is HMAC (RFC 2104) over SM3, whose known vector of `abc` holds here."""
    from cryptography.hazmat.primitives.hashes import SM3, Hash  # noqa: PLC0415

    def sm3(data: bytes) -> bytes:
        digest = Hash(SM3())
        digest.update(data)
        return digest.finalize()

    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    padded = KEY.ljust(64, b"\0")
    inner = sm3(bytes(b ^ 0x36 for b in padded) + b"m-1.1793491200.{}")
    outer = sm3(bytes(b ^ 0x5C for b in padded) + inner)
    assert sign(KEY, "m-1", NOW, b"{}", "sm3") == f"v1sm3,{b64encode(outer).decode()}"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_either_live_key_and_any_signature_of_the_list_is_enough(alg: Algorithm) -> None:
    """While keys rotate both are accepted, and several signatures may be sent in one header."""
    headers = signed_headers(KEY, "m-1", NOW, b"x", alg)
    assert verify([OTHER, KEY], headers, b"x", NOW) == "m-1"
    both = headers | {
        "webhook-signature": f"v9,zz {sign(OTHER, 'm-1', NOW, b'x', alg)} {headers['webhook-signature']}"
    }
    assert verify([KEY], {name.title(): value for name, value in both.items()}, b"x", NOW) == "m-1"
    assert code([OTHER], headers, b"x") == "signature_invalid"
    assert code([], headers, b"x") == "signature_invalid"


@given(
    body=st.binary(min_size=1, max_size=64), bit=st.integers(0, 7), place=st.integers(0, 1000),
    alg=st.sampled_from(ALGORITHMS), part=st.sampled_from(["body", "key", "webhook-id", "webhook-timestamp"]),
)  # fmt: skip
def test_one_changed_bit_is_refused(body: bytes, bit: int, place: int, alg: Algorithm, part: str) -> None:
    """One changed bit of the body, key, id or time is refused, whatever it makes of them."""
    headers = signed_headers(KEY, "message-1", NOW, body, alg)
    parts = {"body": body, "key": KEY} | {name: value.encode() for name, value in headers.items()}
    changed = bytearray(parts[part])
    changed[place % len(changed)] ^= 1 << bit
    parts[part] = bytes(changed)
    sent = {name: parts[name].decode("latin-1") for name in headers}
    assert code([parts["key"]], sent, parts["body"]) == "signature_invalid"


@pytest.mark.parametrize("offset", [-300, 0, 300])
def test_five_minutes_are_tolerated(offset: int) -> None:
    """A signed time up to five minutes off is accepted, a second more is not."""
    headers = signed_headers(KEY, "m-1", NOW + offset, b"x")
    assert verify([KEY], headers, b"x", NOW) == "m-1"
    further = signed_headers(KEY, "m-1", NOW + offset + (1 if offset >= 0 else -1), b"x")
    if offset:
        assert code([KEY], further, b"x") == "timestamp_out_of_tolerance"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@given(value=st.text(max_size=40))
def test_missing_and_strange_headers_are_refused(name: str, value: str) -> None:
    """A missing header or any other text in one is refused by code, never by another exception."""
    headers = signed_headers(KEY, "m-1", NOW, b"x")
    assert code([KEY], {k: v for k, v in headers.items() if k != name}, b"x") == "signature_missing"
    if value.split() != headers[name].split():
        assert code([KEY], headers | {name: value}, b"x") in {"signature_missing", "signature_invalid"}


def test_every_signature_is_compared_with_every_key_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A match ends nothing early, and no other comparison is used: time tells neither key nor place."""
    compared: list[bytes] = []
    real = hmac.compare_digest

    def noting(left: bytes, right: bytes) -> bool:
        compared.append(right)
        return real(left, right)

    monkeypatch.setattr("connectors.transport.signatures.hmac.compare_digest", noting)
    headers = signed_headers(KEY, "m-1", NOW, b"x")
    headers["webhook-signature"] = f"{headers['webhook-signature']} v1,second v1,third"
    assert verify([KEY, OTHER], headers, b"x", NOW) == "m-1"
    assert len(compared) == 2 * 3
