"""The published document covers every route of the interface and nothing else, and its words exist."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openapi_spec_validator import validate

from connectors.batch import Failure
from connectors.contract import check
from connectors.problems import sentences
from connectors.records import RECORD_TYPES
from rider_hub.access.inputs import inputs_of
from rider_hub.app import build_app
from rider_hub.cli import main
from rider_hub.intake.faults import row_words
from rider_hub.views.openapi import documented_routes, error_words
from tests.factories import make_hub

OPERATION = ("/healthz", "/readyz", "/metrics")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Give the document as `rider-hub openapi` prints it."""
    printed = CliRunner().invoke(main, ["openapi"])
    assert printed.exit_code == 0, printed.output
    return dict(json.loads(printed.output))


def test_it_is_a_valid_document(document: dict[str, Any]) -> None:
    """A validator of OpenAPI 3.1 finds nothing to say."""
    assert document["openapi"].startswith("3.1")
    validate(document)


async def test_every_route_of_the_interface_is_in_it_and_no_other(
    document: dict[str, Any], tmp_path: Path
) -> None:
    """What the application routes under /api, and the routes of operation, are the operations published."""
    async with make_hub(f"sqlite+aiosqlite:///{tmp_path / 'hub.db'}", tmp_path) as hub:
        routes = list(build_app(hub).router.routes())
    served = {
        (route.resource.canonical, route.method)
        for route in routes
        if route.resource is not None and route.method != "HEAD"
    }
    ours = {(path, method) for path, method in served if path.startswith("/api/") or path in OPERATION}
    published = {(path, method.upper()) for path, of in document["paths"].items() for method in of}
    assert published == ours
    assert documented_routes(routes).keys() == ours


def test_every_operation_says_what_it_does_in_both_languages(document: dict[str, Any]) -> None:
    """Each has a name of its own, Chinese first, English after, and an answer that is no error."""
    operations = [one for of in document["paths"].values() for one in of.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    for one in operations:
        chinese, english = one["description"].split("\n\n")
        assert any("\u4e00" <= sign <= "\u9fff" for sign in chinese)
        assert english.isascii()
        assert any(status.startswith("2") for status in one["responses"])


def test_every_code_published_has_its_sentences(document: dict[str, Any]) -> None:
    """Each error code of a response is one of the hub's, and its words stand beside it."""
    words = error_words()
    for of in document["paths"].values():
        for one in of.values():
            for status, answer in one["responses"].items():
                if status.startswith("2"):
                    continue
                [schema] = [media["schema"] for media in answer["content"].values()]
                for code in schema["allOf"][1]["properties"]["code"]["enum"]:
                    zh, en = words[code]
                    assert f"`{code}`: {zh} / {en}" in answer["description"]


def test_every_code_of_a_row_is_told(document: dict[str, Any]) -> None:
    """The codes in a receipt's failures are all listed with their words."""
    told = document["components"]["schemas"]["Failure"]["properties"]["code"]["description"]
    for code in (*sentences()["row"], *row_words()):
        assert f"`{code}`:" in told
    assert {"row", "path", "code", "zh", "en"} == set(Failure.__struct_fields__)


def test_the_records_are_those_that_check_the_rows(document: dict[str, Any]) -> None:
    """Fields and which of them are always required are the same in the document and in the check."""
    for feed_type, record in RECORD_TYPES.items():
        schema = document["components"]["schemas"][record.__name__]
        assert schema["properties"].keys() == set(record.__struct_fields__)
        [reject] = check([(1, {})], feed_type=feed_type).rejects
        missing = {one.path for one in reject.failures if one.code == "field_required"}
        assert set(schema["required"]) <= missing


async def test_a_published_body_is_named_as_an_input(tmp_path: Path) -> None:
    """A route that takes a body says its types also to the rule against bulk lists of members."""
    async with make_hub(f"sqlite+aiosqlite:///{tmp_path / 'hub.db'}", tmp_path) as hub:
        routes = list(build_app(hub).router.routes())
    handlers = {(r.resource.canonical, r.method): r.handler for r in routes if r.resource is not None}
    for key, said in documented_routes(routes).items():
        assert (said.body is not None) == (inputs_of(handlers[key]) is not None), key
