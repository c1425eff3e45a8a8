"""Java of the documentation, compiled by the machine's own JDK and run."""

import subprocess
from pathlib import Path

__all__ = ["compile_java", "java"]


def compile_java(folder: Path, name: str, source: str, *options: str) -> None:
    """Compile one class into a folder; any message of the compiler fails the test."""
    (folder / f"{name}.java").write_text(source, encoding="utf-8")
    command = ["javac", "-encoding", "UTF-8", "-d", str(folder), *options, str(folder / f"{name}.java")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def java(folder: Path, name: str, *options: str) -> list[str]:
    """Return the command that runs a compiled class; its arguments are added behind it."""
    # One compiler thread and a small heap: two of these may run beside a whole suite.
    return ["java", "-XX:TieredStopAtLevel=1", "-Xmx128m", *options, "-cp", str(folder), name]
