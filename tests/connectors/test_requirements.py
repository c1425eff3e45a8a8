"""The requirement file says what the check does: each field it requires or forbids is tried on a row."""

from typing import Any

import pytest

from connectors.contract import check
from connectors.errors import FeedError
from connectors.forbidden import forbidden_group
from connectors.records import FeedType, Tier
from connectors.requirements import FieldNeed, Requirements, requirements
from connectors.transport.http_push import read_push
from tests.connectors.rows import crowdsourced, registration, request, station

ROWS: dict[FeedType, list[dict[str, Any]]] = {
    "station": [station()],
    "registration": [registration(), crowdsourced(community_code="110101001001")],
    "request": [request()],
}
#: A half of a point is another fault: lng, lat and frame come together or not at all.
MISSING = {"field_required", "station_ref_required", "work_area_required"}
FEEDS: tuple[FeedType, ...] = ("station", "registration", "request")


def needs(tier: Tier = "A") -> Requirements:
    """Return the requirements of an agreement."""
    return requirements(FEEDS, tier=tier, unknown="freeze", frame=None)


def codes(row: dict[str, Any], feed_type: FeedType, tier: Tier) -> set[tuple[str, str]]:
    """Return what the check finds wrong with a row."""
    return {(f.path, f.code) for f in check([(1, row)], feed_type=feed_type, tier=tier).failures}


def _holds(row: dict[str, Any], when: dict[str, str]) -> bool:
    return all(row.get(name, "upsert" if name == "op" else None) == value for name, value in when.items())


@pytest.mark.parametrize("tier", ["A", "B"])
@pytest.mark.parametrize("feed_type", FEEDS)
def test_a_field_is_required_exactly_where_it_is_said(feed_type: FeedType, tier: Tier) -> None:
    """Without a field that is required, always or under its condition, a good row is refused; else not."""
    for row in ROWS[feed_type]:
        assert codes(row, feed_type, tier) == set()
        for field in needs(tier).feeds[feed_type].fields:
            if "." in field.path or field.path not in row:
                continue
            wanted = field.need == "required" or any(_holds(row, when) for when in field.when)
            left = {name: value for name, value in row.items() if name != field.path}
            found = codes(left, feed_type, tier)
            missing = any(path == field.path and code in MISSING for path, code in found)
            assert missing == wanted, (field, row)


@pytest.mark.parametrize("feed_type", FEEDS)
def test_a_field_with_conditions_is_called_conditional(feed_type: FeedType) -> None:
    """Whoever reads `need` alone is not told that a field may be left out which an upsert needs."""
    fields = needs("B").feeds[feed_type].fields
    assert {one.path for one in fields if one.when} == {
        one.path for one in fields if one.need == "conditional"
    }


def test_the_limits_are_those_of_a_push() -> None:
    """One row beyond the number told is refused; a refused row beyond its length is not kept."""
    told = needs().limits
    body = b"{}\n" * (told.rows + 1)
    with pytest.raises(FeedError, match="too_many_rows"):
        list(read_push(body, content_type="application/x-ndjson"))
    for length, kept in ((told.kept_row_bytes // 2, True), (told.kept_row_bytes, False)):
        batch = check([(1, registration(shoe_size="x" * length))], feed_type="registration")
        assert (batch.rejects[0].payload is not None) == kept


def test_a_forbidden_field_refuses_the_row() -> None:
    """What tier A forbids is refused with its own code, and allowed in tier B."""
    values = {"name": "骑手甲", "phone": "19900000001", "phone_ext": "1", "id_hash": "0" * 64}
    fields: dict[str, FieldNeed] = {one.path: one for one in needs("A").feeds["registration"].fields}
    forbidden = {path for path, one in fields.items() if one.need == "forbidden"}
    assert forbidden == {*values, "id_number"}
    for name, value in values.items():
        row = registration(**{name: value})
        assert (name, "field_not_in_tier") in codes(row, "registration", "A")
        assert codes(row, "registration", "B") == set()
    assert not any(one.need == "forbidden" for one in needs("B").feeds["registration"].fields)


def test_the_forbidden_names_are_those_that_are_looked_for() -> None:
    """Each whole name of the list is refused as its group says."""
    for group, rules in needs().forbidden_names.items():
        for name in rules["exact"]:
            assert forbidden_group(name) == group, name


@pytest.mark.parametrize(
    ("unknown", "refused"), [("freeze", {("shoe_size", "field_unknown")}), ("discard", set())]
)
def test_unknown_fields_freeze_or_are_discarded(unknown: Any, refused: set[tuple[str, str]]) -> None:
    """The default refuses the row; an agreement that discards takes the rest of it in, without the field."""
    batch = check([(1, registration(shoe_size=43))], feed_type="registration", unknown=unknown)
    assert {(f.path, f.code) for f in batch.failures} == refused
    assert [hasattr(one.record, "shoe_size") for one in batch.records] == ([] if refused else [False])
    assert requirements(FEEDS, tier="A", unknown=unknown, frame=None).unknown_fields == unknown
