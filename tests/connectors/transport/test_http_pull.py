"""Pulling from a simulated platform: pages, overlap, resuming anywhere, outages, and hostile pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.contract import check
from connectors.errors import FeedError
from connectors.simulator import Faults, PlatformServer
from connectors.sources import Manifest, load
from connectors.transport.http_pull import Breaker, Page, pull
from connectors.transport.push_client import Retry
from tests.connectors.rows import registration

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def manifest(name: str = "yi", **pull_options: Any) -> Manifest:
    """Return a source that pages by 10 rows."""
    found = load(name)
    return msgspec.structs.replace(found, pull=msgspec.structs.replace(found.pull, limit=10, **pull_options))


def riders(count: int, start: datetime = NOW - timedelta(days=1)) -> list[dict[str, Any]]:
    """Return registrations whose times come in ties of five."""
    return [
        registration(record_id=f"R{n:04d}", updated_at=(start + timedelta(minutes=n // 5)).isoformat())
        for n in range(count)
    ]


async def collect(url: str, source: Manifest, cursor: str | None = None, **options: Any) -> list[Page]:
    """Pull to the end without real waiting."""

    async def no_wait(_: float) -> None:
        return

    settings: dict[str, Any] = {"now": lambda: NOW, "retry": Retry(attempts=3, sleep=no_wait)} | options
    async with aiohttp.ClientSession() as session:
        return [
            page
            async for page in pull(
                session, source, cursor, base_url=url, feed_type="registration", **settings
            )
        ]


def ids(pages: list[Page], source: Manifest) -> list[str]:
    """Return the record ids of all pages, each row having passed the contract."""
    batches = [check(page.rows, feed_type="registration", mapping=source) for page in pages]
    assert not any(batch.rejects for batch in batches)
    return [str(checked.record.record_id) for batch in batches for checked in batch.records]


@pytest.mark.parametrize("name", ["yi", "jia", "bing"])
async def test_all_pages_of_any_manifest_come_in(name: str) -> None:
    """The simulated platform serves any manifest, page by page, each row once."""
    source = manifest(name)
    async with PlatformServer(source, {"registration": riders(25)}) as server:
        pages = await collect(server.url, source)
    assert ids(pages, source) == [f"R{n:04d}" for n in range(25)]
    assert [page.last for page in pages] == [False, False, True]


async def test_the_next_round_meets_ties_and_late_rows_again() -> None:
    """A round starts before the newest time met, so a row committed late with an old time is not missed."""
    source = manifest()
    async with PlatformServer(source, {"registration": riders(25)}) as server:
        cursor = (await collect(server.url, source))[-1].next_cursor
        late = riders(25)[-1] | {"record_id": "LATE"}
        server.records["registration"] += [late, registration(record_id="NEW", updated_at=NOW.isoformat())]
        found = set(ids(await collect(server.url, source, cursor), source))
    assert {"LATE", "NEW", "R0024", "R0020"} <= found


async def test_a_break_after_any_page_is_resumed_there() -> None:
    """From the cursor of each page, the rest comes and nothing is missed."""
    source = manifest()
    async with PlatformServer(source, {"registration": riders(45)}) as server:
        pages = await collect(server.url, source)
        for done in range(1, len(pages)):
            rest = await collect(server.url, source, pages[done - 1].next_cursor)
            assert ids(pages[:done], source) + ids(rest, source) == [f"R{n:04d}" for n in range(45)]


async def test_outages_are_waited_out() -> None:
    """429 and 503 are tried again; a platform that stays away ends in one error naming the status."""
    source = manifest()
    for outage, served in (((429, 503), True), ((503, 503, 500), False)):
        async with PlatformServer(
            source, {"registration": riders(5)}, faults=Faults(outage=outage)
        ) as server:
            if served:
                assert len(ids(await collect(server.url, source), source)) == 5
            else:
                with pytest.raises(FeedError, match=r"pull_failed.*500"):
                    await collect(server.url, source)


async def test_a_platform_that_fails_repeatedly_is_left_alone_for_a_while() -> None:
    """After the stated failures no request is sent until the pause has passed."""
    source, clock = manifest(), [NOW]
    breaker = Breaker(lambda: clock[0], failures=2, pause_s=60)
    faults = Faults(outage=(500,) * 6)
    async with PlatformServer(source, {"registration": riders(5)}, faults=faults) as server:
        for code in ("pull_failed", "pull_failed", "platform_paused"):
            with pytest.raises(FeedError, match=code):
                await collect(server.url, source, breaker=breaker)
        assert server.asked["registration"] == 6
        clock[0] += timedelta(seconds=61)
        assert len(await collect(server.url, source, breaker=breaker)) == 1


async def test_the_token_is_sent_and_its_refusal_is_final() -> None:
    """Rows come with the right bearer token; without it one request is enough to know."""
    source = manifest()
    async with PlatformServer(source, {"registration": riders(5)}, token="t") as server:
        assert len(await collect(server.url, source, headers={"Authorization": "Bearer t"})) == 1
        with pytest.raises(FeedError, match="401"):
            await collect(server.url, source)
        assert server.asked["registration"] == 2


async def test_faults_come_through_as_ordered() -> None:
    """Ordered duplicates, bad and forbidden rows arrive exactly, and bad rows stop nothing."""
    source = manifest()
    faults = Faults(duplicate_every=10, bad_every=9, forbidden_every=13)
    async with PlatformServer(source, {"registration": riders(20)}, faults=faults) as server:
        pages = await collect(server.url, source)
    batches = [check(page.rows, feed_type="registration", mapping=source) for page in pages]
    codes = sorted(f.code for batch in batches for f in batch.failures)
    assert (sum(batch.total for batch in batches), codes) == (
        22,
        ["field_forbidden", "timestamp_invalid", "timestamp_invalid"],
    )


async def test_a_row_dated_ahead_does_not_hide_what_follows() -> None:
    """The cursor never passes the present, whatever a row says."""
    source = manifest()
    ahead = registration(record_id="AHEAD", updated_at="2099-01-01T00:00:00+00:00")
    async with PlatformServer(source, {"registration": [ahead]}) as server:
        cursor = (await collect(server.url, source))[-1].next_cursor
        server.records["registration"].append(registration(record_id="NEW", updated_at=NOW.isoformat()))
        assert "NEW" in ids(await collect(server.url, source, cursor), source)


async def serve(*bodies: tuple[int, str]) -> TestServer:
    """Start a server that gives these answers in turn."""
    left = list(bodies)

    async def answer(_: web.Request) -> web.Response:
        status, text = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=status, text=text, content_type="application/json")

    app = web.Application()
    app.router.add_get("/open/v2/couriers", answer)
    server = TestServer(app)
    await server.start_server()
    return server


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "pull_page_unreadable"), ("{", "pull_page_unreadable"), ("[]", "pull_page_unreadable"),
        ('{"data":null}', "pull_page_unreadable"), ('{"data":{"list":{}}}', "pull_page_unreadable"),
        ('{"data":{"list":[],"nextToken":{}}}', "pull_page_unreadable"), ("[" * 9999, "pull_page_unreadable"),
        ('{"data":{"list":[],"nextToken":"same"}}', "pull_loop"),
    ],
)  # fmt: skip
async def test_a_page_that_is_none_is_refused(body: str, code: str) -> None:
    """What is no page, and a page that names itself as the next, ends the pull by code."""
    server = await serve((200, body))
    try:
        with pytest.raises(FeedError, match=code):
            await collect(str(server.make_url("")), manifest())
    finally:
        await server.close()


async def test_an_expired_page_token_starts_its_round_again() -> None:
    """When the platform has forgotten the token of a broken round, the round starts from its beginning."""
    server = await serve((410, ""), (200, '{"data":{"list":[{"x":1e400}],"nextToken":null}}'))
    try:
        pages = await collect(str(server.make_url("")), manifest(), '{"page":"old"}')
    finally:
        await server.close()
    assert [page.rows for page in pages] == [((1, b'{"x":1e400}'),)]


async def test_a_cursor_that_is_none_is_refused() -> None:
    """A cursor that can't be read is an error, not a silent start from the beginning."""
    with pytest.raises(FeedError, match="cursor_invalid"):
        await collect("http://127.0.0.1:1", manifest(), "{oops")


async def test_answers_that_end_in_their_middle_lose_and_double_nothing() -> None:
    """Every second answer breaks off; each page is asked for again and each row comes once."""
    source = manifest()
    async with PlatformServer(source, {"registration": riders(25)}, faults=Faults(cut_every=2)) as server:
        pages = await collect(server.url, source)
        assert server.asked["registration"] == 5
    assert ids(pages, source) == [f"R{n:04d}" for n in range(25)]


async def test_rows_ordered_late_come_in_the_second_round() -> None:
    """The platform commits every third row only after the first round; the overlap meets them."""
    source = manifest()
    start = NOW - timedelta(minutes=6)
    async with PlatformServer(
        source, {"registration": riders(25, start)}, faults=Faults(late_every=3)
    ) as server:
        first = await collect(server.url, source)
        second = await collect(server.url, source, first[-1].next_cursor)
    assert len(ids(first, source)) == 17
    assert {*ids(first, source), *ids(second, source)} == {f"R{n:04d}" for n in range(25)}
