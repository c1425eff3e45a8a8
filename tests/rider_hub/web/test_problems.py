"""Errors as answers."""

import pytest
from aiohttp.test_utils import TestClient

FORMATS = ("/api/fail/", "/fail/")
KEYS = {"type", "title", "status", "code", "zh", "en", "errors"}


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("absent", 404, "not_found"),
        ("conflict", 409, "conflict"),
        ("unauthenticated", 401, "unauthenticated"),
        ("unexpected", 500, "unexpected"),
        ("large", 413, "too_large"),
    ],
)
async def test_an_api_error_is_a_problem_document(
    client: TestClient, kind: str, status: int, code: str
) -> None:
    """Every kind of error has one shape under /api/."""
    answer = await client.get(f"/api/fail/{kind}")
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    document = await answer.json(content_type=None)
    assert set(document) - {"id"} == KEYS
    assert (document["status"], document["code"]) == (status, code)
    assert document["zh"]
    assert document["en"]


async def test_who_asks_for_json_gets_it_elsewhere_too(client: TestClient) -> None:
    """The Accept header decides outside /api/."""
    answer = await client.get("/fail/conflict", headers={"Accept": "application/json"})
    assert answer.content_type == "application/problem+json"


async def test_a_page_error_says_what_and_what_now(client: TestClient) -> None:
    """A person reads a sentence, the way on, and the code; the menu is still there."""
    answer = await client.get("/fail/conflict")
    page = await answer.text()
    assert (answer.status, answer.content_type) == (409, "text/html")
    assert "这条诉求已由别人办结" in page
    assert "重新打开本页" in page
    assert 'class="side"' in page


async def test_a_fragment_error_stays_in_the_drawer(client: TestClient) -> None:
    """For htmx only the words come, with the status."""
    answer = await client.get("/riders/missing", headers={"HX-Request": "true"})
    assert answer.status == 404
    assert "<html" not in await answer.text()


@pytest.mark.parametrize("path", ["/fail/unexpected", "/api/fail/unexpected", "/r/fail/unexpected"])
async def test_an_unexpected_error_shows_and_logs_no_detail(
    client: TestClient, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the answer nor the log repeats the exception's text; one number is in both."""
    answer = await client.get(path)
    body = await answer.text()
    captured = capfd.readouterr()
    log = captured.err + captured.out
    assert answer.status == 500
    for shown in (body, log):
        assert "19912345678" not in shown
        assert "Traceback" not in shown
    assert "RuntimeError" not in body
    number = body.split("编号 ")[1][:8]
    assert number in log


async def test_a_visitor_is_led_to_sign_in_and_back(client: TestClient) -> None:
    """A page redirects to the sign-in with the way back; htmx is told by header; riders go to theirs."""
    page = await client.get("/fail/unauthenticated?x=1", allow_redirects=False)
    assert (page.status, page.headers["Location"]) == (303, "/login?next=/fail/unauthenticated%3Fx%3D1")
    rider = await client.get("/r/fail/unauthenticated", allow_redirects=False)
    assert rider.headers["Location"] == "/r/login?next=/r/fail/unauthenticated"
    part = await client.get("/fail/unauthenticated", headers={"HX-Request": "true"})
    assert part.headers["HX-Redirect"] == "/login?next=/"


async def test_unknown_pages_and_methods_are_problems_too(client: TestClient) -> None:
    """What the router refuses looks like everything else, and says what is allowed."""
    assert "没有找到这个页面" in await (await client.get("/nowhere")).text()
    answer = await client.delete("/riders")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]


async def test_a_rider_reads_the_problem_on_the_phone_page(client: TestClient) -> None:
    """Errors below /r/ have the riders' layout, without a script."""
    page = await (await client.get("/r/fail/absent")).text()
    assert "phone.css" in page
    assert "<script" not in page
