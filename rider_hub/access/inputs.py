"""What each route, command and job takes in, said beside it: no list of members can be brought in unseen.

A comparison of many riders with a list of members would need an input of many rows that hold a declaration.
Each input is named here by its type, and a test refuses a type that could hold one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Inputs", "Kind", "inputs_of", "takes"]

#: A record type, or of a table the field → the headings its column may have.
Kind = type | Mapping[str, tuple[str, ...]]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Inputs:
    """What something takes: one record of a form or a body, and rows of a file or an array."""

    one: tuple[type, ...] = ()
    rows: tuple[Kind, ...] = ()


def takes(*one: type, rows: tuple[Kind, ...] = ()) -> Callable[[F], F]:
    """Name what a handler, a command or a job takes; nothing named is nothing taken."""

    def named(function: F) -> F:
        function.takes = Inputs(one, rows)  # type: ignore[attr-defined]
        return function

    return named


def inputs_of(function: object) -> Inputs | None:
    """Return what was named, None where nothing was said."""
    found = getattr(function, "takes", None)
    return found if isinstance(found, Inputs) else None
