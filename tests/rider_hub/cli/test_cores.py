"""A server that crashes leaves no core file: names, phones and keys stand in its memory."""

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from connectors.transport.push_client import Retry, push
from rider_hub.access.keys import Keyring
from rider_hub.access.opening import open_hub
from rider_hub.settings import Settings
from tests.rider_hub.canaries import STEMS, canary, files_of, forms_of
from tests.rider_hub.intake.build import bring_in_county, rider, sender_of

_ROOT = Path(__file__).parents[3]
_AGAIN = Retry(attempts=60, longest_s=0.5)


def _as_many_cores_as_allowed() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def _leaves_core(folder: Path) -> bool:
    """Say whether a process that nothing protects leaves its core in its folder."""
    folder.mkdir()
    command = [sys.executable, "-c", "import os; os.abort()"]
    subprocess.run(command, cwd=folder, preexec_fn=_as_many_cores_as_allowed, check=False)
    return any(folder.iterdir())


def _should_leave_core() -> bool:
    """Say whether this machine puts cores beside the process, and lets it have one."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text("utf-8")
    return not pattern.startswith(("|", "/")) and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0


def _limits(process_id: int) -> dict[str, str]:
    """Return the limits of a process that hold now, by name."""
    lines = Path(f"/proc/{process_id}/limits").read_text("utf-8").splitlines()
    return {line[:26].strip(): line[26:].split()[0] for line in lines}


@contextmanager
def _served(database_url: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Serve a hub in a process of its own, which may leave cores as far as its limits go."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = os.environ | {
        "RIDER_HUB_DATABASE_URL": database_url,
        "RIDER_HUB_DATA_DIR": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": str(_ROOT),
    }
    command = [sys.executable, "-m", "rider_hub", "serve", "--port", str(port)]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=said,
            stderr=said,
            preexec_fn=_as_many_cores_as_allowed,  # noqa: PLW1509
        )
        try:
            yield process, port
        finally:
            process.kill()
            process.wait()


async def test_a_server_that_crashes_leaves_nothing_readable(database_url: str, tmp_path: Path) -> None:
    """Full of canaries and aborted: no core, whatever its limit; nothing in its folder, nothing it said."""
    folder = tmp_path / "hub"
    folder.mkdir()
    settings = Settings(data_dir=folder, database_url=database_url)
    Keyring.new().save(settings.keys)
    async with open_hub(settings) as hub:
        await bring_in_county(hub)
        _, key = await sender_of(hub)
        now = hub.clock.now().timestamp
    rows = [rider(n, **canary(n), **({"employment": "astronaut"} if n % 5 == 4 else {})) for n in range(20)]
    with _served(database_url, folder) as (process, port):
        url = f"http://127.0.0.1:{port}/api/v1/feeds/ding/registration"
        async with aiohttp.ClientSession() as session:
            receipt = await push(session, url, rows, key=key, message_id="m-1", now=now, retry=_AGAIN)
        assert (receipt["accepted"], receipt["rejected"]) == (16, 4)
        assert _limits(process.pid)["Max core file size"] == "0"
        # Even where somebody lifts the limit, as a core_pattern that is a pipe does by itself.
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (most, most))
        process.send_signal(signal.SIGABRT)
        assert process.wait() == -signal.SIGABRT
    # One that is not protected leaves a core, where this machine leaves any: so its absence tells something.
    assert _leaves_core(tmp_path / "control") == _should_leave_core()
    assert [path.name for path in folder.iterdir() if path.name.startswith("core")] == []
    lying = files_of(folder)
    assert [stem for stem in STEMS for form in forms_of(stem) if form in lying] == []
