"""Run the Dockerfile's very steps without a container engine, then its server, and ask it for its health.

Each stage is a folder that stands for its root: paths below the stage's own folders (/app, /data, ...) are
turned to it in every instruction. The base images' Python and Node.js are this machine's.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dockerfile_text import Stage, Step, files_of_context, read_stages

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_ANSWER = 90
#: What a build takes from the machine: where packages come from, and their caches.
KEPT = re.compile(r"^(PIP_.*|NPM_.*|npm_.*|SSL_.*|NODE_EXTRA_CA_CERTS|HOME|LANG|.*_proxy|.*_PROXY)$")


class Build:
    """One stage being built in its folder."""

    def __init__(self, stage: Stage, folder: Path, earlier: dict[str, "Build"]) -> None:
        self.stage = stage
        self.root = folder / stage.name
        self.earlier = earlier
        self.workdir = self.root
        self.user: tuple[int, int] | None = None
        self.health: list[str] = []
        self.command: list[str] = []
        self.env = {name: value for name, value in os.environ.items() if KEPT.match(name)}
        self.env["PATH"] = f"{_interpreter(folder)}:{os.environ['PATH']}"
        texts = [step.rest for step in stage.steps if step.word not in {"HEALTHCHECK", "CMD"}]
        tops = {part for text in texts for part in re.findall(r"(?<![\w.$/])/(\w+)", text)}
        self.own = sorted(tops - {"bin", "usr", "etc", "tmp", "dev", "proc"})
        self.root.mkdir()

    def here(self, text: str) -> str:
        """Turn each path of the stage's own folders in a text to the stage's root."""
        return re.sub(rf"(?<![\w.$/-])/(?=(?:{'|'.join(self.own)})\b)", f"{self.root}/", text)

    def run(self) -> None:
        """Carry out the instructions in order."""
        for step in self.stage.steps:
            sys.stdout.write(f"{self.stage.name}:{step.line} {step.word} {step.rest}\n")
            sys.stdout.flush()
            getattr(self, f"_{step.word.lower()}")(step)

    def _workdir(self, step: Step) -> None:
        self.workdir = self._path(step.rest)
        self.workdir.mkdir(parents=True, exist_ok=True)

    def _env(self, step: Step) -> None:
        for pair in step.words():
            name, _, value = pair.partition("=")
            self.env[name] = self.here(value).replace("$PATH", self.env["PATH"])

    def _run(self, step: Step) -> None:
        subprocess.run(["/bin/sh", "-ec", self.here(step.rest)], cwd=self.workdir, env=self.env, check=True)

    def _copy(self, step: Step) -> None:
        *sources, target = step.words()
        for source in sources:
            goal = self._path(target)
            if "from" in step.flags:
                origin = self.earlier[step.flags["from"]]
                _copy(origin.root / source.lstrip("/"), goal, into=target.endswith("/"))
            else:
                self._copy_context(source, goal, into=target.endswith("/"))
            if "chown" in step.flags and os.geteuid() == 0:
                uid, gid = map(int, step.flags["chown"].split(":"))
                os.chown(goal, uid, gid)

    def _copy_context(self, source: str, goal: Path, *, into: bool) -> None:
        found = [path for path in files_of_context(ROOT) if path.is_relative_to(source)]
        if not found:
            sys.exit(f"COPY {source}: .dockerignore leaves nothing of it")
        for path in found:
            inner = path.relative_to(source)
            place = goal / inner if inner.parts else (goal / path.name if into else goal)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, place)

    def _user(self, step: Step) -> None:
        uid, _, gid = step.rest.partition(":")
        self.user = (int(uid), int(gid or uid))

    def _volume(self, step: Step) -> None:
        if not self._path(step.rest).is_dir():
            sys.exit(f"no step makes the volume {step.rest}, so root would own it")

    def _expose(self, step: Step) -> None:
        if step.rest != self.env["RIDER_HUB_PORT"]:
            sys.exit("the port shown is not the port served")

    def _healthcheck(self, step: Step) -> None:
        self.health = [
            str(part) for part in Step(step.line, "CMD", {}, step.rest.removeprefix("CMD ")).words()
        ]

    def _cmd(self, step: Step) -> None:
        self.command = step.words()

    def _path(self, text: str) -> Path:
        return self.root / text.lstrip("/") if text.startswith("/") else self.workdir / text


def _copy(source: Path, goal: Path, *, into: bool) -> None:
    if source.is_dir():
        shutil.copytree(source, goal, symlinks=True, dirs_exist_ok=True)
    else:
        place = goal / source.name if into else goal
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, place)


def _interpreter(folder: Path) -> Path:
    """Make a folder for the path where `python` is a Python that any user of this machine may run."""
    shims = folder / "base-image"
    if not shims.exists():
        shims.mkdir()
        known = ["/usr/bin/python3.11", "/usr/local/bin/python3.11", sys._base_executable]  # type: ignore[attr-defined] # noqa: SLF001
        base = next(path for path in known if _makes_venvs(path))
        shim = shims / "python"
        shim.write_text(f'#!/bin/sh\nexec "{base}" "$@"\n', encoding="utf-8")
        shim.chmod(0o755)
    return shims


def _makes_venvs(path: str) -> bool:
    probe = [path, "-c", "import ensurepip, venv"]
    return Path(path).exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0


def serve(build: Build) -> None:
    """Start the final command as the final user on a free port and run the image's own health check."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = build.env | {"RIDER_HUB_PORT": str(port), "RIDER_HUB_HOST": "127.0.0.1"}
    who: dict[str, Any] = {}
    if os.geteuid() == 0 and build.user:
        who = {"user": build.user[0], "group": build.user[1], "extra_groups": []}
    server = subprocess.Popen(build.command, cwd=build.workdir, env=env, **who)
    try:
        _wait_for_health(server, build, env)
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            sys.stdout.write(f"healthy on port {port} as user {build.user}\n")
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(10)  # what `docker stop` gives
        except subprocess.TimeoutExpired:
            server.kill()
            sys.exit("the server did not end within 10 s of SIGTERM")


def _wait_for_health(server: "subprocess.Popen[bytes]", build: Build, env: dict[str, str]) -> None:
    end = time.monotonic() + SECONDS_TO_ANSWER
    while True:
        check = subprocess.run(build.health, cwd=build.workdir, env=env, capture_output=True, check=False)
        if check.returncode == 0:
            return
        if server.poll() is not None:
            sys.exit(f"the server ended with status {server.returncode}")
        if time.monotonic() > end:
            sys.exit(f"no answer within {SECONDS_TO_ANSWER} s: {check.stderr.decode()[-500:]}")
        time.sleep(0.2)


def main() -> None:
    """Build all stages in a temporary folder, serve the last one, leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="rider-hub-image-") as name:
        Path(name).chmod(0o755)  # the final user must be able to enter
        builds: dict[str, Build] = {}
        for stage in read_stages(ROOT / "Dockerfile"):
            builds[stage.name] = Build(stage, Path(name), builds)
            builds[stage.name].run()
        if "--no-serve" not in sys.argv:
            serve(list(builds.values())[-1])


if __name__ == "__main__":
    main()
