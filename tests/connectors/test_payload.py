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


@pytest.mark.parametrize("unknown", ["freeze", "discard"])
@pytest.mark.parametrize("extra", ['{"党员": "秘密之值7731"}', [{"key": "政治面貌", "value": SECRET}]])
@pytest.mark.parametrize("field", ["extra", "employment", "work_area"])
def test_forbidden_content_in_text_or_pairs_leaves_nothing_of_its_row(
    unknown: Any, extra: Any, field: str
) -> None:
    """It is refused whole in whatever field it stands, of the standard or not."""
    row = registration() | {field: extra}
    for form in (row, json.dumps(row), json.dumps(row, ensure_ascii=False).encode()):
        (reject,) = check([(7, form)], feed_type="registration", unknown=unknown).rejects
        assert (reject.payload, {f.code for f in reject.failures}) == (None, {"field_forbidden"})


def test_forbidden_content_in_a_text_that_may_be_anything_is_found() -> None:
    """A row that is right in every other way is looked into where a text of it is an object written out."""
    for text in ('{"党员": "是"}', '[{"党员": "是"}]', '  {"党员": "是"}'):
        for form in (request(text=text), json.dumps(request(text=text)).encode()):
            batch = check([(1, form)], feed_type="request")
            assert {f.path for f in batch.failures} <= {"text.党员", "text[0].党员"}
            assert (len(batch.records), len(batch.rejects)) == (0, 1)
    assert check([(1, json.dumps(request(text='{"灯": "坏了"}')))], feed_type="request").records


@pytest.mark.parametrize(
    "name",
    [
        "张某某13912345678",
        "编号 1 2 3 4 5 6",
        "请在此列填写骑手的姓名和联系方式以及其他需要说明的情况，如张某某，电话一三九等等，多谢配合",
    ],
)
def test_a_name_that_may_hold_a_value_is_neither_told_nor_kept(name: str) -> None:
    """A field of no standard whose name holds figures or is very long is told by its place alone."""
    row = {"record_id": "R-1", name: "值", "备注": "另一值", "work_area": {"street": 1, name: 2}}
    (reject,) = check([(1, row)], feed_type="registration").rejects
    told = [f.path for f in reject.failures if f.code == "field_unknown"]
    assert told == ["〔第 2 个字段〕", "备注", "work_area.〔第 2 个字段〕"]
    kept = json.loads(reject.payload or b"")
    assert kept == {"record_id": "R-1", "备注": "另一值", "work_area": {"street": 1}}


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
