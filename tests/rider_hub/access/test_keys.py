"""Sealing, blind indexes and the key file, in both suites."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.access import Keyring
from rider_hub.access.keys import KeyFault

_RINGS = {suite: Keyring.new(suite) for suite in ("intl", "sm")}
_suites = pytest.mark.parametrize("suite", ["intl", "sm"])


@_suites
@given(text=st.text(max_size=200))
def test_what_is_sealed_opens_to_the_same(suite: str, text: str) -> None:
    """Any value comes back from its envelope unchanged."""
    ring = _RINGS[suite]
    envelope = ring.seal("personal", ("registration", "1"), {"name": text})
    assert ring.unseal("personal", ("registration", "1"), envelope) == {"name": text}


@_suites
@pytest.mark.parametrize(
    ("purpose", "row"),
    [
        ("personal", ("registration", "2")),
        ("personal", ("other", "1")),
        ("quarantine", ("registration", "1")),
    ],
)
def test_an_envelope_moved_elsewhere_does_not_open(suite: str, purpose: str, row: tuple[str, str]) -> None:
    """An envelope is bound to its purpose, table and row."""
    ring = _RINGS[suite]
    envelope = ring.seal("personal", ("registration", "1"), {"name": "骑手甲"})
    with pytest.raises(KeyFault):
        ring.unseal(purpose, row, envelope)  # type: ignore[arg-type]


@_suites
def test_a_changed_byte_anywhere_is_found(suite: str) -> None:
    """No byte of an envelope can be changed without the opening failing."""
    ring = _RINGS[suite]
    envelope = ring.seal("personal", ("t", "1"), {"a": 1})
    for at in range(2, len(envelope)):
        broken = envelope[:at] + bytes([envelope[at] ^ 1]) + envelope[at + 1 :]
        with pytest.raises(KeyFault):
            ring.unseal("personal", ("t", "1"), broken)


@given(a=st.text(max_size=150), b=st.text(max_size=150))
def test_padded_envelopes_have_one_length(a: str, b: str) -> None:
    """Within the padding's block, the length of an envelope tells nothing of its content."""
    ring = _RINGS["intl"]
    lengths = {len(ring.seal("membership", ("t", "1"), {"v": text}, pad=4096)) for text in (a, b)}
    assert len(lengths) == 1


def test_blind_indexes_differ_by_field_and_key() -> None:
    """The same value under another field or key gives another index, and under the same ones the same."""
    ring, other = _RINGS["intl"], Keyring.new()
    value = ring.blind("index", "phone", "19900000001")
    assert value == ring.blind("index", "phone", "19900000001")
    assert value != ring.blind("index", "phone4", "19900000001")
    assert value != other.blind("index", "phone", "19900000001")


def test_a_key_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    """The file is readable by its owner only, loads to the same keys, and a second save is refused."""
    path = tmp_path / "keys.json"
    ring = Keyring.new("sm")
    ring.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Keyring.load(path) == ring
    with pytest.raises(FileExistsError):
        ring.save(path)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"suite": "intl", "active": {}, "keys": {"a": 3}}'])
def test_a_broken_key_file_is_named(tmp_path: Path, content: str) -> None:
    """Whatever stands in the file, the error names it and is no trace."""
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(KeyFault, match=r"keys\.json"):
        Keyring.load(path)
