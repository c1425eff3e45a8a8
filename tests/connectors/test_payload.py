"""What is kept and told of a refused row: nothing forbidden, no identity number, no refused value."""

import json
from typing import Any

import msgspec
import pytest

from connectors.contract import check
from connectors.records import RECORD_TYPES
from tests.connectors.rows import ID_NUMBER, crowdsourced, registration, request, station

SECRET = "秘密之值7731"


@pytest.mark.parametrize("unknown", ["freeze", "discard"])
@pytest.mark.parametrize("extra", [{"政治面貌": SECRET}, {"a": [{"Last-Lng": SECRET}]}, {"ＺＺＭＭ": ""}])
def test_a_forbidden_field_leaves_nothing_of_its_row(unknown: Any, extra: dict[str, Any]) -> None:
    """A forbidden name at any level, even empty, refuses the row in every mode and nothing of it stays."""
    row = registration(name="骑手甲0001号", **extra)
    for form in (row, json.dumps(row), json.dumps(row).encode()):
        batch = check([(7, form)], feed_type="registration", unknown=unknown)
        (reject,) = batch.rejects
        assert (reject.row, reject.record_id, reject.payload) == (7, "R-0001", None)
        assert {f.code for f in reject.failures} == {"field_forbidden"}
        kept = msgspec.json.encode(reject).decode()
        assert SECRET not in kept
        assert "骑手甲" not in kept


@pytest.mark.parametrize(
    "name", sorted({name for kind in RECORD_TYPES.values() for name in kind.__struct_fields__})
)
def test_a_refused_value_is_never_echoed(name: str) -> None:
    """No sentence about a fault repeats the value at fault."""
    for feed_type in RECORD_TYPES:
        row = {"registration": registration, "station": station, "request": request}[feed_type]()
        batch = check(
            [(1, row | {name: {"secret": SECRET}}), (2, row | {name: SECRET * 300})], feed_type=feed_type
        )
        assert SECRET not in msgspec.json.encode(batch.failures).decode()


def test_identity_numbers_never_stay_in_a_refused_row() -> None:
    """A refused row is kept without identity numbers, in whatever field and however malformed."""
    row = registration(
        employment="x", id_number="11010519491231002", 身份证号="abc", note=f"证 {ID_NUMBER}", age=3
    )
    payload = check([(1, row)], feed_type="registration").rejects[0].payload
    assert payload is not None
    assert set(json.loads(payload)) == set(registration()) | {"age"}


def test_a_point_that_is_too_precise_does_not_stay() -> None:
    """Quarantine does not keep the degrees that were refused for their precision."""
    row = crowdsourced(lng=116.123456, lat=39.9, frame="wgs84")
    payload = check([(1, row)], feed_type="registration").rejects[0].payload
    assert payload is not None
    assert b"116.123456" not in payload
