"""Refused rows go back as a table that no spreadsheet runs."""

import csv
import io
import time
from typing import Any

import msgspec
import pytest

from connectors.contract import check
from connectors.transport.files import read_rows
from rider_hub.intake.annotated import Kind, annotate, annotated_csv


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1", "＝1+1", "\n=1", "＠a"])
def test_a_cell_that_looks_like_a_formula_is_text(value: str) -> None:
    """Signs that begin a formula, also full-width or behind blanks, stand behind an apostrophe."""
    failure = {"row": 1, "path": "name", "code": "x", "zh": "=改正", "en": ""}
    rows = list(csv.reader(io.StringIO(annotated_csv([(1, {"=key": value, "name": "甲"})], [failure]))))
    assert rows[0][2:] == ["'=key", "name"]
    assert rows[1][2:] == [f"'{value}", "甲"]


def test_the_work_on_a_table_grows_with_its_cells_and_not_with_their_square() -> None:
    """1,000 columns and 1,500 rows took half a minute when each name was sought among all others."""
    names = [f"c{number}" for number in range(1000)]
    rows = [(number, {**dict.fromkeys(names, ""), "c0": "x"}) for number in range(1, 1501)]
    started = time.process_time()
    assert annotated_csv(rows, [], every=True).count("x") == 1500
    assert time.process_time() - started < 10


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_one_wide_row_does_not_make_a_large_file(kind: Kind) -> None:
    """Where rows times columns pass the limit the reasons come alone, and the heading says so."""
    wide = dict.fromkeys((f"c{number}" for number in range(3000)), "x")
    rows = [(1, wide), *((number, {"c1": "x"}) for number in range(2, 3001))]
    failure = {"row": 7, "path": "c1", "code": "x", "zh": "改正", "en": ""}
    body = annotate(rows, [failure], kind, every=True).body
    assert len(body) < 100_000
    got: list[Any] = [row for _, row in read_rows(body)]
    assert len(got) == 3000
    assert set(got[6].values()) == {"7", "c1：改正"}
    assert any("单元格过多" in name for name in got[6])


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_forbidden_content_in_text_and_pairs_does_not_go_back(kind: Kind) -> None:
    """What is forbidden in a cell that writes out an object, or beside its own name, is blank as well."""
    rows: list[tuple[int, Any]] = [
        (
            1,
            {
                "record_id": "R-1",
                "extra": '{"党员": "某值一"}',
                "more": {"key": "政治面貌", "value": "某值二"},
            },
        ),
        (2, {"record_id": "R-2", "list": [{"字段": "宗教", "值": "某值三"}]}),
    ]
    failures = [
        msgspec.to_builtins(one) for one in check(rows, feed_type="registration", unknown="discard").failures
    ]
    body = annotate(rows, failures, kind, every=True).body.decode()
    assert all(word in body for word in ("R-1", "R-2"))
    assert "某值" not in body
