"""Reason codes of matching, each with the sentence a clerk reads on the page."""

from dataclasses import dataclass

__all__ = ["REASONS", "Reason", "explain"]


@dataclass(frozen=True)
class Reason:
    """One reason: a code, its sentence in Chinese and English, the article it rests on."""

    code: str
    zh: str
    en: str
    article: str


def _reasons(*rows: tuple[str, str, str, str]) -> dict[str, Reason]:
    return {row[0]: Reason(*row) for row in rows}


#: Articles of 国市监注发〔2023〕75号: 10 fallback, 12 instructors, 27 registration, 28 hosts, 29 services.
REASONS = _reasons(
    # where the rider belongs
    ("own_choice", "骑手本人选择的社区", "the community the rider chose", "27"),
    ("station_point", "配送站点坐标位于该社区", "the station's point lies in the community", "27"),
    ("station_stated", "平台填报的站点所在社区", "the community the platform states for the station", "27"),
    (
        "station_point_over_stated",
        "站点坐标所在社区（与填报不一致，以坐标为准）",
        "the station's point, against what is stated",
        "27",
    ),
    ("station_street", "站点只能确定到街道", "only the station's street is certain", "27"),
    ("area_community", "骑手常跑片区（社区）", "the community given as work area", "27"),
    (
        "area_point_street",
        "骑手常跑片区（约略位置，只定到街道）",
        "a rounded work-area point, certain to the street only",
        "27",
    ),
    # who covers it
    ("own_branch", "站点单独组建的党组织", "the station's own branch", "28"),
    ("joint_branch", "覆盖该站点的联合党支部", "the joint branch that covers the station", "28"),
    ("covering_organization", "覆盖该站点的党组织", "the organization that covers the station", "28"),
    ("community_organization", "该社区党组织", "the community's organization", "10"),
    (
        "fallback_street",
        "社区暂无党组织，由街道兜底",
        "no organization in the community: the street answers",
        "10",
    ),
    (
        "fallback_street_only",
        "只能确定到街道，由街道兜底",
        "certain to the street only: the street answers",
        "10",
    ),
    ("fallback_county", "由区县外卖配送行业党组织兜底", "the county's industry organization answers", "10"),
    (
        "instructor_of_street",
        "站点暂无党组织覆盖，由街道指导员联系",
        "no branch covers the station: the street's instructor",
        "12",
    ),
    # love stations
    ("near_station", "距配送站点最近", "nearest to the station", "29"),
    ("near_area", "距常跑片区最近", "nearest to the work area", "29"),
    ("near_community", "距社区中心最近", "nearest to the community's centre", "29"),
    ("none_in_radius", "附近暂无驿站", "none within the radius", "29"),
    # what stays open
    ("border_ambiguous", "位置紧邻社区边界，待确认", "too near to a border to decide: to be asked", "27"),
    (
        "rounded_point",
        "约略位置，社区待骑手确认",
        "a rounded point: the rider is asked for the community",
        "27",
    ),
    (
        "outside_areas",
        "位置不在本区县任何社区内，待核对",
        "the point lies in no community of the county",
        "27",
    ),
    ("waiting_for_station", "站点尚未报送，待平台补报", "the station has not been sent yet", "27"),
    ("no_place", "没有站点或常跑片区，待补充", "neither station nor work area is known", "27"),
    ("no_organization", "该地暂无可对接的党组织", "no organization answers for the place", "10"),
)


def explain(code: str) -> str:
    """Return the Chinese sentence of a reason code; an unknown code is shown as it is."""
    reason = REASONS.get(code)
    return reason.zh if reason else code
