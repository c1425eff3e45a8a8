"""Works on a file in a process of its own, limited in memory and time: a bomb ends it alone.

The file goes in on standard input (no copy of it lies on a disk). A module of ours gives rows as lines of
JSON; another program gives its output as it is.
"""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from connectors.errors import FeedError

MEMORY: Final = 1024 * 1024 * 1024
"""Address space of the process, in bytes."""

SECONDS: Final = 30
"""Processor time of the process."""

MAX_TEXT: Final = 256 * 1024 * 1024
"""The most text a file may come to, in bytes."""

TOO_LARGE: Final = 5
"""The exit status that says the file needs more than the limits."""

_ROOT: Final = Path(__file__).parents[2]


def lines_of(
    module: str, data: bytes, failed: Callable[[int], FeedError], *arguments: str, row_cost: int = 0
) -> Iterator[bytes]:
    """Yield the lines that `python -m module MEMORY SECONDS *arguments` makes of a file.

    `row_cost` is what a line counts beside its text, where a small file may say a great many. Raises what
    `failed` makes of an exit status; a process ended by a signal, and too much text, are TOO_LARGE.
    """
    process = subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", module, str(MEMORY), str(SECONDS), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
    )
    try:
        _send(cast("IO[bytes]", process.stdin), data)
        size = 0
        for line in cast("IO[bytes]", process.stdout):
            size += len(line) + row_cost
            if size > MAX_TEXT:
                raise failed(TOO_LARGE)
            yield line
        status = process.wait()
    finally:
        process.kill()  # does nothing to a process that has ended
        process.wait()
        cast("IO[bytes]", process.stdout).close()
    if status:
        # A negative status is a signal: aborted for memory, or stopped for time.
        raise failed(TOO_LARGE if status < 0 else status)


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit status (negative: a signal), and its output."""

    status: int
    output: bytes


def run_limited(command: Sequence[str], data: bytes, *, inherited: Sequence[int] = ()) -> Ended:
    """Run a program under the limits, the data on its standard input, with `inherited` descriptors open."""
    process = subprocess.Popen(  # noqa: S603 - no shell, and the program is named by its path
        [sys.executable, "-m", "connectors.transport.limited", str(MEMORY), str(SECONDS), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        pass_fds=inherited,
    )
    with process:
        output, _ = process.communicate(data)
    return Ended(process.returncode, output)


def limit(memory: str, seconds: str) -> None:
    """Limit the memory and time of this process, before a byte of the file is read."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold personal data
    signal.alarm(int(seconds) * 2)


def _send(pipe: IO[bytes], data: bytes) -> None:
    try:
        with pipe:
            pipe.write(data)
    except BrokenPipeError:
        return  # it ended before reading all; its exit status tells why


def main(argv: Sequence[str]) -> None:
    """Limit memory and time, then become the program."""
    memory, seconds, *command = argv
    limit(memory, seconds)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
