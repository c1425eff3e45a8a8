"""Parquet files are read as rows of JSON in a process of their own; a bomb ends that process alone."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import check
from connectors.errors import FeedError
from connectors.transport.completeness import require_whole
from connectors.transport.files import read_rows
from tests.connectors.transport.parquet_files import parquet_of

ROOT = Path(__file__).parents[3]
ROW: dict[str, Any] = {
    "record_id": "D1-1",
    "platform_rider_ref": "D1",
    "employment": "crowdsourced",
    "work_area": {"community_code": "110101001001", "lng": None},
    "effective_at": "2026-10-01T00:00:00+08:00",
    "updated_at": "2026-10-01T09:00:00+08:00",
    "phone": "19900000001",
}


def rows_of(data: bytes) -> list[Any]:
    """Return the rows as JSON says them."""
    return [msgspec.json.decode(row) for _, row in read_rows(data) if isinstance(row, bytes)]


def refused(data: bytes) -> str:
    """Return the code a file is refused with."""
    with pytest.raises(FeedError) as error:
        list(read_rows(data))
    return error.value.code


def faults(*rows: dict[str, Any]) -> set[tuple[str, str]]:
    """Return path and code of what the check finds in registrations written as Parquet."""
    found = check(read_rows(parquet_of(list(rows))), feed_type="registration", tier="B")
    return {(one.path, one.code) for one in found.failures}


def test_values_keep_their_kind() -> None:
    """Structs and dotted names nest, whole numbers stay whole, times keep the offset they had."""
    at = datetime(2026, 10, 1, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    china = pa.array([at], pa.timestamp("ns", "Asia/Shanghai"))
    table = pa.table(
        {
            "n": pa.array([2**62]),
            "struct": [{"a": "1", "b": None}],
            "work_area.lng": [116.5],
            "at": china,
            "utc": pa.array([at.astimezone(UTC)]),
            "naive": pa.array([datetime(2026, 10, 1, 9)]),  # noqa: DTZ001 - it has no zone
            "day": [date(2026, 10, 1)],
            "nothing": [float("nan")],
            "endless": [float("inf")],
            "money": [Decimal("1.50")],
            "old": [b"\xe7\xab\x99"],
            "map": pa.array([[("party_member", "x")]], pa.map_(pa.string(), pa.string())),
            "words": pa.array(["站"]).dictionary_encode(),
        }
    )
    assert rows_of(parquet_of(table)) == [
        {
            "n": 2**62,
            "struct": {"a": "1", "b": None},
            "work_area": {"lng": 116.5},
            "at": "2026-10-01T09:00:00+08:00",
            "utc": "2026-10-01T01:00:00+00:00",
            "naive": "2026-10-01T09:00:00",
            "day": "2026-10-01",
            "nothing": None,
            "endless": "inf",
            "money": "1.50",
            "old": "站",
            "map": {"party_member": "x"},
            "words": "站",
        }
    ]


def test_the_check_says_the_same_as_of_lines() -> None:
    """A right row passes, nested or dotted; each wrong one is told by its field, alone."""
    at = datetime(2026, 10, 1, 9)  # noqa: DTZ001 - it has no zone
    zoned = at.replace(tzinfo=timezone(timedelta(hours=8)))
    dotted = {name: value for name, value in ROW.items() if name != "work_area"}
    assert faults(ROW) == set()
    assert faults(dotted | {"work_area.community_code": "110101001001"}) == set()
    assert faults(ROW | {"updated_at": zoned}) == set()
    assert faults(ROW | {"updated_at": at}) == {("updated_at", "timestamp_without_zone")}
    assert faults(ROW | {"phone": 19900000001}) == {("phone", "type_text")}
    assert ("extra.party_member", "field_forbidden") in faults(ROW | {"extra": {"party_member": None}})
    rows = check(read_rows(parquet_of([ROW | {"phone": b"\xff"}])), feed_type="registration", tier="B")
    assert {one.code for one in rows.failures} == {"row_not_json"}


@settings(max_examples=8, deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.integers(-(2**63), 2**63 - 1)}), min_size=1))
def test_any_text_and_number_makes_the_round(rows: list[dict[str, Any]]) -> None:
    """What goes into a file comes out of it."""
    assert rows_of(parquet_of(rows)) == rows


@pytest.mark.parametrize("kind", ["long", "wide", "many"])
def test_a_small_file_that_inflates_ends_its_own_process_only(kind: str) -> None:
    """Repeated text, one endless cell, rows of nothing: told in a sentence, whatever they would take."""
    table = {
        "long": lambda: pa.table({"a": pa.array(["x" * 1000] * 1_000_000).dictionary_encode()}),
        "wide": lambda: pa.table({"a": pa.array(["\0" * 2**30], pa.large_string())}),
        "many": lambda: pa.table({"a": pa.nulls(30_000_000)}),
    }[kind]()
    options = {} if kind != "wide" else {"use_dictionary": False, "write_statistics": False}
    data = parquet_of(table, compression="zstd", **options)
    assert len(data) < 300_000
    assert refused(data) == "parquet_too_large"


def test_what_is_no_whole_parquet_file_is_refused() -> None:
    """Cut at any byte it is no file; two columns of one name would hide one of them."""
    whole = parquet_of([ROW])
    for length in range(4, len(whole)):
        with pytest.raises(FeedError) as cut:
            require_whole(whole[:length], None)
        assert cut.value.code == "file_incomplete"
    assert require_whole(whole, None)
    for data in (whole[:-1], whole[: len(whole) // 2] + whole[-8:], b"PAR1", b"PAR1" + b"x" * 40 + b"PAR1"):
        assert refused(data) == "parquet_unreadable"
    same = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert refused(parquet_of(same)) == "parquet_same_names"
    wide = [{"a": {str(number): 1 for number in range(1001)}}]
    assert refused(parquet_of(wide)) == "too_many_columns"


def test_without_the_extra_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No trace and no guess: install the reader, or send another format."""
    data = parquet_of([ROW])
    (tmp_path / "pyarrow").mkdir()
    (tmp_path / "pyarrow" / "__init__.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(FeedError) as error:
        list(read_rows(data))
    assert error.value.code == "parquet_not_installed"
    assert "pyarrow" in error.value.zh
    assert "CSV" in error.value.zh


def test_the_reader_is_never_loaded_by_who_reads() -> None:
    """A hub that takes a Parquet file has no reader of it in its own process."""
    code = (
        "import sys; from connectors.transport.files import read_rows; import rider_hub.intake.annotated; "
        "print(len(list(read_rows(sys.stdin.buffer.read()))), 'pyarrow.parquet' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=parquet_of([ROW]), capture_output=True, cwd=ROOT, check=True
    )
    assert done.stdout.split() == [b"1", b"False"]
