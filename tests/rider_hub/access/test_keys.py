"""Sealing, blind indexes and the key file, in both suites."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.access import Keyring, known_answers
from rider_hub.access.keyfile import ROTATED, KeyFault, Keyset, Purpose, read_keys, to_plain, write_keys
from rider_hub.access.keys import Cell
from rider_hub.access.ready import ENVELOPE_HEAD

_RINGS = {suite: Keyring.new(suite) for suite in ("intl", "sm")}
_NOW = datetime(2026, 11, 24, tzinfo=UTC)
_NONCE = slice(ENVELOPE_HEAD, ENVELOPE_HEAD + 12)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(params=["intl", "sm"], scope="module")
def ring(request: pytest.FixtureRequest) -> Keyring:
    """Give the keys of one suite."""
    return _RINGS[request.param]


@given(value=_json, pad=st.sampled_from([0, 64, 1024]), table=st.text(max_size=20), row=st.text(max_size=40))
def test_what_is_sealed_opens_to_the_same(
    ring: Keyring, value: object, pad: int, table: str, row: str
) -> None:
    """Any JSON value comes back from its envelope unchanged, padded or not."""
    envelope = ring.seal("personal", (table, "sealed", row), value, pad=pad)
    assert ring.unseal("personal", (table, "sealed", row), envelope) == value


@pytest.mark.parametrize(
    ("purpose", "cell"),
    [
        ("personal", ("registration", "sealed", "2")),
        ("personal", ("registration", "pending", "1")),
        ("personal", ("other", "sealed", "1")),
        ("personal", ("registration1", "sealed", "")),
        ("quarantine", ("registration", "sealed", "1")),
        ("membership", ("registration", "sealed", "1")),
    ],
)
def test_an_envelope_moved_elsewhere_does_not_open(ring: Keyring, purpose: Purpose, cell: Cell) -> None:
    """An envelope is bound to its purpose, table, column and row."""
    envelope = ring.seal("personal", ("registration", "sealed", "1"), {"name": "骑手甲"})
    with pytest.raises(KeyFault):
        ring.unseal(purpose, cell, envelope)


def test_a_purpose_is_bound_even_under_one_key(ring: Keyring) -> None:
    """Were two purposes given the same secret by mistake, envelopes would still not change places."""
    keys = ring.keyset
    personal = keys.active("personal")
    twin = [
        personal.__class__(f"account-{key.id[-8:]}", key.suite, personal.secret, key.state)
        if key.purpose == "account"
        else key
        for key in keys.keys
    ]
    same = Keyring(Keyset(tuple(twin)))
    envelope = same.seal("personal", ("t", "sealed", "1"), {"a": 1})
    forged = envelope[:1] + same.keyset.active("account").tag + envelope[ENVELOPE_HEAD:]
    with pytest.raises(KeyFault):
        same.unseal("account", ("t", "sealed", "1"), forged)


def test_a_changed_bit_anywhere_is_found(ring: Keyring) -> None:
    """No bit of an envelope can be changed, and no byte cut off or added, without the opening failing."""
    envelope = ring.seal("personal", ("t", "sealed", "1"), {"a": 1})
    broken = [
        envelope[:at] + bytes([envelope[at] ^ 1 << bit]) + envelope[at + 1 :]
        for at in range(len(envelope))
        for bit in range(8)
    ]
    broken += [envelope[:end] for end in range(len(envelope))] + [envelope + b"\0", b""]
    for each in broken:
        with pytest.raises(KeyFault):
            ring.unseal("personal", ("t", "sealed", "1"), each)


def test_nonces_never_repeat(ring: Keyring) -> None:
    """Among 100,000 envelopes of a key (long: a million), sealed singly and many at once."""
    count = 1_000_000 if os.environ.get("RIDER_HUB_TEST_LONG") == "1" else 100_000
    nonces = {ring.seal("personal", ("t", "sealed", "1"), None)[_NONCE] for _ in range(count // 2)}
    for _ in range(count // 2 // 1000):
        many = ring.seal_many("personal", ("t", "sealed"), [("1", None)] * 1000)
        nonces.update(envelope[_NONCE] for envelope in many)
    assert len(nonces) == count


@pytest.mark.parametrize("pad", [0, 256])
def test_many_are_sealed_as_each_would_be(ring: Keyring, pad: int) -> None:
    """Each of many envelopes opens in its own row alone, with its own value; none gives none."""
    rows = [(f"row{n}", {"n": n, "v": "x" * n}) for n in range(50)]
    sealed = ring.seal_many("personal", ("t", "sealed"), rows, pad=pad)
    for (row, value), envelope in zip(rows, sealed, strict=True):
        assert ring.unseal("personal", ("t", "sealed", row), envelope) == value
        assert len(envelope) == len(ring.seal("personal", ("t", "sealed", row), value, pad=pad))
        with pytest.raises(KeyFault):
            ring.unseal("personal", ("t", "sealed", "row0" if row != "row0" else "row1"), envelope)
    assert ring.seal_many("personal", ("t", "sealed"), []) == []


@given(values=st.lists(st.text(max_size=30), max_size=20), field=st.sampled_from(["phone", "phone4"]))
def test_many_indexes_are_those_of_each(ring: Keyring, values: list[str], field: str) -> None:
    """Indexes made together, or kept and given again, are the indexes made one by one."""
    one_by_one = [ring.blind("index", field, value) for value in values]
    assert ring.blind_many("index", field, values) == one_by_one
    assert ring.blind_few("index", field, values) == one_by_one


def test_no_more_than_so_many_indexes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field with more values than expected costs no more memory, and its indexes stay right."""
    monkeypatch.setattr("rider_hub.access.ready._KEPT", 3)
    ring = Keyring.new()
    values = [str(n) for n in range(10)]
    for _ in range(2):
        assert ring.blind_few("index", "f", values) == ring.blind_many("index", "f", values)
    assert len(ring._now().active["index"]._kept["f"]) == 3


@given(a=st.text(max_size=150), b=st.text(max_size=150))
def test_padded_envelopes_have_one_length(ring: Keyring, a: str, b: str) -> None:
    """Within the padding's block, the length of an envelope tells nothing of its content."""
    lengths = {len(ring.seal("membership", ("t", "sealed", "1"), {"v": text}, pad=4096)) for text in (a, b)}
    assert len(lengths) == 1


def test_blind_indexes_differ_by_field_and_key(ring: Keyring) -> None:
    """The same value under another field or key gives another index, and under the same ones the same."""
    other = Keyring.new(ring.suite_of("index"))
    value = ring.blind("index", "phone", "19900000001")
    assert value == ring.blind("index", "phone", "19900000001")
    assert value[4:] != ring.blind("index", "phone4", "19900000001")[4:]
    assert value[4:] != ring.blind("lasting", "phone", "19900000001")[4:]
    assert value != other.blind("index", "phone", "19900000001")


def test_all_that_a_key_makes_tells_its_id(ring: Keyring) -> None:
    """Envelopes, indexes and MACs carry the four bytes of their key's id."""
    keys = ring.keyset
    assert ring.seal("personal", ("t", "sealed", "1"), 1)[1:ENVELOPE_HEAD] == keys.active("personal").tag
    assert ring.blind("index", "f", "v")[:4] == keys.active("index").tag
    assert ring.mac("audit", b"row")[:4] == keys.active("audit").tag


def test_a_mac_verifies_for_its_message_and_purpose_alone(ring: Keyring) -> None:
    """A MAC fails for another message, another purpose, as an index, and when a bit is changed."""
    mac = ring.mac("audit", b"row")
    assert ring.verifies("audit", b"row", mac)
    assert not ring.verifies("audit", b"row2", mac)
    assert not ring.verifies("lasting", b"row", mac)
    assert not ring.verifies("audit", b"a\x00b", ring.blind("audit", "a", "b"))
    assert not any(
        ring.verifies("audit", b"row", mac[:at] + bytes([mac[at] ^ 1]) + mac[at + 1 :])
        for at in range(len(mac))
    )
    assert not ring.verifies("audit", b"row", b"")
    assert ring.mac_under(ring.active["audit"], b"row") == mac
    assert ring.mac_under("audit-00000000", b"row") is None
    assert ring.mac_under("nonsense", b"row") is None


def test_after_a_rotation_what_old_keys_made_still_opens_and_is_found(ring: Keyring) -> None:
    """Old envelopes open, old MACs verify, lookups name both indexes, and new values are under new keys."""
    before = ring.keyset
    sealed = ring.seal("personal", ("t", "sealed", "1"), "x")
    index, mac = ring.blind("index", "phone", "1"), ring.mac("audit", b"row")
    for suite in ("intl", "sm"):
        after = Keyring(before.announcing(ROTATED, suite, _NOW).activating(_NOW))
        assert after.unseal("personal", ("t", "sealed", "1"), sealed) == "x"
        assert after.verifies("audit", b"row", mac)
        assert after.blinds("index", "phone", "1")[1:] == [index]
        assert after.blinds("index", "phone", "1")[0] == after.blind("index", "phone", "1") != index
        assert after.seal("personal", ("t", "sealed", "1"), "x")[1:ENVELOPE_HEAD] != sealed[1:ENVELOPE_HEAD]
        assert after.blind("lasting", "f", "v") == ring.blind("lasting", "f", "v")
        assert after.derive("feed", b"110101") == ring.derive("feed", b"110101")


def test_an_announced_key_is_known_before_it_is_used(ring: Keyring) -> None:
    """Between announcing and activating, writes stay under the key before while lookups know both."""
    coming = Keyring(ring.keyset.announcing(ROTATED, "intl", _NOW))
    assert coming.blind("index", "phone", "1") == ring.blind("index", "phone", "1")
    assert len(coming.blinds("index", "phone", "1")) == 2
    later = Keyring(coming.keyset.activating(_NOW))
    assert (
        coming.unseal("personal", ("t", "sealed", "1"), later.seal("personal", ("t", "sealed", "1"), "x"))
        == "x"
    )
    assert set(coming.blinds("index", "phone", "1")) == set(later.blinds("index", "phone", "1"))


def test_a_running_ring_takes_a_changed_file_at_once_where_a_row_needs_it(tmp_path: Path) -> None:
    """An envelope under a key that this process has not seen yet makes it read the file again."""
    path = tmp_path / "keys.json"
    Keyring.new().save(path)
    running = Keyring.load(path)
    write_keys(path, running.keyset.announcing(ROTATED, "intl", _NOW).activating(_NOW), replacing=True)
    other = Keyring.load(path)
    assert (
        running.unseal("personal", ("t", "sealed", "1"), other.seal("personal", ("t", "sealed", "1"), "x"))
        == "x"
    )
    assert running.blind("index", "f", "v") == other.blind("index", "f", "v")


def test_a_running_ring_outlives_a_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file becomes unreadable, what was read before stays in use."""
    monkeypatch.setattr("rider_hub.access.keys.LOOK_EVERY", 0.0)
    path = tmp_path / "keys.json"
    Keyring.new().save(path)
    running = Keyring.load(path)
    sealed = running.seal("personal", ("t", "sealed", "1"), "x")
    path.write_text("{")
    assert running.unseal("personal", ("t", "sealed", "1"), sealed) == "x"
    path.unlink()
    assert running.unseal("personal", ("t", "sealed", "1"), sealed) == "x"


@pytest.mark.parametrize("suite", ["intl", "sm"])
def test_a_key_file_is_private_and_never_overwritten(tmp_path: Path, suite: str) -> None:
    """The file is readable by its owner only, loads to the same keys, and a second save is refused."""
    path = tmp_path / "keys.json"
    ring = Keyring.new(suite)
    ring.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Keyring.load(path).keyset == ring.keyset
    with pytest.raises(FileExistsError):
        ring.save(path)
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


def test_a_replaced_key_file_is_whole_and_private(tmp_path: Path) -> None:
    """Replacing leaves one file, of the same rights."""
    path = tmp_path / "keys.json"
    Keyring.new().save(path)
    other = Keyring.new("sm").keyset
    write_keys(path, other, replacing=True)
    assert read_keys(path) == other
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


def test_no_key_stands_in_what_is_printed_of_it() -> None:
    """A key in an error's trace or in a log line shows its id alone."""
    key = Keyset.new("intl").active("personal")
    assert repr(key) == f"Key({key.id}, intl, active)"


def _file(**changes: object) -> str:
    plain = to_plain(Keyring.new().keyset)
    plain["keys"][0] |= changes
    return json.dumps(plain)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[1]",
        '{"format": 1, "keys": []}',
        '{"format": 2, "keys": []}',
        _file(secret="AAAA"),
        _file(suite="rot13"),
        _file(state="maybe"),
        _file(state="old"),
        _file(id="personal-xyz"),
        _file(id="other-01020304"),
        "\x00",
    ],
)
def test_a_broken_key_file_is_named(tmp_path: Path, content: str) -> None:
    """Whatever stands in the file, the error names it and is no trace."""
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(KeyFault, match=r"keys\.json"):
        Keyring.load(path)


@pytest.mark.parametrize("primitive", sorted(known_answers.ANSWERS))
def test_a_primitive_with_a_wrong_answer_stops_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, primitive: str
) -> None:
    """Where a primitive of either suite answers wrongly, the keys are not loaded and it is named."""
    path = tmp_path / "keys.json"
    Keyring.new().save(path)
    monkeypatch.setitem(known_answers.ANSWERS, primitive, lambda: False)
    with pytest.raises(KeyFault, match=primitive):
        Keyring.load(path)


@pytest.mark.parametrize("wrong", ["intl", "sm"])
def test_known_answers_find_another_cipher(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """The answers tell the suites apart: where one suite's primitives are the other's, both are named."""
    real_cipher, real_hash = known_answers.cipherer, known_answers.keyed_hash
    monkeypatch.setattr(known_answers, "cipherer", lambda _suite, key: real_cipher(wrong, key))
    monkeypatch.setattr(known_answers, "keyed_hash", lambda _suite, key: real_hash(wrong, key))
    expected = {"intl": ["HMAC-SM3", "SM4-GCM"], "sm": ["AES-256-GCM", "HMAC-SHA256"]}[wrong]
    assert sorted(known_answers.wrong_answers()) == expected
