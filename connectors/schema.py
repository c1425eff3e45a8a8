"""The Rider Feed Standard as JSON Schema, made from the record types themselves."""

from typing import Any, Final

import msgspec

from connectors.records import RECORD_TYPES, RFS_VERSION, FeedType
from connectors.rules import RULES_IN_WORDS

_BASE: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema(feed_type: FeedType) -> dict[str, Any]:
    """Return the JSON Schema of one feed type; rules across fields stand in its description."""
    record_type = RECORD_TYPES[feed_type]
    schema = msgspec.json.schema(record_type)
    own = schema["$defs"][record_type.__name__]
    own["description"] = f"{own['description']} {RULES_IN_WORDS[feed_type]}"
    return {"$schema": _BASE, "title": f"Rider Feed Standard: {feed_type}", "version": RFS_VERSION, **schema}
