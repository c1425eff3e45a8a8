"""Tests of the checks of a code table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.divisions.codes import CodeRow, check_codes, code_fault, region_of, trimmed
from rider_hub.divisions.model import ancestors, parent_of
from tests.rider_hub.divisions.world import CODE_ROWS, COUNTY


def rows_of(*codes: str) -> list[CodeRow]:
    """Return rows with these codes."""
    return [CodeRow(number, code, f"名{number}") for number, code in enumerate(codes, 1)]


def faults_of(rows: list[CodeRow]) -> list[tuple[int, str, str]]:
    """Return the faults of rows as row, path and code."""
    return [(one.row, one.path, one.code) for one in check_codes(rows).failures]


def test_a_countys_table_is_taken_whole() -> None:
    """Every row of a sound table becomes a division with its level and parent."""
    checked = check_codes(rows_of(*(row["code"] for row in CODE_ROWS)))
    assert checked.failures == []
    assert checked.total == len(checked.divisions) == 12
    assert checked.region == COUNTY
    assert [(one.code, one.level, one.parent) for one in checked.divisions][:4] == [
        ("11", "province", None),
        ("1101", "city", "11"),
        ("110101", "county", "1101"),
        ("110101001", "street", "110101"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1101O1", "code_not_digits"),
        ("1.10101E+11", "code_scientific"),
        ("11010100100", "code_zero_lost"),
        ("1", "code_zero_lost"),
        ("1101010010011", "code_length"),
        ("1101010", "code_length"),
        ("１１０１０１", "code_not_digits"),
    ],
)
def test_a_malformed_code_is_named(text: str, code: str) -> None:
    """Each way a code can be broken has a fault of its own."""
    assert code_fault(text) == code
    assert faults_of(rows_of(COUNTY, text)) == [(2, "code", code)]


def test_padded_codes_mean_their_level() -> None:
    """Twelve digits filled up with zeros are the code of the level they mean."""
    padded = ("110000000000", "110100000000", "110101000000", "110101001000", "110101001001", "110101.0")
    assert [trimmed(code) for code in padded] == [
        "11",
        "1101",
        "110101",
        "110101001",
        "110101001001",
        "110101",
    ]


def test_duplicates_and_missing_names_are_named() -> None:
    """A repeated code names the first row; a blank name or code names its column."""
    rows = [*rows_of(COUNTY, "110101001", "110101001"), CodeRow(4, "110101002", ""), CodeRow(5, "", "无码")]
    assert faults_of(rows) == [
        (3, "code", "duplicate"),
        (4, "name", "field_required"),
        (5, "code", "field_required"),
    ]


def test_an_unknown_parent_is_refused_unless_the_hub_knows_it() -> None:
    """A row needs its parent in the table or in the hub; the one topmost row needs none."""
    rows = rows_of(COUNTY, "110101001", "110101002001")
    assert faults_of(rows) == [(3, "parent", "parent_unknown")]
    assert check_codes(rows, known={"110101002"}).failures == []
    assert faults_of(rows_of("110101001", "110102001")) == [
        (1, "parent", "parent_unknown"),
        (2, "parent", "parent_unknown"),
    ]


def test_level_and_parent_columns_must_agree_with_the_code() -> None:
    """A level or parent that contradicts the code is a fault; words of either language are read."""
    rows = [
        CodeRow(1, COUNTY, "区", "区县", "1101"),
        CodeRow(2, "110101001", "街道", "社区", ""),
        CodeRow(3, "110101002", "街道", "街道(乡镇)", "110102"),
        CodeRow(4, "110101003", "街道", "street", "110101000000"),
    ]
    assert faults_of(rows) == [(2, "level", "level_wrong"), (3, "parent", "parent_wrong")]


def test_an_empty_table_is_a_fault() -> None:
    """No rows is a fault of the file, not a success."""
    assert faults_of([]) == [(0, "", "file_empty")]


@pytest.mark.parametrize(
    ("codes", "region"),
    [
        (("11", "1101", "110101", "110101001", "110101001001"), "110101001"),
        (("11", "1101", "110101", "110101001", "110101002"), "110101"),
        (("11", "1101", "110101", "110105"), "1101"),
        (("11", "12"), ""),
        (("110101001", "110101002"), "110101"),
        (("110101",), "110101"),
        ((), ""),
    ],
)
def test_the_region_is_what_the_codes_have_in_common(codes: tuple[str, ...], region: str) -> None:
    """The region is the deepest code that all rows lie above or inside."""
    assert region_of(codes) == region


@given(st.from_regex(r"\A[1-8][0-9]{11}\Z"))
def test_parents_begin_their_children(code: str) -> None:
    """Each code's parent is its own beginning, and the chain of parents is its ancestors."""
    chain: list[str] = []
    at = parent_of(code)
    while at is not None:
        assert code.startswith(at)
        chain.insert(0, at)
        at = parent_of(at)
    assert chain == ancestors(code)


@given(st.lists(st.text(alphabet="0123456789abE+.", max_size=13), max_size=20))
def test_every_row_is_taken_or_named(codes: list[str]) -> None:
    """Rows are divisions or have a fault; none is lost."""
    checked = check_codes(rows_of(*codes))
    at_fault = {one.row for one in checked.failures if one.path != "parent"} - {0}
    assert checked.total == len(checked.divisions) + len(at_fault)
