"""Sealed copies of the keys open with the right passphrases alone, and tell when they are broken."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rider_hub.access import custody
from rider_hub.access.custody import open_copy, sealed_copy, write_copy
from rider_hub.access.keyfile import KeyFault, Keyset
from rider_hub.errors import Invalid

_NOW = datetime(2026, 11, 24, tzinfo=UTC)
_ONE = "correct horse battery"
_TWO = "第二位保管人的口令要足够长才行哦"


@pytest.fixture(params=["intl", "sm"])
def keys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Keyset:
    """Give the keys of one suite, and stretch passphrases cheaply."""
    monkeypatch.setattr(custody, "_SCRYPT_N", 2**4)
    monkeypatch.setattr(custody, "_ROUNDS", 10)
    return Keyset.new(request.param, _NOW)


@pytest.mark.parametrize("phrases", [[_ONE], [_ONE, _TWO]])
def test_a_copy_opens_with_its_passphrases(keys: Keyset, phrases: list[str]) -> None:
    """All keys come back as they were, and none of them stands readable in the copy."""
    text = sealed_copy(keys, phrases, _NOW)
    assert open_copy(text, phrases) == keys
    assert not any(key.id in text for key in keys.keys)


def test_one_person_alone_opens_nothing(keys: Keyset) -> None:
    """Of two passphrases, neither alone, nor both the wrong way round, nor joined into one, is enough."""
    text = sealed_copy(keys, [_ONE, _TWO], _NOW)
    for phrases in ([_ONE], [_TWO], [_TWO, _ONE], [_ONE + _TWO], [_ONE, _TWO + " "], []):
        with pytest.raises(KeyFault):
            open_copy(text, phrases)


def test_a_broken_copy_is_found(keys: Keyset) -> None:
    """A change of any field of a copy, or a cut, is told; nothing is restored from it."""
    text = sealed_copy(keys, [_ONE], _NOW)
    plain = json.loads(text)
    other = json.loads(sealed_copy(keys, [_ONE], datetime(2026, 11, 25, tzinfo=UTC)))
    broken = [json.dumps({**plain, name: other[name]}) for name in ("salt", "nonce", "made_at", "sealed")]
    broken += [json.dumps({**plain, "persons": 2}), json.dumps({**plain, "suite": "none"})]
    broken += [text[:-20], "", "[]", "{}", json.dumps({**plain, "sealed": "***"})]
    for each in broken:
        with pytest.raises(KeyFault):
            open_copy(each, [_ONE])


def test_a_short_passphrase_is_refused(keys: Keyset) -> None:
    """Each of two passphrases must be long enough by itself."""
    with pytest.raises(Invalid):
        sealed_copy(keys, [_ONE, "short"], _NOW)


def test_a_copy_is_private_and_never_overwrites(tmp_path: Path) -> None:
    """The file is its owner's alone; what stands at the path already stays."""
    write_copy(tmp_path / "copy", "text")
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_copy(tmp_path / "copy", "other")
