"""The page of sealed files, followed word by word: one side by openssl, the other by the hub's commands."""

import asyncio
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from rider_hub.access import Role
from rider_hub.access.opening import make_first_keys, open_hub
from rider_hub.access.users import add_user
from rider_hub.cli import main
from rider_hub.settings import Settings
from tests.factories import staff
from tests.rider_hub.intake.build import bring_in_county, rider, sender_of
from tests.rider_hub.intake.test_file_drops import csv_of

PAGE = Path(__file__).parents[2] / "docs" / "sealed-files.zh-CN.md"
#: All that the platform's side may use beside the shell itself.
TOOLS = ("cat", "cp", "mv", "openssl", "rm", "tr")
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder with a watched one in it; its hub has a county, a sender and two accounts."""
    folder, data = tmp_path / "empty", tmp_path / "hub"
    (folder / "in").mkdir(parents=True)
    data.mkdir()
    shutil.copyfile(sqlite_template, data / "rider_hub.db")
    monkeypatch.setenv("RIDER_HUB_DATA_DIR", str(data))
    monkeypatch.chdir(folder)

    async def fill() -> None:
        settings = Settings.from_env()
        await make_first_keys(settings)
        async with open_hub(settings) as hub:
            await bring_in_county(hub)
            await sender_of(hub, settings={"folder": str(folder / "in")})
            for name, role in (("keeper", Role.SECURITY_ADMIN), ("clerk", Role.COUNTY_STAFF)):
                await add_user(
                    hub,
                    staff(Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN),
                    username=name,
                    display_name="某人",
                    password="Kx7-wolke-Brunnen",
                    roles=[role],
                    divisions=["110101"],
                )

    asyncio.run(fill())
    return folder


def hub_side(line: str, folder: Path) -> str:
    """Run a command of the hub as the page has it, in this process; what it prints may go into a file."""
    command, _, target = line.partition(" > ")
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    assert result.exit_code == 0, f"{line}\n{result.output}"
    if target:
        (folder / target).write_text(result.stdout, encoding="utf-8")
        return ""
    return str(result.stdout)


def test_the_page_works_word_by_word(folder: Path, tmp_path: Path) -> None:
    """Certificates, sealing, the folder, the receipt, the refused rows: each shows what the page says."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, f"the page needs {name}"
        (tools / name).symlink_to(found)
    bash = shutil.which("bash")
    assert bash
    (folder / "registration-1.csv").write_bytes(csv_of([rider(1), rider(2, employment="full_time")]))
    told, fingerprints, blocks = "", [], _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 11
    for kind, text in blocks:
        if kind == "text":
            for line in text.splitlines():
                assert line in told, f"{told}\nand not\n{line}"
        elif text.startswith("rider-hub "):
            told = "".join(hub_side(line, folder) for line in text.splitlines())
        else:
            run = subprocess.run(
                [bash, "-euo", "pipefail", "-c", text],
                env={"PATH": str(tools)},
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert run.returncode == 0, run.stderr
            told = run.stdout
        fingerprints += re.findall("[0-9a-f]{64}", told)
    # What the hub printed is what the platform reads to it over the telephone.
    assert len(set(fingerprints)) == 1
    assert len(fingerprints) >= 2
