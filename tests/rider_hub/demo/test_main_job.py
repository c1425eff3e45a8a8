"""The main job from feeds to pages' data, run as a newcomer runs it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rider_hub.cli.serving import tell_demo
from rider_hub.demo.accounts import ACCOUNTS_FILE
from rider_hub.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
SCALE = "0.1"


def _demo(folder: Path, *extra: str, as_json: bool = True) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "rider_hub",
        "demo",
        "--no-serve",
        *(["--json"] if as_json else []),
        "--dir",
        str(folder / "d"),
        *extra,
    ]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder, check=False)


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the demo twice in one folder and return what the second run printed."""
    folder = tmp_path_factory.mktemp("demo")
    first = _demo(folder, "--scale", SCALE)
    second = _demo(folder, "--scale", SCALE)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    found: dict[str, Any] = json.loads(second.stdout)
    found["first"] = json.loads(first.stdout)
    found["folder"] = folder
    return found


def test_standard_output_is_the_summary_alone_with_its_keys(summary: dict[str, Any]) -> None:
    """The JSON holds what the fixed interface names."""
    keys = {"received", "accepted", "refused", "riders", "assignments", "unresolved", "surfaced", "requests"}
    assert keys | {"seconds", "peak_mb"} <= summary.keys()
    assert all(isinstance(summary[key], dict) for key in ("refused", "assignments", "unresolved", "requests"))


def test_every_received_row_is_accounted_for(summary: dict[str, Any]) -> None:
    """Received rows are accepted, unchanged, waiting, held or refused; none is lost."""
    refused = sum(summary["refused"].values())
    told = summary["accepted"] + summary["unchanged"] + summary["waiting"] + summary["held"] + refused
    assert summary["received"] == told
    assert summary["held"] > 0
    assert "field_forbidden" in summary["refused"]


def test_every_active_rider_has_an_assignment(summary: dict[str, Any]) -> None:
    """Whoever is active is answered for by an organization, by the ladder if need be."""
    assert summary["riders"] > 300
    assert summary["assignments"]["community_branch"] == summary["riders"]
    assert 0 < summary["assignments"]["station_branch"] < summary["riders"]


def test_members_are_surfaced_and_requests_tracked(summary: dict[str, Any]) -> None:
    """Those who consented are surfaced; requests stand in every state of the story."""
    assert 0 < summary["surfaced"] < summary["riders"] / 10
    assert {state for state, count in summary["requests"].items() if count} >= {
        "answered",
        "confirmed",
        "overdue",
    }


def test_a_second_run_rebuilds_the_same(summary: dict[str, Any]) -> None:
    """The same folder, seed and day give the same counts."""
    counts = ("received", "accepted", "refused", "riders", "assignments", "unresolved", "surfaced")
    assert {key: summary[key] for key in counts} == {key: summary["first"][key] for key in counts}


def test_all_it_writes_lies_under_its_folder(summary: dict[str, Any]) -> None:
    """Nothing appears beside --dir, and the database is where the interface says."""
    folder: Path = summary["folder"]
    assert {path.name for path in folder.iterdir()} == {"d"}
    assert (folder / "d" / "rider_hub.db").is_file()


def test_a_county_without_data_is_named(tmp_path: Path) -> None:
    """An unknown county is a sentence and exit status 1, no trace."""
    done = _demo(tmp_path, "--county", "310101")
    assert done.returncode == 1
    assert "310101" in done.stderr
    assert "Traceback" not in done.stderr


def test_accounts_are_told_and_kept_beside_the_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --json whoever started it reads how to sign in; serving it names the file, no password."""
    done = _demo(tmp_path, "--scale", "0.05", as_json=False)
    told = dict(re.findall(r"^  ([a-z]+) +(Demo-[0-9a-f]+) ", done.stderr, re.MULTILINE))
    assert {"qu", "jiedao", "shenji"} <= told.keys(), done.stderr
    assert "Demo-" not in done.stdout
    file = tmp_path / "d" / ACCOUNTS_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert dict(re.findall(r"^  ([a-z]+) +(\S+) ", file.read_text(encoding="utf-8"), re.MULTILINE)) == told
    tell_demo(Settings(data_dir=tmp_path / "d"))
    said = capsys.readouterr().err
    assert str(file) in said
    assert not [password for password in told.values() if password in said]
    # A hub of one's own, or another database beside a demo's folder, hears nothing of it.
    tell_demo(Settings(data_dir=tmp_path))
    tell_demo(Settings(data_dir=tmp_path / "d", database_url="postgresql+asyncpg://db/hub"))
    assert capsys.readouterr().err == ""
