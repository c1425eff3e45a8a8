"""The one page for platforms, followed word by word in an empty folder with bash, curl and openssl alone."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rider_hub.clock import SystemClock
from tests.rider_hub.views.published import served

PAGE = Path(__file__).parents[2] / "docs" / "platforms.zh-CN.md"
#: All that the page may use beside the shell itself.
TOOLS = ("bash", "cat", "curl", "date", "grep", "od", "openssl", "sed", "tr")
MARK = "=== step "
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One block of commands, and what the page says one will see."""

    commands: str
    seen: tuple[str, ...]


def steps() -> list[Step]:
    """Return the page's blocks in order."""
    found: list[Step] = []
    for kind, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "sh":
            found.append(Step(text, ()))
        else:
            found[-1] = Step(found[-1].commands, tuple(text.splitlines()))
    return found


def test_the_page_works_word_by_word(tmp_path: Path, sqlite_template: Path) -> None:
    """Check, push, receipt, the receipt again, the same key again, leaving: each shows what the page says."""
    hub_folder, folder, tools = tmp_path / "hub", tmp_path / "empty", tmp_path / "tools"
    for each in (hub_folder, folder, tools):
        each.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, f"the page needs {name}"
        (tools / name).symlink_to(found)
    first, *rest = steps()
    assert len(rest) >= 10
    with served(hub_folder, sqlite_template, clock=SystemClock(), tier="A") as hub:
        # The first block is what the county hands over; the others stand as they are.
        given = {"HUB": hub.url, "PLATFORM": hub.platform, "SECRET": hub.secret}
        assert [line.partition("=")[0] for line in first.commands.split()] == list(given)
        # The platform's own account makes this one: tests/rider_hub/intake/test_key_pages.py.
        given["TEST_SECRET"] = hub.test_secret
        script = "".join(f"{name}={value}\n" for name, value in given.items())
        for number, step in enumerate(rest):
            script += f"printf '\\n{MARK}{number}\\n'\n{step.commands}"
        run = subprocess.run(
            [tools / "bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env={"PATH": str(tools), "HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    said = re.split(rf"\n{MARK}\d+\n", run.stdout)[1:]
    assert len(said) == len(rest)
    for step, told in zip(rest, said, strict=True):
        for line in step.seen:
            assert line in told, f"{step.commands}\nsays\n{told}\nand not\n{line}"
