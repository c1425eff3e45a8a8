"""`feed check` answers in JSON and by its exit status whatever file it is given, and echoes no value."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from connectors.sources import parse
from rider_hub.access import Role
from rider_hub.access.actor import Actor
from rider_hub.access.scope import Scope
from rider_hub.access.users import add_user
from rider_hub.cli.feeds import feed
from rider_hub.cli.streaming import stream
from rider_hub.intake.senders import signing_key_bytes
from tests.factories import make_hub
from tests.rider_hub.faults.ports import free_port

PHONE = "19900001111"
ROW = f"r1,p1,dedicated,S1,2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,骑手甲0001号,{PHONE}\n"


def test_the_agreements_template_names_options_that_there_are() -> None:
    """What the template says of registering a sender can be typed."""
    page = Path(__file__).parents[3] / "docs" / "data-agreement.md"
    named = set(re.findall(r"--[a-z]+", page.read_text(encoding="utf-8")))
    known = {option for parameter in feed.commands["register"].params for option in parameter.opts}
    assert {"--county", "--tier", "--document", "--basis"} <= named <= known


def check(path: Path, content: bytes | None) -> tuple[int, dict[str, Any], str]:
    """Write a file, check it as registrations, and give the exit status, the JSON and all output."""
    if content is not None:
        path.write_bytes(content)
    result = CliRunner().invoke(feed, ["check", str(path), "--type", "registration", "--json"])
    assert isinstance(result.exception, SystemExit | None)
    return result.exit_code, json.loads(result.stdout), result.output


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "file_unreadable"),
        (b"", "file_empty"),
        (b"\x00\xff" * 99, "encoding_unreadable"),
        (b'[{"record_id":"r1"}', "json_unreadable"),
        (b"PK\x03\x04 no workbook", "workbook_unreadable"),
        (b'a,"b\n1,2\n', "csv_unreadable"),
        ((ROW + ROW).encode(), "header_missing"),
        (b"record_id,phone\n", "rows_missing"),
        (b"[]", "rows_missing"),
    ],
)
def test_a_file_unreadable_as_a_whole_is_told_in_json(
    tmp_path: Path, content: bytes | None, code: str
) -> None:
    """The report holds no row and one fault of row 0, and the exit status is 1."""
    status, report, output = check(tmp_path / "rows", content)
    assert status == 1
    assert {name: report[name] for name in ("total", "accepted", "rejected")} == dict.fromkeys(
        ("total", "accepted", "rejected"), 0
    )
    (fault,) = report["failures"]
    assert (fault["row"], fault["path"], fault["code"]) == (0, "file", code)
    assert fault["zh"]
    assert fault["en"]
    assert PHONE not in output


def test_a_file_that_cannot_be_read_is_told_without_counts(tmp_path: Path) -> None:
    """A missing file has no rows to count: why it can't be read is all that is said."""
    result = CliRunner().invoke(feed, ["check", str(tmp_path / "none.csv"), "--type", "registration"])
    assert result.exit_code == 1
    assert result.output.startswith("文件 file [file_unreadable]")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder in the file's place is named like a missing file."""
    status, report, _ = check(tmp_path, None)
    assert (status, report["failures"][0]["code"]) == (1, "file_unreadable")


def test_a_value_in_a_name_s_place_is_not_echoed(tmp_path: Path) -> None:
    """A phone or identity number that stands where a field's name belongs is told by its place."""
    row = {"record_id": "r1", PHONE: 1, "党员１１０１０１１９９００３０７００１Ｘ": 1}
    status, report, output = check(tmp_path / "rows.ndjson", json.dumps(row).encode())
    assert status == 1
    assert [(fault["path"], fault["code"]) for fault in report["failures"]] == [
        ("〔第 3 个字段，含“党”〕", "field_forbidden")
    ]
    row.popitem()
    _, report, more = check(tmp_path / "rows.ndjson", json.dumps(row).encode())
    assert ("〔第 2 个字段〕", "field_unknown") in {
        (fault["path"], fault["code"]) for fault in report["failures"]
    }
    assert PHONE not in output + more
    assert "110101" not in output


def test_a_clean_file_exits_with_zero(tmp_path: Path) -> None:
    """Exit 0 and no fault where every row is accepted."""
    header = "record_id,platform_rider_ref,employment,station_ref,effective_at,updated_at,name,phone\n"
    status, report, _ = check(tmp_path / "rows.csv", (header + ROW).encode("gb18030"))
    assert (status, report) == (0, {"total": 1, "accepted": 1, "rejected": 0, "failures": []})


def test_the_county_hands_out_keys_and_takes_mappings_by_command(database_url: str, tmp_path: Path) -> None:
    """Each key is printed once, the county's is steady, a mapping comes out as it went in; scope holds."""
    keys = tmp_path / "keys.json"

    async def prepare() -> None:
        roles = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN})
        admin = Actor("user:admin", "admin", roles, Scope.all())
        async with make_hub(database_url, tmp_path) as hub:
            hub.keys.save(keys)  # the account carries a MAC by these keys
            await add_user(
                hub,
                admin,
                username="county",
                display_name="区县工作人员",
                password="Rider-hub-2026!x",
                roles=[Role.COUNTY_STAFF],
                divisions=["110101"],
            )

    asyncio.run(prepare())
    env = {"RIDER_HUB_DATABASE_URL": database_url, "RIDER_HUB_KEY_FILE": str(keys)}

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(feed, [*arguments, "--as", "county"], env=env)
        return result.exit_code, result.stdout.strip()

    assert run("register", "ding", "--county", "110101", "--tier", "B")[0] == 1  # no basis
    registered = run("register", "ding", "--county", "110101", "--frame", "wgs84")
    changed = run("new-key", "ding")
    assert [registered[0], changed[0]] == [0, 0]
    assert len({signing_key_bytes(shown) for _, shown in (registered, changed)}) == 2
    assert run("topics", "ding", "registration=ding.riders", "station=ding.stations")[0] == 0
    assert run("topics", "ding", "riders=ding.riders")[0] == run("topics", "wu", "station=x")[0] == 1
    told = CliRunner().invoke(stream, ["replay", "--platform", "ding", "--as", "county"], env=env)
    assert (told.exit_code, "RIDER_HUB_KAFKA_BROKERS" in told.output) == (1, True)
    away = env | {"RIDER_HUB_KAFKA_BROKERS": f"127.0.0.1:{free_port()}"}
    told = CliRunner().invoke(stream, ["replay", "--platform", "ding", "--as", "county"], env=away)
    assert (told.exit_code, json.loads(told.stdout)["tried"]) == (
        0,
        0,
    )  # nothing was refused: nobody is asked
    assert run("county-key", "110101") == run("county-key", "110101")
    assert len(bytes.fromhex(run("county-key", "110101")[1])) == 32
    assert run("county-key", "110105")[0] == run("new-key", "wu")[0] == 1
    assert run("mapping-export", "ding")[0] == 1  # none yet
    text = (Path(__file__).parents[3] / "docs" / "mapping.zh-CN.md").read_text("utf-8")
    file = tmp_path / "manifest.toml"
    file.write_text(text.split("```toml\n")[1].split("```")[0].replace('"wu"', '"ding"'), "utf-8")
    assert run("mapping-import", "ding", str(file))[0] == 1  # another frame than the agreement's
    file.write_text(file.read_text("utf-8").replace("gcj02", "wgs84"), "utf-8")
    assert run("mapping-import", "ding", str(file), "--note", "新导出")[1].split() == ["1"]
    exported = run("mapping-export", "ding", "--number", "1")
    assert exported[0] == 0
    assert msgspec.to_builtins(parse(exported[1])) == msgspec.to_builtins(parse(file.read_text("utf-8")))
