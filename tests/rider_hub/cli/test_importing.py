"""Tests of the import commands over real files, on both databases."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner, Result

from rider_hub.access import Role
from rider_hub.access.actor import Actor
from rider_hub.access.scope import Scope
from rider_hub.access.users import add_user
from rider_hub.cli.importing import boundaries, importing
from tests.factories import make_hub
from tests.rider_hub.divisions.world import CODE_ROWS, COMMUNITIES, COUNTY, STREETS, middle, street_frame

ADMIN = Actor("user:admin", "admin", frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN}), Scope.all())
CODES_CSV = "代码,名称\n" + "".join(f"{row['code']},{row['name']}\n" for row in CODE_ROWS)


@pytest.fixture
def env(database_url: str, tmp_path: Path) -> dict[str, str]:
    """Give the environment of a hub with one account, 导入员, of county 110101."""
    keys = tmp_path / "keys.json"

    async def prepare() -> None:
        async with make_hub(database_url, tmp_path) as hub:
            hub.keys.save(keys)  # the account carries a MAC by these keys
            await add_user(
                hub,
                ADMIN,
                username="importer",
                display_name="导入员",
                password="Rider-hub-2026!x",
                roles=[Role.COUNTY_STAFF],
                divisions=[COUNTY],
            )

    asyncio.run(prepare())
    return {"RIDER_HUB_DATABASE_URL": database_url, "RIDER_HUB_KEY_FILE": str(keys)}


def run(env: dict[str, str], *arguments: str | Path) -> Result:
    """Run an import command as the account."""
    return CliRunner().invoke(importing, [*map(str, arguments), "--as", "importer"], env=env)


def report(env: dict[str, str], *arguments: str | Path) -> dict[str, Any]:
    """Run an import command and return its JSON report with the exit status."""
    result = run(env, *arguments, "--json")
    return {**json.loads(result.stdout), "exit": result.exit_code}


def faults(found: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Return the faults of a report as row, path and code."""
    return [(one["row"], one["path"], one["code"]) for one in found["failures"]]


def write_xlsx(path: Path, header: Sequence[str], *rows: Sequence[Any]) -> Path:
    """Write a workbook."""
    book = openpyxl.Workbook()
    for row in (header, *rows):
        book.active.append(list(row))
    book.save(path)
    return path


@pytest.fixture
def codes(tmp_path: Path) -> Path:
    """Give the county's code table as GB18030 with Chinese headings."""
    path = tmp_path / "codes.csv"
    path.write_bytes(CODES_CSV.encode("gb18030"))
    return path


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    """Give the county's streets as GeoJSON."""
    path = tmp_path / "streets.geojson"
    path.write_text(street_frame().to_json(), "utf-8")
    return path


def test_a_county_comes_in_from_files(
    env: dict[str, str], codes: Path, streets: Path, tmp_path: Path
) -> None:
    """GB18030 CSV, GeoJSON and XLSX follow one another and each says how many rows came in."""
    lng, lat = middle(COMMUNITIES[0])
    organizations = tmp_path / "organizations.csv"
    organizations.write_text(
        "编号,名称,类别,依托单位类别,区划代码,覆盖范围\n"
        f"ZB-1,第一站党支部,党支部,配送站点,{COMMUNITIES[0]},站点:jia/S-1\n",
        "utf-8-sig",
    )
    stations = tmp_path / "stations.csv"
    stations.write_text(f"站点编号,站点名称,地址,经度,纬度\nS-1,第一站,某路1号,{lng},{lat}\n", "utf-8")
    loves = write_xlsx(
        tmp_path / "loves.xlsx",
        ["编号", "名称", "经度", "纬度", "坐标系", "开放时间", "核实日期", "容量"],
        ["L-1", "第一驿站", lng, lat, "wgs84", "24/7", "2026-10-01", 12],
    )
    posts = write_xlsx(tmp_path / "posts.xlsx", ["编号", "岗位", "街道代码"], ["Z-1", "指导员", STREETS[0]])
    platforms = tmp_path / "platforms.csv"
    platforms.write_text("code,name\njia,甲平台(示例)\n", "utf-8")
    steps: list[tuple[str | Path, ...]] = [
        ("divisions", codes, "--title", "代码表", "--as-of", "2026-10-31"),
        ("boundaries", streets, "--level", "street", "--frame", "wgs84", "--region", COUNTY),
        ("platforms", platforms),
        ("organizations", organizations),
        ("stations", stations, "--platform", "jia", "--frame", "wgs84"),
        ("love-stations", loves),
        ("instructors", posts),
    ]
    found = {step[0]: report(env, *step) for step in steps}
    assert {name: (one["exit"], one["accepted"], one["rejected"]) for name, one in found.items()} == {
        "divisions": (0, 12, 0),
        "boundaries": (0, 3, 0),
        "platforms": (0, 1, 0),
        "organizations": (0, 1, 0),
        "stations": (0, 1, 0),
        "love-stations": (0, 1, 0),
        "instructors": (0, 1, 0),
    }


def test_bad_rows_are_named_and_end_with_status_1(env: dict[str, str], codes: Path, tmp_path: Path) -> None:
    """The report names row, column and cure in both languages; --keep-good takes the rest."""
    assert run(env, "divisions", codes, "--title", "t", "--as-of", "2026-10-31").exit_code == 0
    path = tmp_path / "loves.csv"
    lng, lat = middle(COMMUNITIES[0])
    path.write_text(
        f"code,name,lng,lat,frame,division\nA,甲,{lng},{lat},wgs84,{COMMUNITIES[0]}\nB,,1,{lat},wgs84,\n",
        "utf-8",
    )
    result = run(env, "love-stations", path)
    assert result.exit_code == 1
    assert "共 2 行，导入 0 行，退回 1 行" in result.stdout
    assert "第 2 行 name [field_required]" in result.stdout
    assert "没有写入任何内容" in result.stdout
    kept = report(env, "love-stations", path, "--keep-good")
    assert (kept["exit"], kept["accepted"], kept["stored"]) == (1, 1, True)
    assert faults(kept) == [(2, "lng", "point_out_of_range"), (2, "name", "field_required")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"  \n \n", "file_empty"),
        (b"code,name\n", "file_empty"),
        (b"code,name\n\x81\xff\xfe,x\n", "encoding_unreadable"),
        (b"PK\x03\x04 not a workbook", "workbook_unreadable"),
    ],
)
def test_an_unreadable_file_is_named(content: bytes, code: str, env: dict[str, str], tmp_path: Path) -> None:
    """An empty file, one in no known encoding and a broken workbook are reports, not traces."""
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    found = report(env, "divisions", path, "--title", "t", "--as-of", "2026-10-31")
    assert (found["exit"], found["stored"]) == (1, False)
    assert faults(found) == [(0, "", code)]


def test_digits_lost_by_a_spreadsheet_are_named(env: dict[str, str], tmp_path: Path) -> None:
    """Twelve-digit codes kept as numbers are still whole; a code in scientific notation is not."""
    path = write_xlsx(tmp_path / "codes.xlsx", ["代码", "名称"], [110101, "东城区"], ["1.10101E+11", "社区"])
    found = report(env, "divisions", path, "--title", "t", "--as-of", "2026-10-31")
    assert faults(found) == [(2, "code", "code_scientific")]


def test_boundaries_need_their_frame_stated(env: dict[str, str], streets: Path) -> None:
    """Without --frame nothing is guessed: the command stops with a usage error."""
    result = run(env, "boundaries", streets, "--level", "street", "--region", COUNTY)
    assert result.exit_code == 2
    assert "--frame" in result.output


def test_a_broken_boundary_file_is_told_without_a_trace(
    env: dict[str, str], codes: Path, tmp_path: Path
) -> None:
    """A GeoJSON cut in the middle gives a sentence in each language and status 1."""
    run(env, "divisions", codes, "--title", "t", "--as-of", "2026-10-31")
    path = tmp_path / "cut.geojson"
    path.write_text(street_frame().to_json()[:300], "utf-8")
    result = run(env, "boundaries", path, "--level", "street", "--frame", "wgs84", "--region", COUNTY)
    assert result.exit_code == 1
    assert "读不出" in result.output
    assert "Traceback" not in result.output


def test_an_unknown_user_is_told(env: dict[str, str], codes: Path) -> None:
    """A change names who makes it, and that must be an account."""
    arguments = ["divisions", str(codes), "--title", "t", "--as-of", "2026-10-31", "--as", "nobody"]
    result = CliRunner().invoke(importing, arguments, env=env)
    assert result.exit_code == 1
    assert "没有用户" in result.output


def test_boundaries_are_checked_without_a_database(streets: Path, codes: Path, tmp_path: Path) -> None:
    """The check reports missing and overlapping polygons as text and JSON; a sound file has status 0."""
    runner = CliRunner()
    sound = runner.invoke(boundaries, ["check", str(streets), "--frame", "wgs84", "--json"])
    assert sound.exit_code == 0
    assert json.loads(sound.stdout)["total"] == 3
    frame = street_frame()
    frame.loc[1, "geometry"] = frame.geometry[0].union(frame.geometry[1])
    path = tmp_path / "overlap.geojson"
    path.write_text(frame.to_json(), "utf-8")
    wanted = tmp_path / "wanted.csv"
    wanted.write_text("code\n" + "".join(f"{code}\n" for code in (*STREETS, "110101004")), "utf-8")
    arguments = ["check", str(path), "--frame", "wgs84", "--expect-codes", str(wanted)]
    found = runner.invoke(boundaries, [*arguments, "--json"])
    assert found.exit_code == 1
    answer = json.loads(found.stdout)
    assert answer["missing"] == ["110101004"]
    assert [one["code"] for one in answer["failures"]] == ["polygon_absent", "polygon_overlap"]
    told = runner.invoke(boundaries, arguments)
    assert "110101001 与 110101002 重叠" in told.stdout
    assert runner.invoke(boundaries, ["check", str(path)]).exit_code == 2
