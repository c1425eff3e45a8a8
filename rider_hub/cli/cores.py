"""No core files: what a process had in its memory must not lie in a file once it has crashed."""

import ctypes
import resource
import sys

__all__ = ["forbid_core_files"]

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def forbid_core_files() -> None:
    """Have the system write no core of this process, whatever limits and core_pattern were set.

    Names, phones and keys stand in the memory of a running hub. The processes it starts have the limit, too.
    What is not dumpable can't be read by other processes of its user either; root still can.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    if sys.platform == "linux":
        # A core_pattern that is a pipe asks for no limit; of what is not dumpable it gets nothing.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
