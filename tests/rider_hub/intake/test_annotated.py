"""Refused rows go back as a table that no spreadsheet runs."""

import csv
import io

import pytest

from rider_hub.intake.annotated import annotated_csv


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1", "＝1+1", "\n=1", "＠a"])
def test_a_cell_that_looks_like_a_formula_is_text(value: str) -> None:
    """Signs that begin a formula, also full-width or behind blanks, stand behind an apostrophe."""
    failure = {"row": 1, "path": "name", "code": "x", "zh": "=改正", "en": ""}
    rows = list(csv.reader(io.StringIO(annotated_csv([(1, {"=key": value, "name": "甲"})], [failure]))))
    assert rows[0][2:] == ["'=key", "name"]
    assert rows[1][2:] == [f"'{value}", "甲"]
