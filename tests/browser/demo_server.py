"""The demo started as a user starts it, in a process of its own, and what it tells on its console."""

import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["DemoServer"]

ROOT = Path(__file__).resolve().parents[2]
_SECONDS_TO_BUILD = 400
_LAST_LINE = "按 Ctrl+C 结束。"
_ONE_AFTER_ANOTHER = """
import contextlib, json, sys
from rider_hub.cli import main
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(sys.stderr):
        try:
            status = main(words) or 0
        except SystemExit as ended:
            status = ended.code or 0
    print(status, flush=True)
"""
_ACCOUNT = re.compile(r"^  (?P<username>[a-z]+) +(?P<password>\S+)   \S")


@dataclass
class DemoServer:
    """A running demo; start it with `DemoServer.start`."""

    folder: Path
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    url: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    phone: str = ""
    reader: threading.Thread | None = None

    @classmethod
    def start(cls, folder: Path, *, scale: float) -> "DemoServer":
        """Build a demo in a folder and wait until it serves."""
        command = [sys.executable, "-m", "rider_hub", "demo"]
        command += ["--dir", str(folder), "--scale", str(scale), "--port", "0"]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        server = cls(folder, process)
        told: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        server.reader = threading.Thread(target=server._read, args=[told], daemon=True)
        server.reader.start()
        deadline = time.monotonic() + _SECONDS_TO_BUILD
        while server.lines[-1:] != [_LAST_LINE]:
            line = told.get(timeout=max(deadline - time.monotonic(), 0.001))
            if line is None:
                raise RuntimeError("the demo ended: " + "\n".join(server.lines))
            server._understand(line)
            server.lines.append(line)
        return server

    def _read(self, told: "queue.SimpleQueue[str | None]") -> None:
        """Pass the console on to its end: a pipe that nobody reads would stop the demo."""
        assert self.process.stderr is not None
        with self.process.stderr as console:
            for line in console:
                told.put(line.rstrip("\n"))
        told.put(None)

    def _understand(self, line: str) -> None:
        if found := re.search(r"打开 (http://127\.0\.0\.1:\d+)/", line):
            self.url = found[1]
        elif found := _ACCOUNT.match(line):
            self.passwords[found["username"]] = found["password"]
        elif found := re.search(r"演示手机号 (1\d{10})", line):
            self.phone = found[1]

    def messages(self) -> list[dict[str, Any]]:
        """Return what has left for riders' phones, oldest first."""
        path = self.folder / "messages.jsonl"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def code_for(self, phone: str) -> str:
        """Return the newest sign-in code of a phone, as the window that runs the demo shows it."""
        codes = [
            m["body"]["code"] for m in self.messages() if (m["kind"], m["to"]) == ("sign_in_code", phone)
        ]
        return str(codes[-1])

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the hub beside the running server, on the same folder."""
        return self._run("-m", "rider_hub", *arguments)

    def commands(self, several: Iterable[Sequence[str]]) -> subprocess.CompletedProcess[str]:
        """Run commands one after another in one process, which loads the hub once; prints each one's status.

        What they print themselves goes to standard error.
        """
        return self._run("-c", _ONE_AFTER_ANOTHER, json.dumps([list(each) for each in several]))

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = _environment() | {"RIDER_HUB_DATA_DIR": str(self.folder)}
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    def end(self) -> None:
        """End the demo as Ctrl+C would be answered by a service manager."""
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.reader is not None:
            self.reader.join()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RIDER_HUB_")}
    return kept | {"PYTHONUNBUFFERED": "1"}
