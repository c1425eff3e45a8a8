"""Sealed files: what the real openssl makes is opened, and nothing else, whatever it is."""

import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import FeedError
from connectors.transport import sealed_file
from connectors.transport.cms_shape import shape_of
from connectors.transport.sealed_file import MAX_SEALED, inner_name, is_sealed, open_sealed, seal
from connectors.transport.sealing_certificates import read_certificate
from tests.sealing import openssl, party, sealed_to, signed_by

DATA = b"platform_rider_ref\n" + b"R-1\n" * 3000
SENDER, HUB = party("sender"), party("hub")
OAEP = ("-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256")


def opened(data: bytes, *, signer: str = "sender", hub: str = "hub") -> bytes:
    """Open a file as the hub does that trusts one sender."""
    return open_sealed(data, [party(hub).recipient], [party(signer).certificate]).data


def refusal(data: bytes, **who: str) -> str:
    """Return the code by which a file is refused."""
    with pytest.raises(FeedError) as caught:
        opened(data, **who)
    return caught.value.code


@pytest.mark.parametrize(
    ("kind", "cipher", "form", "more"),
    [
        ("ec", "aes-256-gcm", "DER", ()),
        ("ec", "aes-256-cbc", "DER", ("-stream",)),
        ("rsa", "aes-256-cbc", "DER", ("-keyid",)),
        ("ec", "aes-256-gcm", "DER", ("-keyid",)),
        ("rsa", "aes-256-gcm", "PEM", OAEP),
        ("rsa", "sm4-cbc", "DER", ("-stream",)),
    ],
)
def test_what_openssl_seals_is_opened(kind: Any, cipher: str, form: str, more: tuple[str, ...]) -> None:
    """RSA and EC, PKCS#1 and OAEP, GCM, CBC and SM4, DER, BER in pieces and PEM; either of two live keys."""
    signed = signed_by(SENDER, DATA, *(("-stream",) if "-stream" in more else ()))
    file = sealed_to(party("hub", kind).certificate, signed, *more, form=form, cipher=cipher)
    assert is_sealed("riders.csv", file)
    live = [party("newer hub").recipient, party("hub", kind).recipient]
    found = open_sealed(file, live, [party("other").certificate, SENDER.certificate])
    assert (found.data, found.authenticated) == (DATA, cipher.endswith("gcm"))
    assert found.signed_at is not None


def test_only_what_the_sender_signed_is_opened() -> None:
    """Unsigned, by another, by another beside the sender, by nobody at all: one answer for all of them."""
    one_more = ("-signer", "{two}", "-inkey", "{twokey}")
    other = party("other")
    words = ("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-signer", "{one}", "-inkey", "{key}")
    parties = {"one": SENDER.certificate, "key": SENDER.key, "two": other.certificate, "twokey": other.key}
    nobody = bytes.fromhex(
        "3028 06092a864886f70d010702 a01b 3019 020101 3100 3010 06092a864886f70d010701 a003 0401 41 3100"
    )
    wrong = (DATA, b"x", signed_by(other, DATA), openssl(*words, *one_more, data=DATA, **parties), nobody)
    assert {refusal(sealed_to(HUB.certificate, each)) for each in wrong} == {"sealed_not_opened"}
    with pytest.raises(FeedError, match="sealed_not_opened"):
        open_sealed(sealed_to(HUB.certificate, signed_by(SENDER, DATA)), [HUB.recipient], [])


def test_a_file_for_another_hub_says_so() -> None:
    """The head names its recipient in clear, so to tell gives nothing away."""
    assert refusal(sealed_to(party("other").certificate, DATA)) == "sealed_recipient_unknown"


@pytest.mark.parametrize("cipher", ["aes-256-gcm", "aes-256-cbc"])
def test_a_broken_file_gives_what_was_signed_or_nothing(cipher: str) -> None:
    """A bit turned or an end cut off, at places over the whole file: an error in words, and no row.

    CBC tells of no change by itself, and not all that it hides is signed (a copy of the certificate is not).
    """
    file = sealed_to(HUB.certificate, signed_by(SENDER, DATA[:40]), cipher=cipher)
    chance = random.Random(cipher)
    for place in chance.sample(range(len(file)), 12):
        broken = bytearray(file)
        broken[place] ^= 1 << chance.randrange(8)
        for changed in (bytes(broken), file[:place]):
            try:
                assert (opened(changed), len(changed)) == (DATA[:40], len(file)), place
            except FeedError as error:
                told = {"sealed_unreadable", "sealed_recipient_unknown", "sealed_not_opened"}
                assert error.code in told, place  # noqa: PT017 - either is right


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"\x30\x80\x06\x09" + tail))
def test_any_bytes_have_a_shape_or_none(data: bytes) -> None:
    """Whatever comes, the look at its head ends without an error."""
    assert shape_of(data) in {None, "enveloped", "authenticated", "signed"}


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x30\x80" * 500_000,
        b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80" + b"\x05\x00" * 2_000_000,
        b"\x30\x88" + b"\xff" * 8,
        b"\x30\x84\x7f\xff\xff\xff" + b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80" * 10,
    ],
)
def test_a_bomb_of_elements_is_no_sealed_file(bomb: bytes) -> None:
    """Half a million deep, in millions of pieces, longer than it is: refused before OpenSSL sees it."""
    assert refusal(bomb) == "sealed_unreadable"


def test_more_than_the_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is told; nothing is started for it."""
    monkeypatch.setattr(sealed_file, "MAX_SEALED", 10)
    assert refusal(sealed_to(HUB.certificate, b"")) == "sealed_too_large"
    assert MAX_SEALED % 1024**2 == 0


def test_keys_and_data_are_in_no_argument_and_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is started is told descriptors alone, and leaves nothing where temporary files go."""
    started: list[list[str]] = []
    real = subprocess.Popen

    def seen(command: list[str], **given: Any) -> Any:
        started.append(command)
        return real(command, **given)

    file = sealed_to(HUB.certificate, signed_by(SENDER, DATA))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(subprocess, "Popen", seen)
    assert opened(file) == DATA
    seal(DATA, [SENDER.certificate], authenticated=True)
    assert [command[command.index("cms") + 1] for command in started] == ["-decrypt", "-verify", "-encrypt"]
    assert all("BEGIN" not in word and "R-1" not in word for command in started for word in command)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("authenticated", [True, False])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_what_goes_back_is_opened_by_openssl(kind: Any, authenticated: bool) -> None:
    """The sender's own program opens it with its own key, and another's does not."""
    mine = party("sender", kind)
    back = seal(DATA, [mine.certificate], authenticated=authenticated)
    words = ("cms", "-decrypt", "-binary", "-inform", "DER", "-recip", "{cert}", "-inkey", "{key}")
    assert openssl(*words, data=back, cert=mine.certificate, key=mine.key) == DATA
    with pytest.raises(subprocess.CalledProcessError):
        openssl(*words, data=back, cert=HUB.certificate, key=HUB.key)


def test_a_name_says_what_is_within() -> None:
    """Either ending, in any case; other names stay."""
    names = ["registration-1.csv.p7m", "站点.XLSX.CMS", "riders.csv"]
    assert [inner_name(name) for name in names] == ["registration-1.csv", "站点.XLSX", "riders.csv"]
    assert [is_sealed(name, b"a,b\n") for name in names] == [True, True, False]


def test_certificates_that_are_weak_over_or_none_are_refused() -> None:
    """RSA of 1024 bits, SM2 (which the envelope can't use), a private key, two at once, one that is over."""
    made = ("req", "-x509", "-nodes", "-subj", "/CN=x", "-keyout", "/dev/null")
    weak = openssl(*made, "-newkey", "rsa:1024")
    sm2_key = openssl("genpkey", "-algorithm", "SM2")
    sm2 = openssl("req", "-x509", "-sm3", "-subj", "/CN=x", "-key", "{key}", key=sm2_key)
    good, now = SENDER.certificate, datetime(2026, 6, 1, tzinfo=UTC)
    late = now.replace(year=2060)
    assert len(read_certificate(good, now).fingerprint) == 64
    for pem, at in ((weak, now), (sm2, now), (SENDER.key, now), (good + good, now), (b"", now), (good, late)):
        with pytest.raises(FeedError, match="certificate_unreadable"):
            read_certificate(pem, at)
