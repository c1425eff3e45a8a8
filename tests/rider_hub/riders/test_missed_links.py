"""Registrations of one person that came at the same moment are linked by the job of the night."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from jobs.link_registrations import JOB
from rider_hub.access import Actor, Hub
from rider_hub.clock import FixedClock
from rider_hub.riders.missed_links import link_missed
from rider_hub.riders.model import LinkState
from rider_hub.riders.service import decide_link
from rider_hub.riders.tables import identity_link, registration
from rider_hub.riders.taking import apply_registrations
from tests.factories import county_staff, make_hub
from tests.rider_hub.riders.build import COUNTY, checked, id_number, riders_of, row, take

NIGHT = Actor.job(JOB.name)


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub on each database."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        yield opened


async def _meet(hub: Hub, **shared: str) -> None:
    """Have two platforms register a person at one moment, so that neither sees the other."""
    if hub.database.dialect == "sqlite":
        # One writer at a time: what it can't do is written as if it had happened.
        await take(hub, [row("R-1", **shared)], "jia")
        await take(hub, [row("R-2")], "yi")
        names = ("identity_index", "phone_index")
        async with hub.database.write() as connection:
            theirs = select(*(registration.c[name] for name in names))
            first = (await connection.execute(theirs.where(registration.c.platform == "jia"))).one()
            changed = update(registration).where(registration.c.platform == "yi")
            await connection.execute(changed.values(dict(zip(names, first, strict=True))))
        return
    async with (
        hub.change(Actor.sender("jia"), "feeds.push") as one,
        hub.change(Actor.sender("yi"), "feeds.push") as other,
    ):
        for work, platform, ref in ((one, "jia", "R-1"), (other, "yi", "R-2")):
            rows = checked([row(ref, **shared)])
            await apply_registrations(
                work, hub.keys, platform=platform, county=COUNTY, checked=rows, receipt_id=None
            )


async def _links(hub: Hub) -> list[str]:
    async with hub.database.read() as connection:
        return list((await connection.execute(select(identity_link.c.state))).scalars())


async def test_one_identity_that_came_twice_at_once_becomes_one_rider(hub: Hub) -> None:
    """The same number links, as had one come before the other; a second night changes nothing."""
    await _meet(hub, id_number=id_number(1))
    assert (len(set((await riders_of(hub)).values())), await _links(hub)) == (2, [])
    assert await link_missed(hub, NIGHT) == {"links": 1}
    assert (len(set((await riders_of(hub)).values())), await _links(hub)) == (1, [LinkState.LINKED])
    assert await link_missed(hub, NIGHT) == {"links": 0}


async def test_one_phone_is_proposed_and_a_decision_stays(hub: Hub) -> None:
    """The same phone alone is for staff to decide; what they decided is not asked for again."""
    await _meet(hub, phone="19900000001")
    assert await link_missed(hub, NIGHT) == {"links": 1}
    assert await _links(hub) == [LinkState.PROPOSED]
    async with hub.database.read() as connection:
        link = (await connection.execute(select(identity_link.c.id))).scalar_one()
    await decide_link(hub, county_staff(COUNTY), link, LinkState.REJECTED)
    assert await link_missed(hub, NIGHT) == {"links": 0}
    assert await _links(hub) == [LinkState.REJECTED]


async def test_strangers_stay_apart(hub: Hub) -> None:
    """Riders without a number and without a phone share nothing."""
    await take(hub, [row("R-1"), row("R-2", id_number=id_number(1))], "jia")
    await take(hub, [row("R-1", id_number=id_number(2))], "yi")
    assert await link_missed(hub, NIGHT) == {"links": 0}
    async with hub.database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(identity_link))).scalar_one() == 0
