"""What a JSON route takes and answers, said beside it: the OpenAPI document is made from these words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = ["Answer", "Body", "Description", "Given", "described", "description_of"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Given:
    """One parameter: where it stands (path, header, query), its schema, and words in both languages."""

    name: str
    where: str
    zh: str
    en: str
    schema: Mapping[str, Any]
    required: bool = True


@dataclass(frozen=True)
class Body:
    """What a request holds: media type → schema or type, with words in both languages."""

    zh: str
    en: str
    media: Mapping[str, Mapping[str, Any] | type]
    examples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One answer that is no error."""

    zh: str
    en: str
    type: type | Mapping[str, Any]
    status: int = 200
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """One route. `errors` are the codes it may answer with, by status; the general ones are added to all."""

    name: str
    zh: str
    en: str
    answers: tuple[Answer, ...]
    given: tuple[Given, ...] = ()
    body: Body | None = None
    errors: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    #: Name of the security scheme; "" where anyone may ask.
    security: str = ""


def described(description: Description) -> Callable[[F], F]:
    """Put a route's description beside its handler."""

    def named(function: F) -> F:
        function.description = description  # type: ignore[attr-defined]
        return function

    return named


def description_of(handler: object) -> Description | None:
    """Return what was said of a handler, None where nothing was."""
    found = getattr(handler, "description", None)
    return found if isinstance(found, Description) else None
