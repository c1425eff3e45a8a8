"""Scopes: the rows a viewer may see."""

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, String, Table, create_engine, insert, select

from rider_hub.access import Scope

_CODES = st.lists(st.sampled_from("0123456789"), min_size=12, max_size=12).map("".join)
_rows = Table(
    "rows",
    MetaData(),
    Column("division", String(12)),
    Column("platform", String(8)),
    Column("partner", String(8)),
)
_DIVISIONS = st.sampled_from(["110101", "110101001", "110101001001", "110101002", "110105", None])
_COMPANIES = st.sampled_from(["jia", "yi", None])
_some = st.lists(_DIVISIONS.filter(bool), max_size=2, unique=True).map(tuple)
_companies = st.lists(_COMPANIES.filter(bool), max_size=2, unique=True).map(tuple)


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


@given(
    rows=st.lists(st.tuples(_DIVISIONS, _COMPANIES, _COMPANIES), max_size=12),
    divisions=_some,
    platforms=_companies,
    partners=_companies,
)
def test_region_platform_and_partner_each_narrow(
    rows: list[tuple[str | None, str | None, str | None]],
    divisions: tuple[str, ...],
    platforms: tuple[str, ...],
    partners: tuple[str, ...],
) -> None:
    """SQL and Python agree for any mixed scope, and naming one kind more never shows a row more."""
    scope = Scope(divisions, platforms, partners)
    engine = create_engine("sqlite://")
    columns = ("division", "platform", "partner")
    with engine.begin() as connection:
        _rows.metadata.create_all(connection)
        if rows:
            connection.execute(insert(_rows), [dict(zip(columns, row, strict=True)) for row in rows])
        condition = scope.where(_rows.c.division, _rows.c.platform, _rows.c.partner)
        found = sorted(map(tuple, connection.execute(select(_rows).where(condition))), key=repr)
    assert found == sorted((row for row in rows if scope.covers(*row)), key=repr)
    assert not platforms or all(row[1] in platforms for row in found)
    assert not partners or all(row[2] in partners for row in found)
    assert not divisions or all(str(row[0]).startswith(divisions) for row in found)


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
    company = Scope(platforms=("jia",))
    assert company.narrowed("110101") == Scope(divisions=("110101",), platforms=("jia",))
    assert Scope(("110101",), ("jia",)).narrowed("110105") == Scope()
