"""The published document of streams is right by AsyncAPI's own schema, and says what is read and sent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from connectors.records import RECORD_TYPES
from rider_hub.cli import main
from rider_hub.intake import dead_letters
from rider_hub.intake.model import FEEDS
from tests.rider_hub.intake.build import rider, station

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Give the document as `rider-hub openapi --asyncapi` prints it."""
    printed = CliRunner().invoke(main, ["openapi", "--asyncapi"])
    assert printed.exit_code == 0, printed.output
    return dict(json.loads(printed.output))


def test_it_is_a_valid_document(document: dict[str, Any]) -> None:
    """AsyncAPI's own schema of its version 3.0.0 finds nothing to say, and would."""
    schema = json.loads((ROOT / ".cache/asyncapi/3.0.0.json").read_text("utf-8"))
    validator = Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(document)] == []
    assert not validator.is_valid(document | {"operations": {"receive": {"action": "read"}}})


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """Channels, operations, messages and schemas name each other rightly."""
    found = list(references(document))
    assert found
    for one in found:
        at: Any = document
        for name in one.removeprefix("#/").split("/"):
            at = at[name]


def test_messages_are_the_records_that_check_them(document: dict[str, Any]) -> None:
    """Every feed has a channel it is received by, and its payload takes a right row and no other name."""
    assert {*document["channels"]} == {*FEEDS, "deadLetter"}
    operations = document["operations"].values()
    received = {one["channel"]["$ref"] for one in operations if one["action"] == "receive"}
    assert received == {f"#/channels/{name}" for name in FEEDS}
    schemas = document["components"]["schemas"]
    for name, record in RECORD_TYPES.items():
        assert schemas[record.__name__]["properties"].keys() == set(record.__struct_fields__)
        payload = document["components"]["messages"][name]["payload"]["schema"]
        assert payload == {"$ref": f"#/components/schemas/{record.__name__}"}
    for row, record_name in ((rider(1), "Registration"), (station(1), "Station")):
        validator = Draft7Validator({**document, "$ref": f"#/components/schemas/{record_name}"})
        assert validator.is_valid(row)
        assert not validator.is_valid(row | {"zzmm": "1"})


def test_dead_letters_say_what_is_published(document: dict[str, Any]) -> None:
    """The headers of a dead letter are those of the document, all of them."""
    row = dict.fromkeys(("feed_type", "receipt_id", "topic", "partition", "offset"), "x") | {"failures": []}
    letter = document["components"]["messages"]["deadLetter"]
    assert list(dead_letters._headers(row)) == list(letter["headers"]["properties"])
    assert letter["payload"] == {"type": "null"}


def references(part: Any) -> Iterator[str]:
    """Yield every reference of a document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)
