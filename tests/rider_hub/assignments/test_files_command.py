"""The command's exit status and its one line say how a match of files ended."""

from pathlib import Path

from click.testing import CliRunner

from rider_hub.assignments.files_command import match_files_command
from tests.rider_hub.assignments.match_scene import areas_file, csv_file


def test_the_command_says_how_it_ended(tmp_path: Path) -> None:
    """Exit 0 when all is read, 1 with refused rows, 2 when nothing was written; stdout stays empty."""
    areas = areas_file(tmp_path)
    love = csv_file(tmp_path, "love.csv", "code,lng,lat,frame\nL1,116.405,39.906,wgs84\n")
    good = csv_file(tmp_path, "good.csv", "rider_ref,lng,lat,frame\nr1,116.405,39.905,wgs84\n")
    bad = csv_file(tmp_path, "bad.csv", "rider_ref,lng,lat,frame\nr1,116.405,39.905,mars\n")
    for riders, status in ((good, 0), (bad, 1), (tmp_path / "none.csv", 2)):
        options = ["--areas", areas, "--riders", riders, "--love-stations", love, "--out", tmp_path / "o.csv"]
        result = CliRunner().invoke(match_files_command, [str(option) for option in options])
        assert result.exit_code == status, result.output
        assert result.stdout == ""
        assert len(result.stderr.splitlines()) == 1
    assert "file_unreadable" in result.stderr
