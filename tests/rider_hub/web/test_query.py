"""What a ledger is asked for."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.errors import Invalid
from rider_hub.web.query import SIZES, Query, Text, parse_query

OPTIONS = {"street": [("110101001", "东华门街道"), ("110101002", "景山街道")]}
TEXTS = {"q": Text("q", "姓名", max_length=20)}


def parse(given: dict[str, str], default: Query | None = None) -> Query:
    """Parse with the options of these tests."""
    return parse_query(
        given, sortable=["due", "name"], choices=OPTIONS, texts=TEXTS, default=default or Query()
    )


def test_nothing_asked_is_the_default() -> None:
    """An address without parameters gives the ledger's own order and size."""
    default = Query(size=100, sort="due", descending=True)
    assert parse({}, default) == default


def test_every_fault_is_told_at_once_without_the_value() -> None:
    """A bad page, size, order and filter each get a fault; none repeats what was sent."""
    sent = {"page": "0", "size": "51", "sort": "zzsecret", "street": "zzsecret", "q": "z" * 21}
    with pytest.raises(Invalid) as caught:
        parse(sent)
    assert caught.value.status == 400
    assert {fault.path for fault in caught.value.errors} == {"page", "size", "sort", "street", "q"}
    assert "zz" not in str([(fault.zh, fault.en) for fault in caught.value.errors])


@given(
    st.dictionaries(st.sampled_from(["page", "size", "sort", "street", "q", "other"]), st.text(max_size=30))
)
def test_any_address_is_a_query_or_a_clear_refusal(given: dict[str, str]) -> None:
    """No text makes anything else happen, and what passes is within bounds."""
    faults: object = None
    query = Query()
    try:
        query = parse(given)
    except Invalid as refusal:
        faults = refusal.errors
    assert faults != ()
    assert query.page >= 1
    assert query.size in SIZES
    assert query.sort in {None, "due", "name"}
    assert set(query.filters) <= {"street", "q"}


queries = st.builds(
    Query,
    page=st.integers(1, 1_000_000),
    size=st.sampled_from(SIZES),
    sort=st.sampled_from(["due", "name"]),
    descending=st.booleans(),
    filters=st.fixed_dictionaries(
        {},
        optional={
            "street": st.sampled_from(["110101001", "110101002"]),
            "q": st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20),
        },
    ),
)


@given(queries)
def test_the_address_of_a_query_asks_the_same_query(query: Query) -> None:
    """What `url` writes, `parse_query` reads back."""
    address = urlsplit(query.url("/riders"))
    assert address.path == "/riders"
    assert parse(dict(parse_qsl(address.query))) == query


def test_changing_one_part_keeps_the_others() -> None:
    """A filter set to None leaves the address; the order stays."""
    query = Query(page=3, sort="due", descending=True, filters={"street": "110101001", "q": "甲"})
    assert query.url("/r", page=1, street=None) == "/r?q=%E7%94%B2&sort=-due"


def test_an_export_asks_for_all_rows() -> None:
    """Size None stands for all rows, from the first."""
    assert Query(page=9, size=None).offset == 0
    assert Query(size=None).is_export
    assert Query(page=3, size=20).offset == 40
