"""Every page that shows a rider, a request or an invitation leaves its row; without the row, no page."""

import re

import pytest
from sqlalchemy import func, select

from rider_hub.access import Hub
from rider_hub.access.policy import OPERATIONS
from rider_hub.access.tables import audit_row
from tests.rider_hub.access.broken_trail import break_trail
from tests.rider_hub.matrix.drivers import DRIVERS
from tests.rider_hub.matrix.test_matrix import Client, _text, routes_of, site
from tests.rider_hub.matrix.viewers import VIEWERS, Viewer

#: A page that shows a person leads to the person's id.
_PEOPLE = re.compile(r"/(?:riders|requests|invitations|links)/(?:rider|req|inv|link)-tag")
#: Place, category and due time of the requests that are due, without a word of them.
_NOBODY = frozenset({"/"})
_STAFF = sorted(name for name, viewer in VIEWERS.items() if viewer.actor.id.startswith("user:"))


def _addresses(client: Client, viewer: Viewer) -> list[str]:
    """Return every page the viewer may open, with parameters of the viewer's own rows, and every export."""
    assert client.app is not None
    found = []
    for method, path, operation in routes_of(client.app):
        driver = DRIVERS.get((method, path))
        if method != "GET" or path in _NOBODY or viewer.role not in OPERATIONS[operation]:
            continue
        if "{" not in path:
            found.append(path)
        elif driver and driver.params:
            found += [path.format(**driver.params(group)) for group in viewer.own()[:1]]
    return found


async def _count(hub: Hub) -> int:
    async with hub.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(audit_row))).scalar_one())


@pytest.mark.parametrize("name", _STAFF)
async def test_each_page_that_shows_people_leaves_its_row_or_does_not_show_them(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened by someone authorised, each leaves a row; where rows are refused, each is a 503 without them."""
    viewer = VIEWERS[name]
    async with site(hub, monkeypatch) as (client, be):
        be(viewer)
        showing, silent = [], []
        for address in _addresses(client, viewer):
            before = await _count(hub)
            answer = await client.get(address, allow_redirects=False)
            if answer.status == 200 and _PEOPLE.search(await _text(answer)):
                showing.append(address)
                if await _count(hub) == before:
                    silent.append(address)
        assert silent == []
        if "riders.view" in {operation for operation, roles in OPERATIONS.items() if viewer.role in roles}:
            assert showing
        await break_trail(hub)
        for address in showing:
            answer = await client.get(address, allow_redirects=False)
            others = (await _text(answer)).replace(address, "")  # the page leads back to what was asked for
            assert (answer.status, _PEOPLE.search(others)) == (503, None), address
