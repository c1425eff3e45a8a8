"""Names no feed may hold: the list hits what it should, in every spelling, and nothing ordinary."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.fields import field_rules
from connectors.forbidden import TooDeepError, forbidden_group, forbidden_paths
from connectors.records import RECORD_TYPES
from connectors.sources import load, names

FORBIDDEN = {
    "political": "政治面貌 党员 是否党员 黨員 入党时间 所属党支部 zzmm party_member isPartyMember party "
    "dangyuan political_status 共青团员 民主派别 joined_party "
    "群众面貌 politics_status member_of_party league_member youth_league "
    "рarty_member zhèngzhìmiànmào ΡΑRΤΥ_member "
    "共青團員 黨員",
    "religion": "religíon relig\u0456on 伊斯蘭 "
    "宗教 宗教信仰 religion religious_belief zongjiao faith xinyang",
    "health": "健康状况 健康证 health_status healthCode 血型 病史 体检日期 disability 残疾证 medical_record "
    "健康證 殘疾 用藥 "
    "体温 體溫 體檢 血壓 懷孕 过敏 tiwen hesuan temperature body_temperature body_temp allergy",
    "finance": "卡號 開戶行 支付寶 信用評分 "
    "银行卡 bank_card bankAccount 开户行 月收入 工资 salary income credit_score "
    "alipay_account 余额 資產 負債 徵信 monthly_income_cny monthly_salary_cny",
    "biometrics": "face face_image 人脸照片 指纹 fingerprint iris voice_print zhiwen renlian 声音特征 "
    "聲音特徵 步態",
    "positions_over_time": "gps track tracks gps_x lastLng last_lat 轨迹 行踪 trajectory locations "
    "current_location 实时位置 track_points rider_gps curLocation current_pos lat_now rt_lng live_geo "
    "lastSeenLocation latest_gps_time rider_lat courier_location knight_position_list report_lat "
    "reported_location 上报经度 骑手位置 骑手纬度 当前坐标 实时坐标 最后经纬度 最近坐标 "
    "定位 位置更新时间 路线 停留点 坐标串 位置序列 行车路线 "
    "lng_lat_list loc_trace 座標列表 行車路線 定位歷史 "
    "shishijingdu dangqianweizhi speed heading routes footprints moving_path loc_history "
    "足跡 實時位置 歷史位置 最近定位 zuji weizhiguiji route_history lng_history geo_track",
}
ORDINARY = (
    "tracking_no trackingNumber interface surface third_party_id partner partial credit_code station_ref "
    "统一社会信用代码 配送方式 站点编号 骑手编号 phone name 备注 序号 headcount shipping_ps bracelet_no "
    "last_login_at lastlatetime platform address 位置 经度 纬度 片区经度 trade department employment "
    "location station_lat station_lng area_lng area_lat work_area.lng place.lat lng lat longitude updated_at "
    "last_updated 配送站经度 片区纬度 常跑片区 站点位置 地址 online_status phone_ext user_name device_no "
    "report_date move_in_date "
    "站點編號 騎手編號 手機號 片區經度 trace_id poster_list café_name 备注说明 签收记录 站点列表"
)


@pytest.mark.parametrize(("group", "name"), [(g, n) for g, text in FORBIDDEN.items() for n in text.split()])
def test_a_forbidden_name_is_hit(group: str, name: str) -> None:
    """Each name of a forbidden kind is found under its own group."""
    assert forbidden_group(name) == group


@pytest.mark.parametrize("name", ORDINARY.split())
def test_an_ordinary_name_is_not_hit(name: str) -> None:
    """Ordinary names that merely look alike are let through."""
    assert forbidden_group(name) is None


def test_no_field_of_the_standard_or_of_a_source_is_forbidden() -> None:
    """The standard's own names and every manifest's columns pass the list."""
    own = {name for kind in RECORD_TYPES.values() for name in field_rules(kind)}
    columns = {c for source in names() for feed in load(source).feeds.values() for c in feed.columns}
    assert [name for name in own | columns if forbidden_group(name)] == []


@given(
    st.lists(st.sampled_from(["_", "-", " ", ".", "\u200b", ":"]), min_size=11, max_size=11),
    st.booleans(),
    st.booleans(),
)
def test_spelling_does_not_hide_a_name(separators: list[str], upper: bool, wide: bool) -> None:
    """Separators, case, full width and invisible characters change nothing."""
    name = "".join(letter + mark for letter, mark in zip("partymember", separators, strict=True))
    name = name.upper() if upper else name
    name = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in name) if wide else name
    assert forbidden_group(name) == "political"


def test_names_are_found_at_every_level_and_in_dotted_columns() -> None:
    """Nested objects, lists and dotted columns are looked into, and the path leads to the name."""
    row = {"a": {"b": [{"ok": 1}, {"zzmm": None}]}, "work_area.last_lng": "", 5: {"gps": 1}}
    assert forbidden_paths(row) == ["a.b[1].zzmm", "work_area.last_lng", "?.gps"]


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ('{"党员": "是"}', ["extra.党员"]),
        (' [{"ok": 1, "b": {"last_lng": 1}}]', ["extra[0].b.last_lng"]),
        ('{"a": "{\\"zzmm\\": 1}"}', ["extra.a.zzmm"]),
        ([{"key": "政治面貌", "value": "x"}], ["extra[0].key", "extra[0].value"]),
        ({"Name": "宗教信仰", "Value": None}, ["extra.Name", "extra.Value"]),
        ('[{"字段": "病史", "值": 1}]', ["extra[0].字段", "extra[0].值"]),
        ("{党员} 优先", []),
        ("[急] 健康证过期怎么办", []),
        ({"name": "健康路站", "code": "S-1"}, []),
        ({"title": "健康咨询", "content": "想约时间"}, []),
        ([{"key": "备注", "value": "党员"}], []),
    ],
)
def test_names_are_found_in_json_text_and_in_pairs_of_name_and_value(value: Any, paths: list[str]) -> None:
    """An object written out as text is looked into, as are lists of names and values; free text is not."""
    assert forbidden_paths({"record_id": "R-1", "extra": value}) == paths


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("政治面貌", "政治面貌"),
        ("是否党员", "是否党员"),
        ("Party_Member_Status", "Party_Member_Status"),
        ("骑手健康证编号", "骑手健康证编号"),
        ("党员王某某", "〔第 2 个字段，含“党”〕"),
        ("party_member_wang", "〔第 2 个字段，含“partymember”〕"),
        ("zzmm13912345678", "〔第 2 个字段，含“zzmm”〕"),
        ("政治面貌" * 20, "〔第 2 个字段，含“政治”〕"),
    ],
)
def test_a_forbidden_name_that_may_hold_a_value_is_told_by_place_and_word(name: str, told: str) -> None:
    """A name made of listed words is told as it stands; of any other only where it is and what was met."""
    assert forbidden_paths({"record_id": "R-1", name: 1}) == [told]
    assert forbidden_paths({"a": [{"record_id": "R-1", name: {"gps": 1}}]}) == [
        f"a[0].{told}",
        f"a[0].{told}.gps",
    ]


def test_deep_nesting_is_refused_and_not_followed() -> None:
    """A row nested beyond the limit is named as such instead of being searched."""
    row: dict[str, object] = {}
    for _ in range(64):
        row = {"a": row}
    with pytest.raises(TooDeepError):
        forbidden_paths(row)


def test_a_very_long_name_is_still_looked_at() -> None:
    """Length does not hide a forbidden name."""
    assert forbidden_group("x" * 5000 + "政治面貌") == "political"
