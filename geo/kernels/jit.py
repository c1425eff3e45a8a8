"""How loops are compiled here: ahead of the first call, kept on disk, without the interpreter's lock."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from numba import types

_config: Any = numba.config
_F = TypeVar("_F", bound=Callable[..., Any])

F1: Final = types.Array(types.float64, 1, "C")
F2: Final = types.Array(types.float64, 2, "C")
I1: Final = types.Array(types.int32, 1, "C")
I2: Final = types.Array(types.int32, 2, "C")
L1: Final = types.Array(types.int64, 1, "C")
L2: Final = types.Array(types.int64, 2, "C")
B1: Final = types.Array(types.uint8, 1, "C")
#: What callers hand in may be read-only.
RF1: Final = types.Array(types.float64, 1, "C", readonly=True)
RL1: Final = types.Array(types.int64, 1, "C", readonly=True)
RB1: Final = types.Array(types.uint8, 1, "C", readonly=True)
INT: Final = types.int64
FLOAT: Final = types.float64
#: A function that gets a plain 0 is compiled for that 0, and again for any number; one that gets these, once.
ZERO: Final[Any] = np.int64(0)
ONE: Final[Any] = np.int64(1)
NONE: Final = types.void

# One file a kernel: with parallel=True or fastmath the code is slower to make, or no longer exact.
_PLAIN: Final[dict[str, Any]] = {
    "nogil": True,
    "error_model": "numpy",
    "boundscheck": False,
    "no_cfunc_wrapper": True,
    "no_rewrites": True,
}
_OPTIONS: Final[dict[str, Any]] = {**_PLAIN, "cache": True}
_INNER: Final[dict[str, Any]] = {**_PLAIN, "no_cpython_wrapper": True, "forceinline": True}


@cache
def _cache() -> Path | str:
    """Give the folder for machine code of these very sources.

    A kernel's own cache looks at the file it stands in alone, and would miss a change of what it calls.
    """
    folder = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    kept = Path(_config.CACHE_DIR or folder / "__pycache__") / f"kernels-{digest.hexdigest()[:16]}"
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError:
        # Not ours to write: numba then looks for a place in the user's home.
        return str(_config.CACHE_DIR)
    return kept


def kernel(returns: Any, *arguments: Any) -> Callable[[_F], _F]:
    """Compile a function for exactly these types when it is defined, or take it from the cache."""

    def compiled(function: _F) -> _F:
        given, _config.CACHE_DIR = _config.CACHE_DIR, str(_cache())
        try:
            return cast("_F", numba.njit(returns(*arguments), **_OPTIONS)(function))
        finally:
            _config.CACHE_DIR = given

    return compiled


def inner(function: _F) -> _F:
    """Let kernels call a function; it is compiled into them: a call would count references to every array."""
    return cast("_F", numba.njit(**_INNER)(function))
