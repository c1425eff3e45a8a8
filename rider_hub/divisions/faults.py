"""What can be wrong with a row of a registry, in Chinese and English, each with its cure; decides nothing."""

from typing import Final

from rider_hub.errors import Failure

__all__ = ["fault"]

#: Code → sentences; {..} is filled with limits and choices, never with a value of the row.
_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "file_empty": (
        "文件里没有数据行。请确认导出的是有内容的表。",
        "The file holds no rows. Export a table that has some.",
    ),
    "row_unreadable": (
        "这一行读不出来。请按“列名 + 值”重新导出。",
        "This row can't be read. Export it again as named columns.",
    ),
    "field_required": ("此列必填，不能为空。", "This column is required and must not be empty."),
    "text_too_long": ("此列最多 {limit} 个字。", "This column holds at most {limit} characters."),
    "date_invalid": ("日期应写成 2026-11-23。", "Write the date as 2026-11-23."),
    "dates_swapped": (
        "截止日期早于开始日期。请核对两个日期。",
        "It ends before it begins. Check both dates.",
    ),
    "number_invalid": ("此列应为数字。", "This column must be a number."),
    "integer_invalid": (
        "此列应为 0 到 {limit} 的整数。",
        "This column must be a whole number from 0 to {limit}.",
    ),
    "point_out_of_range": (
        "经度应在 73 到 136 之间、纬度应在 3 到 54 之间。请检查经纬度是否写反。",
        "Longitude must lie in 73-136 and latitude in 3-54. See whether they are swapped.",
    ),
    "point_half": ("经度和纬度要么都填，要么都不填。", "Give both longitude and latitude, or neither."),
    "frame_missing": (
        "有坐标就要写明坐标系：wgs84、cgcs2000、gcj02 或 bd09。",
        "A point needs its frame: wgs84, cgcs2000, gcj02 or bd09.",
    ),
    "value_not_in_list": ("此列只能填：{choices}。", "The value must be one of: {choices}."),
    "code_not_digits": ("区划代码只能由数字组成。", "A division code consists of digits only."),
    "code_scientific": (
        "代码被表格软件改成了科学计数，末尾数字已丢失。请把该列设为文本后重新填写。",
        "A spreadsheet made the code scientific notation and lost its end. Make the column text, retype it.",
    ),
    "code_zero_lost": (
        "代码少一位，可能丢了开头的 0。请把该列设为文本后重新导出。",
        "The code is one digit short; a leading zero may be lost. Make the column text and export again.",
    ),
    "code_length": (
        "区划代码应为 2、4、6、9 或 12 位。",
        "A division code has 2, 4, 6, 9 or 12 digits.",
    ),
    "level_wrong": (
        "级别与代码位数不符。请改正级别或代码。",
        "The level does not fit the code's length. Correct one of them.",
    ),
    "parent_wrong": (
        "上级代码与本代码的前几位不符。请改正。",
        "The parent does not begin this code. Correct one of them.",
    ),
    "parent_unknown": (
        "表里和系统里都没有它的上级。请补上上级那一行。",
        "Its parent is neither in the table nor in the hub. Add the parent's row.",
    ),
    "duplicate": ("与第 {first} 行重复。请只保留一行。", "Repeats row {first}. Keep one of them."),
    "division_unknown": (
        "区划代码表里没有这个代码。请先导入最新的代码表，或改正代码。",
        "The code table has no such code. Import the newest table first, or correct the code.",
    ),
    "change_of_level": (
        "原代码与新代码应为同一级（位数相同）。请改正。",
        "The old and the new code must be of one level, so of one length. Correct one of them.",
    ),
    "change_of_unknown": (
        "变更日期之前的代码表里没有这个原代码。请先导入变更前的代码表，或改正代码、变更日期。",
        "No code table of before has this old code. Import the older table first, or correct code or date.",
    ),
    "change_into_existing": (
        "这个新代码在变更前已经存在。请另加一行，原代码和新代码都填它自己。",
        "This new code was there before. Add a row with it as both the old and the new code.",
    ),
    "division_level": ("此处应填{zh}代码。", "Give the code of a {en} here."),
    "division_unfound": (
        "没有填区划，坐标也不在已有边界内。请填上所在社区或街道的代码。",
        "No division is given and the point lies in no boundary. Give its community's or street's code.",
    ),
    "outside_scope": (
        "不在您的管理范围内。请改由有权限的人员导入。",
        "Outside your scope. Have someone in charge of it import it.",
    ),
    "organization_unknown": (
        "上级党组织既不在表里也不在系统里。请补上那一行。",
        "The parent organization is neither in the table nor in the hub. Add its row.",
    ),
    "parent_cycle": (
        "上级关系绕成了圈。请改正上级党组织。",
        "The parents form a circle. Correct the parent organization.",
    ),
    "covers_invalid": (
        "覆盖范围应写成“站点:平台/站点编号；社区:12位代码；街道:9位代码；区县:6位代码”，用分号隔开。",
        "Write coverage as station:platform/ref; community:12 digits; street:9 digits; county:6 digits.",
    ),
    "person_column": (
        "指导员表只登记岗位，不登记个人。请去掉姓名、电话等列。",
        "The table of instructors holds posts, not persons. Remove columns such as name and phone.",
    ),
    "hours_unreadable": (
        "开放时间看不懂，骑手页面会显示“时间不明”。请写成 Mo-Fr 09:00-18:00; Sa 10:00-14:00 或 24/7。",
        "Opening hours can't be read and show as unknown. Write Mo-Fr 09:00-18:00; Sa 10:00-14:00, or 24/7.",
    ),
    "polygon_invalid": (
        "边界无效（{reason}）。请在制图软件中修复。",
        "The boundary is invalid ({reason}). Repair it in a GIS.",
    ),
    "polygon_missing": (
        "没有几何或几何为空。请补上边界，或去掉这一行。",
        "There is no geometry. Give the boundary or leave the row out.",
    ),
    "polygon_duplicate": (
        "同一代码出现多次。请把各块合成一个多面。",
        "The code stands in several rows. Join the pieces into one multipolygon.",
    ),
    "polygon_overlap": (
        "{code} 与 {other} 重叠 {m2:,.0f} 平方米。重叠处按较小的代码处理。",
        "{code} and {other} overlap by {m2:,.0f} square metres; the smaller code wins there.",
    ),
    "polygon_absent": ("{code} 没有边界。", "{code} has no boundary."),
    "polygon_gap": (
        "有一块 {m2:,.0f} 平方米的空白没有归属。",
        "A gap of {m2:,.0f} square metres belongs to nobody.",
    ),
    "codes_absent": (
        "{region} 还没有区划代码表，无法核对边界。请先用 rider-hub import divisions 导入。",
        "{region} has no code table to check against: import it first with `rider-hub import divisions`.",
    ),
    "too_many_rows": (
        "一次最多导入 {limit} 行。请分成几个文件。",
        "At most {limit} rows at once. Split the file.",
    ),
}


def fault(row: int, path: str, code: str, /, **detail: object) -> Failure:
    """Return a fault of a row (0 is the file as a whole) in words."""
    zh, en = _TEXTS[code]
    return Failure(row=row, path=path, code=code, zh=zh.format(**detail), en=en.format(**detail))
