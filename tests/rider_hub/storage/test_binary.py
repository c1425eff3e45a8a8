"""Every column of bytes says what it holds, so that key rotation reaches each envelope."""

from typing import get_args

from rider_hub.access.keys import Purpose
from rider_hub.cli.all_tables import load_all_tables
from rider_hub.storage import metadata, private_metadata
from rider_hub.storage.binary import keyed_columns, sealed_columns, undeclared


def test_no_column_of_bytes_is_undeclared() -> None:
    """Bytes are declared with sealed_column, keyed_column or open_bytes; rotation would pass others over."""
    load_all_tables()
    assert undeclared(metadata, private_metadata) == []


def test_declared_purposes_are_the_key_rings() -> None:
    """A misspelt purpose would be found only when rows are sealed anew."""
    load_all_tables()
    declared = {said.purpose for _, _, said in sealed_columns(metadata, private_metadata)}
    declared |= {said.purpose for _, _, said in keyed_columns(metadata, private_metadata)}
    assert declared <= set(get_args(Purpose))


def test_an_envelope_is_bound_to_a_column_that_never_changes() -> None:
    """The value an envelope is bound to is its table's primary key."""
    load_all_tables()
    for table, _, said in sealed_columns(metadata, private_metadata):
        assert [column.name for column in table.primary_key] == [said.row], table.name


def test_what_is_recomputed_stands_beside_its_envelope() -> None:
    """A keyed column that rotation recomputes has exactly one envelope in its table to recompute it from."""
    load_all_tables()
    envelopes = [table.name for table, _, _ in sealed_columns(metadata, private_metadata)]
    for table, column, said in keyed_columns(metadata, private_metadata):
        assert (said.of is not None) == (said.purpose in {"index", "subject"}), (table.name, column.name)
        if said.of is not None:
            assert envelopes.count(table.name) == 1
