"""The station's form: its columns become the standard's, what is empty is made, what is old stays old."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from openpyxl import load_workbook

from connectors.contract import check
from connectors.problems import LostDigits
from connectors.records import Tier
from connectors.transport.files import read_rows
from rider_hub.intake.station_form import COLUMNS, standard_rows
from rider_hub.intake.station_template import Template, write_template

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
OLD = "2026-11-01T09:00:00+08:00"


def read(**row: Any) -> dict[str, Any]:
    """Return one row of the form in standard names, where S-1 is the only station."""
    [(number, found)] = standard_rows([(4, row)], station_ref="S-1", now=NOW, mark="abc")
    assert number == 4
    assert isinstance(found, dict)
    return found


def test_a_new_rider_needs_no_more_than_a_reference() -> None:
    """Employment, station, day, time and id of the record are made; the contract takes the row."""
    row = read(骑手编号="R-1", 变动="新增", 姓名="", 手机号="", 名单时间="")
    assert row["employment"], row["station_ref"] == ("dedicated", "S-1")
    assert (row["updated_at"], row["record_id"]) == (NOW.isoformat(), "abc-4")
    assert check([(1, row)], feed_type="registration").rejects == ()


def test_an_untouched_row_is_as_old_as_the_form_and_a_change_is_of_now() -> None:
    """So a form filled in a week ago does not bring back who has left since."""
    assert read(骑手编号="R-1", 变动="", 名单时间=OLD)["updated_at"] == OLD
    for said in ({"变动": "离开"}, {"变动": "更新"}, {"手机号": "19900000001"}, {"到岗日期": "2026/11/1"}):
        assert read(骑手编号="R-1", 名单时间=OLD, **said)["updated_at"] == NOW.isoformat(), said
    assert read(platform_rider_ref="R-1", op="upsert", updated_at=OLD)["updated_at"] == OLD


def test_days_are_chinas_as_people_and_spreadsheets_write_them() -> None:
    """A day, a time of a cell, another's zone; what is no day stays, to be refused by name."""
    for text in ("2026-11-01", "2026/11/1", "2026年11月1日", "2026-11-01T00:00:00", "2026-11-01 00:00:00"):
        assert read(骑手编号="R", 到岗日期=text)["effective_at"] == "2026-11-01T00:00:00+08:00", text
    assert read(骑手编号="R", 到岗日期="2026-11-01T00:00:00Z")["effective_at"] == "2026-11-01T00:00:00+00:00"
    row = read(骑手编号="R", 到岗日期="下周")
    assert [one.path for one in check([(1, row)], feed_type="registration").failures] == ["effective_at"]


def test_who_leaves_is_a_reference_and_no_more_but_what_is_forbidden_stays_to_be_refused() -> None:
    """A name beside a leaver is not kept; a forbidden or unknown column refuses the row as everywhere."""
    row = read(骑手编号="R-1", 变动="离开", 姓名="某甲", 手机号="x", 站点编号="S-2", 名单时间=OLD)
    assert row.keys() == {"platform_rider_ref", "op", "updated_at", "record_id", "station_ref"}
    for column, code in (("政治面貌", "field_forbidden"), ("备注", "field_unknown")):
        for op in ("离开", "新增"):
            bad = read(骑手编号="R-1", 变动=op, **{column: ""})
            assert [one.code for one in check([(1, bad)], feed_type="registration").failures] == [code]
    assert read(骑手编号=LostDigits("A2"))["platform_rider_ref"] == LostDigits("A2")
    assert read(骑手编号="R", platform_rider_ref="S")["骑手编号"] == "R"
    assert standard_rows([(1, b"{}")], station_ref=None, now=NOW, mark="x") == [(1, b"{}")]


def test_the_workbook_reads_back_as_its_riders_and_names_no_person() -> None:
    """Tier A has no columns of persons at all; references that look like formulas or numbers stay text."""
    refs = ["00123", "=1+1", "R-𠮷", "123456789012345678"]
    tiers: list[tuple[Tier, bool]] = [("A", False), ("B", True)]
    for tier, persons in tiers:
        it = Template("平台", "示例站", "S-1", tier, NOW, [(ref, "dedicated") for ref in refs])
        body = write_template(it)
        book = load_workbook(BytesIO(body))
        head = [cell.value for cell in book.worksheets[0][1]]
        assert ("姓名" in head, "手机号" in head) == (persons, persons)
        assert set(head) <= {title for title, _ in COLUMNS.values()}
        rows = list(read_rows(body, name="x.xlsx"))
        assert [row["骑手编号"] for _, row in rows if isinstance(row, dict)] == refs
        assert all(
            row.get("姓名", "") == "" == row.get("手机号", "") for _, row in rows if isinstance(row, dict)
        )
        standard = standard_rows(rows, station_ref="S-1", now=NOW, mark="x")
        assert [row["updated_at"] for _, row in standard if isinstance(row, dict)] == [
            "2026-11-02T09:00:00+08:00"
        ] * 4
        notes = " ".join(str(cell.value) for line in book.worksheets[1] for cell in line if cell.value)
        assert "离开" in notes
