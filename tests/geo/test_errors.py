"""A GeoError names rows and survives being sent between processes."""

import pickle

from geo.errors import GeoError


def test_the_first_ten_rows_are_named() -> None:
    """Ten rows are listed, and how many there are in all."""
    fault = GeoError("code", "坏了", "broken", tuple(range(100, 112)))
    assert "109" in fault.zh
    assert "110" not in fault.zh
    assert "12" in fault.zh
    assert str(fault).startswith("code: 坏了")
    assert "109, … 12 in all" in fault.en


def test_without_rows_the_sentences_stay() -> None:
    """No row, no brackets."""
    assert str(GeoError("code", "坏了。", "Broken.")) == "code: 坏了。 / Broken."


def test_it_can_be_pickled() -> None:
    """A worker process can hand the error back whole."""
    fault = pickle.loads(pickle.dumps(GeoError("code", "坏", "bad", (3,))))  # noqa: S301 our own bytes
    assert (fault.code, fault.zh, fault.en, fault.rows) == (
        "code",
        "坏（从 0 起的行号：3）",
        "bad (rows from 0: 3)",
        (3,),
    )
