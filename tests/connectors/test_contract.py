"""The contract: which rows are accepted, which faults are named, and what is kept of a refused row."""

import json
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.batch import Batch
from connectors.contract import check
from connectors.problems import LostDigits, sentences
from connectors.records import RECORD_TYPES, FeedType, Registration
from tests.connectors.rows import ID_NUMBER, crowdsourced, registration, request, station


def faults(row: Any, feed_type: FeedType = "registration", **options: Any) -> set[tuple[str, str]]:
    """Return the path and code of each fault of one row, the same read as a mapping and as JSON."""
    found = [
        {(f.path, f.code) for f in check([(1, form)], feed_type=feed_type, **options).failures}
        for form in (row, json.dumps(row), json.dumps(row, ensure_ascii=False).encode())
    ]
    assert found[0] == found[1] == found[2]
    return found[0]


@pytest.mark.parametrize(
    ("feed_type", "row"),
    [
        ("registration", registration()),
        (
            "registration",
            registration(name="骑手甲0001号", phone="+86 199-0000-0001", id_number=ID_NUMBER.lower()),
        ),
        ("registration", crowdsourced(community_code="110101001001")),
        ("registration", crowdsourced(lng=116.397, lat=39.9, frame="bd09")),
        ("registration", crowdsourced(lng="116.397", lat="39.9", frame="wgs84")),
        ("registration", crowdsourced(lng=116.397, lat=39.9) | {"frame": "wgs84"}),
        ("station", station()),
        ("station", {"station_ref": "S-01", "op": "retract"}),
        ("request", request()),
    ],
)
def test_a_row_of_the_standard_is_accepted(feed_type: FeedType, row: dict[str, Any]) -> None:
    """Rows that keep the standard are accepted in any form they come in."""
    assert faults(row, feed_type) == set()


@pytest.mark.parametrize("op", ["leave", "retract"])
def test_leaving_needs_no_employment(op: str) -> None:
    """A leave or retract needs only who, when and its record id."""
    row = registration(op=op)
    for name in ("employment", "station_ref", "effective_at"):
        del row[name]
    assert faults(row) == set()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (registration(station_ref=None), {("station_ref", "station_ref_required")}),
        (crowdsourced(), {("work_area", "work_area_required")}),
        (crowdsourced(street="东四街道"), {("work_area", "work_area_required")}),
        (crowdsourced(lng=116.4001, lat=39.9, frame="wgs84"), {("work_area.lng", "work_area_too_precise")}),
        (
            crowdsourced(lng="116.40000001", lat=39.9, frame="wgs84"),
            {("work_area.lng", "work_area_too_precise")},
        ),
        (crowdsourced(lng=116.4, lat=39.9), {("work_area.frame", "frame_required")}),
        (crowdsourced(lng=116.4, frame="wgs84"), {("work_area.lat", "point_incomplete")}),
        (crowdsourced(lng=116.4, lat=39.9) | {"frame": "WGS"}, {("frame", "value_not_in_list")}),
        (
            crowdsourced(lng=True, lat=91, frame="wgs84"),
            {("work_area.lng", "type_number"), ("work_area.lat", "value_out_of_range")},
        ),
        (crowdsourced(community_code="1101"), {("work_area.community_code", "code_invalid")}),
        (registration(updated_at="2026-11-01T00:00:00"), {("updated_at", "timestamp_without_zone")}),
        (registration(updated_at=1793491200), {("updated_at", "timestamp_invalid")}),
        (registration(updated_at="0001-01-01T00:00:00+14:00"), {("updated_at", "value_out_of_range")}),
        (registration(employment="zhuansong"), {("employment", "value_not_in_list")}),
        (registration(platform_rider_ref=12345), {("platform_rider_ref", "type_text")}),
        (
            registration(platform_rider_ref=ID_NUMBER),
            {("platform_rider_ref", "reference_is_identity_number")},
        ),
        (registration(platform_rider_ref="  "), {("platform_rider_ref", "field_required")}),
        (registration(platform_rider_ref="a\x00b"), {("platform_rider_ref", "value_control_character")}),
        (registration(platform_rider_ref="a" * 129), {("platform_rider_ref", "value_too_long")}),
        (registration(phone="12345"), {("phone", "phone_invalid")}),
        (registration(id_number="110105194912310021"), {("id_number", "id_number_invalid")}),
        (registration(id_hash="AB"), {("id_hash", "id_hash_invalid")}),
        (registration(id_number=ID_NUMBER, id_hash="a" * 64), {("id_hash", "id_number_and_hash")}),
        (registration(work_area=[1]), {("work_area", "type_object")}),
        (registration(shoe_size=42), {("shoe_size", "field_unknown")}),
        (
            registration(work_area={"community_code": "110101001001", "door": 1}),
            {("work_area.door", "field_unknown")},
        ),
    ],
)
def test_a_fault_is_named_by_field_and_code(row: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    """Each fault has its own code at its own path, and no other fault is made up beside it."""
    assert faults(row) == expected


def test_station_and_request_rules_are_checked() -> None:
    """Stations need a name and a place, dates in order; a request needs a place."""
    bare = {"station_ref": "S-01", "active_from": "2026-02-01", "active_to": "2026-01-31"}
    expected = {
        ("name", "field_required"),
        ("address", "station_place_required"),
        ("active_to", "dates_reversed"),
    }
    assert faults(bare, "station") == expected
    assert faults(request(place={"street": "东四街道"}), "request") == {("place", "place_required")}
    assert faults(request(place={}), "request") == {("place", "field_required")}


def test_all_faults_of_a_row_come_at_once_up_to_twenty() -> None:
    """A row with many faults is told all of them together, at most 20."""
    few = registration(employment="x", updated_at="x", phone="x", shoe_size=1)
    assert len(faults(few)) == 4
    many = registration(**{f"extra_{n}": n for n in range(50)})
    assert len(check([(1, many)], feed_type="registration").failures) == 20


def test_tier_a_refuses_and_drops_the_fields_of_tier_b() -> None:
    """Under tier A a name or phone refuses the row, and quarantine does not keep them."""
    row = registration(name="骑手甲0001号", phone="19900000001")
    batch = check([(1, json.dumps(row))], feed_type="registration", tier="A")
    assert {(f.path, f.code) for f in batch.failures} == {
        ("name", "field_not_in_tier"),
        ("phone", "field_not_in_tier"),
    }
    payload = batch.rejects[0].payload
    assert payload is not None
    assert b"19900000001" not in payload
    assert "骑手甲".encode() not in payload


def test_unknown_fields_are_discarded_only_when_told() -> None:
    """Unknown fields refuse a row by default; with discard the row is accepted without them."""
    row = registration(shoe_size=42)
    assert check([(1, row)], feed_type="registration", unknown="discard").records[0].record == (
        check([(1, registration())], feed_type="registration").records[0].record
    )


def test_a_record_has_one_form_and_one_digest() -> None:
    """However the same content is written, record and digest are the same; other content has another."""
    plain = crowdsourced(lng=116.4, lat=39.9, frame="gcj02") | {
        "phone": "19900000001",
        "id_number": ID_NUMBER,
    }
    other = crowdsourced(lng="116.400", lat=39.9, frame=None) | {
        "phone": " 0086 199 0000 0001",
        "id_number": ID_NUMBER.lower(),
        "updated_at": "2026-11-01T08:00:00+08:00",
        "op": " upsert",
    }
    rows: list[tuple[int, Any]] = [
        (1, plain),
        (2, json.dumps(plain)),
        (3, other),
        (4, plain | {"phone": "19900000002"}),
    ]
    first, second, third, fourth = check(rows, feed_type="registration", frame="gcj02").records
    assert first.record == second.record == third.record
    assert first.digest == second.digest == third.digest != fourth.digest
    assert first.digest == sha256(msgspec.json.encode(first.record, order="sorted")).digest()
    assert isinstance(first.record, Registration)
    assert first.record.work_area
    assert first.record.work_area.frame == "gcj02"


def test_a_phone_extension_is_set_apart() -> None:
    """The extension of a privacy number goes to its own field."""
    record = check([(1, registration(phone="19900000001转1234"))], feed_type="registration").records[0].record
    assert isinstance(record, Registration)
    assert (record.phone, record.phone_ext) == ("19900000001", "1234")


def test_a_number_that_lost_digits_is_named_by_cell() -> None:
    """A spreadsheet number beyond 15 digits is refused with its cell, not guessed."""
    batch = check([(1, registration(id_number=LostDigits("H2")))], feed_type="registration")
    assert [(f.path, f.code) for f in batch.failures] == [("id_number", "number_lost_digits")]
    assert "H2" in batch.failures[0].zh
    assert "H2" in batch.failures[0].en


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "row_not_json"), (b"", "row_not_json"), (b"\xff", "row_not_json"),
        (b'{"a":1e400}', "row_not_json"),
        (b'{"a":NaN}', "row_not_json"), (b'{"a":"\\ud800"}', "row_not_json"), (b"[1]", "row_not_object"),
        (b"null", "row_not_object"), (b'{"a":' * 64 + b"1" + b"}" * 64, "row_too_deep"),
        (b"[" * 100_000, "row_too_deep"), ("\ud800", "row_not_json"),
    ],
)  # fmt: skip
def test_an_unreadable_row_is_a_reject_without_payload(raw: bytes | str, code: str) -> None:
    """A row that is no readable object is refused by code; nothing of it is kept, its names being unread."""
    (reject,) = check([(1, raw)], feed_type="registration").rejects
    assert ([f.code for f in reject.failures], reject.payload) == ([code], None)


def test_of_a_repeated_key_the_last_counts() -> None:
    """A repeated key is read as its last value."""
    raw = json.dumps(registration())[:-1] + ', "station_ref": "S-02"}'
    record = check([(1, raw)], feed_type="registration").records[0].record
    assert isinstance(record, Registration)
    assert record.station_ref == "S-02"


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.characters(categories=["Cs"])
)
keys = (
    st.sampled_from(sorted({n for t in RECORD_TYPES.values() for n in t.__struct_fields__}))
    | st.text()
    | st.integers()
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=8)


@settings(max_examples=100)
@given(
    rows=st.lists(
        st.dictionaries(keys, values) | st.binary() | st.text() | st.sampled_from([registration(), station()])
    ),
    feed_type=st.sampled_from(sorted(RECORD_TYPES)),
    unknown=st.sampled_from(["freeze", "discard"]),
    tier=st.sampled_from(["A", "B"]),
)
def test_rows_are_records_plus_rejects(rows: list[Any], feed_type: Any, unknown: Any, tier: Any) -> None:
    """Whatever comes in, each row becomes exactly one record or one reject, and never an exception."""
    batch = check(list(enumerate(rows, 1)), feed_type=feed_type, unknown=unknown, tier=tier)
    assert sorted([*(c.row for c in batch.records), *(r.row for r in batch.rejects)]) == [
        n for n, _ in enumerate(rows, 1)
    ]
    assert all(reject.failures for reject in batch.rejects)
    msgspec.json.encode(batch.failures)


@settings(max_examples=200)
@given(row=st.sampled_from([registration(), crowdsourced(lng=116.4, lat=39.9)]), key=keys, value=values)
def test_one_strange_value_is_a_record_or_a_reject(row: dict[str, Any], key: Any, value: Any) -> None:
    """One strange value in a good row gives a record or a reject whose payload is valid JSON."""
    batch = check([(1, row | {key: value})], feed_type="registration", frame="gcj02", unknown="discard")
    assert batch.total == 1
    for reject in batch.rejects:
        assert reject.payload is None or isinstance(json.loads(reject.payload), dict)


def test_counts_add_up() -> None:
    """The counts of a batch are rows, accepted, rejected, and rejected rows by code."""
    batch = check([(1, registration()), (2, registration(phone="x")), (3, b"{")], feed_type="registration")
    expected = {"total": 3, "accepted": 1, "rejected": 2, "code:phone_invalid": 1, "code:row_not_json": 1}
    assert batch.counts() == expected
    assert Batch((), ()).counts() == {"total": 0, "accepted": 0, "rejected": 0}


def test_every_sentence_is_there_in_both_languages() -> None:
    """Every code has a Chinese and an English sentence, and no two share one."""
    texts = [text for group in sentences().values() for text in group.values()]
    assert all(text.zh and text.en for text in texts)
    assert len({text.zh for text in texts}) == len(texts)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400, True, [1], "٣"])
def test_a_number_that_is_none_is_refused(value: Any) -> None:
    """NaN, infinity, endless integers, booleans, lists and foreign digits are no degrees."""
    failures = check([(1, station(lng=value))], feed_type="station").failures
    assert [(f.path, f.code) for f in failures] == [("lng", "type_number")]


def test_padding_of_any_kind_is_dropped_on_every_way() -> None:
    """A blank of any script around a text leaves the same record, whether read quickly or field by field."""
    blanks = [chr(code) for code in range(0x3001) if chr(code).isspace() and chr(code).isprintable() is False]
    plain = check([(1, json.dumps(registration(name="骑手甲")))], feed_type="registration").records[0]
    for blank in [" ", *(b for b in blanks if ord(b) > 0x7F and b not in "\u2028\u2029")]:
        for name in (f"{blank}骑手甲", f"骑手甲{blank}"):
            row = registration(name=name)
            for form in (row, json.dumps(row), json.dumps(row, ensure_ascii=False)):
                [one] = check([(1, form)], feed_type="registration").records
                assert one.digest == plain.digest, (hex(ord(blank)), form)
