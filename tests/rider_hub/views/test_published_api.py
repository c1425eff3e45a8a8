"""Promise 20: every operation of the published document, asked odd things by schemathesis, keeps its word."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from rider_hub.app import api_document
from rider_hub.intake.answers import UNUSABLE
from rider_hub.storage import new_id
from tests.rider_hub.views.published import Served, served

COUNT = 1_000 if os.environ.get("RIDER_HUB_TEST_LONG") == "1" else 15

PUBLISHED = msgspec.json.decode(msgspec.json.encode(api_document()))
schema = schemathesis.openapi.from_dict(PUBLISHED)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Served]:
    """Serve a hub for all operations."""
    with served(tmp_path_factory.mktemp("published"), sqlite_template) as up:
        yield up


@schemathesis.serializer("application/x-ndjson")
def lines(_: Any, value: Any) -> bytes:
    """Send what was made for NDJSON as its only line."""
    return json.dumps(value).encode() + b"\n"


class Signer(requests.auth.AuthBase):
    """Compresses where the headers say so, and signs what is sent as it is sent."""

    def __init__(self, hub: Served) -> None:
        self.hub = hub

    def __call__(self, prepared: Any) -> Any:
        """Put the signature over the body on its way."""
        body = prepared.body or b""
        body = body.encode() if isinstance(body, str) else bytes(body)
        if prepared.headers.get("Content-Encoding") == "gzip":
            body = gzip.compress(body)
            prepared.body = body
            prepared.headers["Content-Length"] = str(len(body))
        prepared.headers.update(self.hub.signed(body))
        return prepared


def test_what_is_served_is_what_was_asked(hub: Served) -> None:
    """The operations tried below are those that a hub answers with at /api/openapi.json."""
    assert requests.get(f"{hub.url}/api/openapi.json", timeout=30).json() == PUBLISHED


@schema.parametrize()
@settings(max_examples=COUNT, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_keeps_what_is_published(case: Any, hub: Served) -> None:
    """No 5xx; every status, media type, header and body is as the document says; wrong data is refused."""
    if not _is_right(case, ParameterLocation.HEADER):
        case.call_and_validate(base_url=hub.url)
        return
    if "platform" in case.path_parameters and _is_right(case, ParameterLocation.PATH):
        case.path_parameters["platform"] = hub.platform
    if "X-CSRF-Token" in case.headers:
        case.headers["X-CSRF-Token"] = hub.csrf
    if "rider_hub_session" in (case.cookies or {}) and _is_right(case, ParameterLocation.COOKIE):
        case.cookies["rider_hub_session"] = hub.cookie
    if "Idempotency-Key" in case.headers:
        # One key a batch: the same one with other content is refused, as it must be.
        case.headers["Idempotency-Key"] = new_id()
    _declare(case)
    case.call_and_validate(
        base_url=hub.url,
        auth=Signer(hub),
        excluded_checks=[positive_data_acceptance],
        additional_checks=[right_data_is_taken],
    )


def right_data_is_taken(context: Any, response: Any, case: Any) -> bool | None:
    """Hold that what the document allows is not refused, but for a batch of which no row can be used.

    By the document rows are of any shape, since a bad one does not stop the others.
    """
    if response.status_code == UNUSABLE and response.json()["code"] == "no_row_usable":
        return None
    return bool(positive_data_acceptance(context, response, case)) or None


def _is_right(case: Any, location: Any) -> bool:
    """Say whether what the case holds in a place is as the document asks."""
    found = case.meta.components.get(location) if case.meta else None
    return found is None or found.mode is GenerationMode.POSITIVE


def _declare(case: Any) -> None:
    """Make a snapshot's headers whole: no schema says that one header asks for others."""
    if case.headers.get("rfs-mode") != "snapshot":
        return
    if case.path_parameters.get("type") != "registration":
        case.headers["rfs-mode"] = "changes"
    case.headers["rfs-as-of"] = "2026-11-01T08:00:00+08:00"
    case.headers["rfs-total"] = "1"
    # Each batch is a snapshot of its own, unless it names one.
    case.headers.pop("rfs-snapshot", None)
