"""Reads a Dockerfile and a .dockerignore into values; runs nothing."""

import fnmatch
import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Stage", "Step", "files_of_context", "read_stages"]


@dataclass(frozen=True)
class Step:
    """One instruction: its word, its --flags and the rest, with the number of its first line."""

    line: int
    word: str
    flags: dict[str, str]
    rest: str

    def words(self) -> list[str]:
        """Give the arguments, whether in JSON or in shell form."""
        if self.rest.startswith("["):
            return [str(part) for part in json.loads(self.rest)]
        return shlex.split(self.rest)


@dataclass
class Stage:
    """What one FROM begins."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)


def read_stages(path: Path) -> list[Stage]:
    """Split a Dockerfile into stages and instructions."""
    stages: list[Stage] = []
    for step in _instructions(path.read_text(encoding="utf-8")):
        if step.word == "FROM":
            base, *alias = step.rest.split()
            stages.append(Stage(base, alias[1] if alias else str(len(stages))))
        else:
            stages[-1].steps.append(step)
    return stages


def _instructions(text: str) -> list[Step]:
    """Join continued lines and take the flags off."""
    steps, pending, start = [], "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or not (line.strip() or pending):
            continue
        start = start if pending else number
        pending += line.strip().removesuffix("\\")
        if line.rstrip().endswith("\\"):
            continue
        word, _, rest = pending.strip().partition(" ")
        flags = {}
        while rest.lstrip().startswith("--"):
            flag, _, rest = rest.lstrip().partition(" ")
            name, _, value = flag[2:].partition("=")
            flags[name] = value
        steps.append(Step(start, word.upper(), flags, rest.strip()))
        pending = ""
    return steps


def files_of_context(root: Path) -> list[Path]:
    """List what a builder would be sent, below the root: the last pattern that matches a path decides."""
    lines = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    named = {pattern[1:].split("/")[0] for pattern in patterns if pattern.startswith("!")}
    files = [
        path for top in sorted(named) for path in [root / top, *(root / top).rglob("*")] if path.is_file()
    ]
    return [path.relative_to(root) for path in files if not _ignored(path.relative_to(root), patterns)]


def _ignored(path: Path, patterns: list[str]) -> bool:
    out = False
    for pattern in patterns:
        plain = pattern.removeprefix("!").removeprefix("**/")
        anywhere = pattern.removeprefix("!").startswith("**/")
        above = [path, *path.parents[:-1]]
        if any(fnmatch.fnmatch(part.name if anywhere else part.as_posix(), plain) for part in above):
            out = not pattern.startswith("!")
    return out
