"""Compile every kernel ahead of its first use: `python -m geo.kernels`; quick where it was done before."""

import importlib
import sys
import time
from pathlib import Path

_OWN = {"__init__", "__main__", "jit"}


def compile_all() -> float:
    """Import all kernels, which compiles them or takes them from the cache; give the seconds."""
    started = time.perf_counter()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        if source.stem not in _OWN:
            importlib.import_module(f"geo.kernels.{source.stem}")
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.stderr.write(f"The kernels of geo are ready after {compile_all():.1f} s\n")
