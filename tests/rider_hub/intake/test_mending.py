"""A row as a form: every field once, faults beside theirs, and changes that leave the rest as it was."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from connectors import sources
from rider_hub.intake.mending import MendField, changed_fields, fields_of, mended_row

NAMES = st.text(min_size=1, max_size=6)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=8)
    | st.lists(st.integers(0, 9))
)
ROWS = st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, max_size=3), max_size=6)


@given(row=ROWS)
def test_a_form_sent_as_it_stands_changes_nothing(row: dict[str, Any]) -> None:
    """Opened, each value comes back as it was, of its own type; null stands for an absent field."""
    fields = fields_of(row, [], "registration", None, opened=True)
    same = _mended(row, fields, [(one.path, one.value) for one in fields])
    assert _plain(msgspec.json.decode(same)) == _plain(row)


@given(row=ROWS)
def test_closed_fields_left_empty_stay(row: dict[str, Any]) -> None:
    """What was not shown and not filled in is what was kept."""
    fields = fields_of(row, [], "registration", None, opened=False)
    closed = [one.path for one in fields if not one.shown]
    same = _mended(row, fields, [(path, "") for path in closed])
    assert msgspec.json.decode(same) == msgspec.json.decode(msgspec.json.encode(row))


def _mended(row: dict[str, Any], fields: list[MendField], changes: list[tuple[str, str]]) -> bytes:
    return mended_row(row, changed_fields(row, fields, changes, []))


def _plain(row: Any) -> Any:
    """Leave out what an empty cell can't say: null and empty texts."""
    return {k: _plain(v) if isinstance(v, dict) else v for k, v in row.items() if v is not None and v != ""}


def test_a_fault_stands_beside_the_senders_own_column() -> None:
    """Titles are the standard's, names the sender's; a missing field has an empty box of its own."""
    row = {"qishou_bianhao": "J1", "pianqu": {"shequ_daima": "x"}}
    failures = [
        {"path": "pianqu.shequ_daima", "code": "code_invalid", "zh": "应为 12 位", "en": ""},
        {"path": "gengxin_shijian", "code": "field_missing", "zh": "缺少", "en": ""},
    ]
    fields = fields_of(row, failures, "registration", sources.load("jia"), opened=False)
    by_name = {one.name: one for one in fields}
    assert by_name["pianqu.shequ_daima"].title == "常跑片区：社区代码"
    assert by_name["pianqu.shequ_daima"].faults == ("应为 12 位",)
    assert (by_name["pianqu.shequ_daima"].shown, by_name["pianqu.shequ_daima"].value) == (False, "")
    assert by_name["gengxin_shijian"].faults == ("缺少",)
    changed = _mended(row, fields, [(by_name["gengxin_shijian"].path, "2026-10-01 09:00:00")])
    assert msgspec.json.decode(changed) == row | {"gengxin_shijian": "2026-10-01 09:00:00"}


def test_a_field_of_few_values_offers_them() -> None:
    """The standard's values, or the sender's own codes, each with its word; other fields are free."""
    row = {"employment": "full_time", "work_area": {"frame": "gcj02"}, "station_ref": "S-1"}
    fields = {one.name: one for one in fields_of(row, [], "registration", None, opened=True)}
    assert fields["employment"].choices == (("dedicated", "专送"), ("crowdsourced", "众包"))
    assert [value for value, _ in fields["work_area.frame"].choices] == ["wgs84", "cgcs2000", "gcj02", "bd09"]
    assert fields["station_ref"].choices == ()
    coded = fields_of({"peisong_fangshi": "x"}, [], "registration", sources.load("jia"), opened=True)
    assert coded[0].choices == (("zhuansong", "专送（zhuansong）"), ("zhongbao", "众包（zhongbao）"))


def test_a_missing_place_is_asked_for_as_a_code() -> None:
    """The fault of a work area without a place stands beside the community code, not beside its street."""
    row = {"employment": "crowdsourced", "work_area": {"street": "某街道"}}
    failures = [{"path": "work_area", "code": "work_area_required", "zh": "缺少片区", "en": ""}]
    fields = {one.name: one for one in fields_of(row, failures, "registration", None, opened=False)}
    assert fields["work_area.community_code"].faults == ("缺少片区",)
    assert fields["work_area.street"].faults == ()
    mended = [(fields["work_area.community_code"].path, "110101001001")]
    changed = _mended(row, list(fields.values()), mended)
    assert msgspec.json.decode(changed)["work_area"] == {"street": "某街道", "community_code": "110101001001"}
