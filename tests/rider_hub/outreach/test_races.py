"""Withdrawing while staff send, and two passes of the job at once: the rider's record is held by one."""

import asyncio
from pathlib import Path

from rider_hub.clock import FixedClock
from rider_hub.consent.model import Purpose
from rider_hub.errors import HubError
from rider_hub.membership.service import own_membership, withdraw
from rider_hub.outreach.answers import own_invitations
from rider_hub.outreach.model import OPEN_STATES
from rider_hub.outreach.sending import invite, worklist
from rider_hub.outreach.service import surface
from rider_hub.outreach.store import of_rider
from tests.factories import make_hub
from tests.rider_hub.membership.factories import add_riders, settle
from tests.rider_hub.outreach.factories import JOB, OFF_PEAK, PORTS, add_activity, declared, secretary


async def test_nothing_stays_open_when_withdrawal_and_sending_meet(database_url: str, tmp_path: Path) -> None:
    """Whichever comes first, afterwards no open invitation is left and nobody sees any."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        riders = await add_riders(hub, 6)
        for rider in riders:
            await declared(hub, rider)
        await add_activity(hub)
        await surface(hub, JOB)
        tasks = await worklist(hub, secretary())
        assert len(tasks) == len(riders)
        sending = [invite(hub, secretary(), task.invitation.id) for task in tasks]
        leaving = [withdraw(hub, rider, PORTS, purpose=Purpose.DECLARATION) for rider in riders]
        mixed = [step for pair in zip(sending, leaving, strict=True) for step in pair]
        answers = await asyncio.gather(*mixed, return_exceptions=True)
        assert all(isinstance(each, HubError) for each in answers if isinstance(each, BaseException))
        assert await worklist(hub, secretary()) == []
        async with hub.database.read() as connection:
            for rider in riders:
                rows = await of_rider(connection, hub.keys, rider.rider_id or "")
                assert not any(row.state in OPEN_STATES for row in rows)


async def test_two_passes_at_once_propose_each_activity_once(database_url: str, tmp_path: Path) -> None:
    """Passes that overlap surface what one pass would have."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        for rider in await add_riders(hub, 5):
            await declared(hub, rider)
        await add_activity(hub)
        await asyncio.gather(*(surface(hub, JOB) for _ in range(3)))
        assert len(await worklist(hub, secretary())) == 5


async def test_declaring_twice_at_once_is_declaring_once(database_url: str, tmp_path: Path) -> None:
    """Of two declarations sent together one is taken and the other told so."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        answers = await asyncio.gather(*(declared(hub, rider) for _ in range(3)), return_exceptions=True)
        assert sum(answer is None for answer in answers) == 1
        assert len((await own_membership(hub, rider)).consents) == 2
        assert await own_invitations(hub, rider) == []
