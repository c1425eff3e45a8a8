"""No list of members can come in: each route, command and job names what it takes, and none can hold that."""

import ast
import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import click
import msgspec
import pytest
from aiohttp import web

from connectors.forbidden import forbidden_group
from connectors.records import Registration
from jobs.registry import registry
from rider_hub.access.guard import operation_of
from rider_hub.access.inputs import Kind, inputs_of, takes
from rider_hub.app import build_app
from rider_hub.cli import main
from rider_hub.membership.model import Declaration
from rider_hub.membership.model import Kind as DeclaredKind
from tests.factories import make_hub
from tests.rider_hub.routes import CHANGING

#: A rider says of themselves what no list may say of others: one record, under their own session.
OWN_WORD = "membership.declare"
_ABOUT_PERSONS = ("rider_hub.membership", "rider_hub.consent")
#: A party organization's own number and name say nothing of a person.
_AN_ORGANIZATION = "党组织"


def holds_declaration(kind: Any, seen: frozenset[Any] = frozenset()) -> str | None:
    """Return the path of the first thing in a type that could say who is a member, None where none could."""
    if isinstance(kind, Mapping):
        return forbidden_word(word for name, words in kind.items() for word in (name, *words))
    if kind in seen or not isinstance(kind, type):
        return None
    if kind.__module__.startswith(_ABOUT_PERSONS) and not kind.__module__.endswith(".pages"):
        return kind.__name__
    if issubclass(kind, Enum):
        return forbidden_word(str(one.value) for one in kind)
    hints = get_type_hints(kind)
    inside = [(f"{name}.", part) for name, hint in hints.items() for part in parts(hint)]
    found = (path + below for path, part in inside if (below := holds_declaration(part, seen | {kind})))
    return forbidden_word(hints) or next(found, None)


def forbidden_word(words: Iterable[str]) -> str | None:
    """Return the first word that no feed may carry either."""
    return next((word for word in words if _AN_ORGANIZATION not in word and forbidden_group(word)), None)


def parts(annotation: Any) -> Iterator[Any]:
    """Give every type inside an annotation."""
    yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from parts(inner)


def is_array(kind: type) -> bool:
    """Say whether a record holds several of something beside single values."""
    inside = [part for hint in get_type_hints(kind).values() for part in parts(hint)]
    return any(get_origin(part) in {list, set, tuple, dict} for part in inside)


@pytest.fixture
async def app(sqlite_template: Path, tmp_path: Path) -> Any:
    """Build the application; nothing is asked of it."""
    async with make_hub(f"sqlite+aiosqlite:///{sqlite_template}", tmp_path) as hub:
        yield build_app(hub)


def changing(app: web.Application) -> dict[str, Any]:
    """Return the handlers of all routes that take a body."""
    return {
        f"{route.method} {route.resource.canonical if route.resource else ''}": route.handler
        for route in app.router.routes()
        if route.method in CHANGING
    }


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Give every command by its words."""
    if not isinstance(group, click.Group):
        yield " ".join(path), group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        inner = group.get_command(context, name)
        assert inner is not None
        yield from commands(inner, (*path, name))


def reads_many(command: click.Command) -> bool:
    """Say whether a command takes a file, a folder or several values."""
    return any(
        isinstance(one.type, click.Path | click.File) or one.multiple or one.nargs != 1
        for one in command.params
    )


def everything(app: web.Application) -> dict[str, tuple[Any, str | None]]:
    """Return what must name its inputs, and under which operation it stands."""
    found: dict[str, tuple[Any, str | None]] = {
        name: (handler, operation_of(handler)) for name, handler in changing(app).items()
    }
    found |= {name: (one.callback, None) for name, one in commands(main) if reads_many(one)}
    return found | {f"job {name}": (job.run, None) for name, job in registry().items()}


def test_a_type_that_could_hold_a_declaration_is_seen() -> None:
    """By a field's name, by a type of the declarations', by a table's heading, however deep it stands."""
    member = msgspec.defstruct("Row", [("rider", str), ("party_member", bool)])
    deep = msgspec.defstruct("Batch", [("rows", list[member])])  # type: ignore[valid-type]
    kinds = msgspec.defstruct("Of", [("kind", DeclaredKind | None)])
    for wrong in (member, deep, kinds, Declaration, {"status": ("身份", "政治面貌")}):
        assert holds_declaration(wrong), wrong
    for right in (Registration, {"code": ("党组织编号",)}, date):
        assert holds_declaration(right) is None, right


async def test_every_input_is_named(app: web.Application) -> None:
    """A route, a command with a file or several values, a job: add @takes(...) of rider_hub.access.inputs."""
    unnamed = [name for name, (function, _) in everything(app).items() if inputs_of(function) is None]
    assert unnamed == []
    assert len(everything(app)) > 50


async def test_no_file_and_no_array_can_say_who_is_a_member(app: web.Application) -> None:
    """Rows never; a single record only where a rider speaks of themselves."""
    wrong = {}
    for name, (function, operation) in everything(app).items():
        named = inputs_of(function)
        assert named is not None
        many: list[Kind] = [*named.rows, *filter(is_array, named.one)]
        found = [one for one in map(holds_declaration, many) if one]
        if operation != OWN_WORD:
            found += [one for one in map(holds_declaration, named.one) if one]
        if found:
            wrong[name] = found
    assert wrong == {}


async def test_what_is_read_is_what_was_named(app: web.Application) -> None:
    """Every form and body read in a module of routes is of a type that one of its handlers names."""
    modules = {importlib.import_module(handler.__module__) for handler in changing(app).values()}
    wrong = []
    for module in modules:
        tree = ast.parse(inspect.getsource(module))
        inside = [word for call in calls(tree, "takes") for word in ast.walk(call)]
        named = {word.id for word in inside if isinstance(word, ast.Name)}
        read = {ast.unparse(call.args[1]) for call in calls(tree, "read_form")}
        wrong += [(module.__name__, kind) for kind in read - named]
    assert wrong == []


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    """Give the calls of a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
            yield node


def test_nothing_said_is_not_nothing_taken() -> None:
    """An empty list of inputs is a statement of its own."""

    @takes()
    def nothing() -> None: ...

    assert inputs_of(nothing) is not None
    assert inputs_of(calls) is None
