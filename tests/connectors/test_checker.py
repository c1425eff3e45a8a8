"""What `feed check` prints: the same report for the same rows in every format."""

import csv
import io
import json
from pathlib import Path

import pytest

from connectors.checker import check_file
from connectors.errors import FeedError
from connectors.records import RECORD_TYPES
from connectors.schema import json_schema
from tests.connectors.rows import registration

ROWS = [registration(), registration(phone="x"), registration(updated_at="2026-11-01T00:00:00")]


def test_the_report_is_the_same_in_every_format(tmp_path: Path) -> None:
    """CSV, NDJSON and JSON array of the same rows give one report with exactly the stated fields."""
    names = sorted({name for row in ROWS for name in row})
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, names)
    writer.writeheader()
    writer.writerows(ROWS)
    files = {
        "rows.csv": table.getvalue().encode(),
        "rows.ndjson": "\n".join(map(json.dumps, ROWS)).encode(),
        "rows.json": json.dumps(ROWS, indent=2).encode(),
    }
    reports = []
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        reports.append(json.loads(check_file(tmp_path / name, "registration").to_json()))
    assert reports[0] == reports[1] == reports[2]
    assert {key: reports[0][key] for key in ("total", "accepted", "rejected")} == {
        "total": 3,
        "accepted": 1,
        "rejected": 2,
    }
    assert [(f["row"], f["path"], f["code"]) for f in reports[0]["failures"]] == [
        (2, "phone", "phone_invalid"),
        (3, "updated_at", "timestamp_without_zone"),
    ]
    assert all(set(f) == {"row", "path", "code", "zh", "en"} for f in reports[0]["failures"])


def test_an_unreadable_file_is_an_error_and_not_an_empty_report() -> None:
    """A file that can't be read raises, so that nobody takes it for a clean one."""
    with pytest.raises(FeedError, match="file_empty"):
        check_file(b"", "station")


def test_the_schema_is_made_from_the_records() -> None:
    """Each feed type has a schema with every field, the required ones, and the rules in words."""
    for feed_type, record in RECORD_TYPES.items():
        schema = json_schema(feed_type)
        own = schema["$defs"][record.__name__]
        assert set(own["properties"]) == set(record.__struct_fields__)
        assert own["additionalProperties"] is False
        assert "frame" in own["description"]
        assert schema["version"] == "1.0"
