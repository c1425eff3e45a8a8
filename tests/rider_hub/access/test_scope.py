"""Scopes: the rows a viewer may see."""

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, String, Table, create_engine, insert, select

from rider_hub.access import Scope

_CODES = st.lists(st.sampled_from("0123456789"), min_size=12, max_size=12).map("".join)
_rows = Table("rows", MetaData(), Column("division", String(12)), Column("platform", String(8)))


@given(
    codes=st.lists(_CODES, max_size=20, unique=True), digits=st.sampled_from([2, 4, 6, 9, 12]), pick=_CODES
)
def test_the_condition_selects_exactly_what_covers_says(codes: list[str], digits: int, pick: str) -> None:
    """For any codes, SQL and Python agree on what lies in a division."""
    scope = Scope(divisions=((codes[0] if codes else pick)[:digits],))
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _rows.metadata.create_all(connection)
        if codes:
            connection.execute(insert(_rows), [{"division": code} for code in codes])
        found = set(
            connection.execute(select(_rows.c.division).where(scope.where(_rows.c.division))).scalars()
        )
    assert found == {code for code in codes if scope.covers(code)}


def test_an_empty_scope_sees_nothing_and_a_missing_division_is_outside() -> None:
    """Neither an empty scope nor a row without a division is ever let through."""
    assert not Scope().covers("110101001001")
    assert not Scope(divisions=("110101",)).covers(None)
    assert str(Scope().where(_rows.c.division)) == "false"


def test_a_platform_scope_never_reaches_rows_without_a_platform_condition() -> None:
    """A platform's account asking by division alone gets nothing."""
    assert str(Scope(platforms=("jia",)).where(_rows.c.division)) == "false"


def test_a_scope_is_only_ever_narrowed() -> None:
    """Choosing a division outside the own scope leaves nothing, not more."""
    assert Scope(divisions=("110101",)).narrowed("110101001") == Scope(divisions=("110101001",))
    assert Scope(divisions=("110101001",)).narrowed("110101") == Scope()
