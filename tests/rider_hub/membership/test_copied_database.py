"""Promise 33: whoever copies the database can't tell a rider who declared from one who did not."""

import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import select

from jobs import expire_kept, rewrite_private
from rider_hub.access import Actor, Hub
from rider_hub.access.rider_sessions import open_rider_session
from rider_hub.clock import FixedClock
from rider_hub.consent.model import Purpose
from rider_hub.membership.model import Kind
from rider_hub.membership.service import declare, opt_in
from rider_hub.messages.delivery import deliver
from rider_hub.messages.ports import FilePort
from rider_hub.messages.tables import outbox
from rider_hub.requests.service import file_request
from rider_hub.riders.own import choose_community
from rider_hub.riders.signin import phone_mark, request_code, verify_code
from rider_hub.runs.model import Run
from rider_hub.storage import new_id
from tests.factories import make_hub
from tests.rider_hub.membership.attack import judge, measure, read_copy
from tests.rider_hub.membership.factories import BRANCH, add_riders, settle
from tests.rider_hub.requests.ground import COMMUNITY, lay_ground

_LONG = os.environ.get("RIDER_HUB_TEST_LONG") == "1"
RIDERS, DECLARED = (10_000, 100) if _LONG else (1_000, 30)
#: What the best of some hundred figures may reach by chance, less than once in ten thousand runs of the test:
#: in a list as long as the declared are many, chance puts one of them.
MOST_HITS, MOST_SIGMA = 9, 6.0
JOB = Actor.job("test")

Act = Callable[[Hub, Actor], Awaitable[object]]


async def _sign_in(hub: Hub, number: int) -> Actor:
    phone = f"199{number:08d}"
    await request_code(hub, phone)
    async with hub.database.read() as connection:
        query = select(outbox).where(outbox.c.state == "waiting").order_by(outbox.c.created_at.desc())
        row = (await connection.execute(query)).mappings().first()
    assert row is not None
    code = hub.keys.unseal("personal", ("outbox", "sealed", row["id"]), row["sealed"])["body"]["code"]
    rider_id = await verify_code(hub, phone, code)
    mark = phone_mark(hub.keys, phone)
    await open_rider_session(hub, f"r-{new_id()}", rider_id, mark)
    return Actor.rider(rider_id, phone=mark)


async def _declare(hub: Hub, rider: Actor) -> None:
    await declare(
        hub,
        rider,
        kind=Kind.FULL,
        home_organization="外省某县某镇某村党支部(示例)",
        body=BRANCH,
        notice_version=1,
        invitations_version=1,
    )


async def _opt_in(hub: Hub, rider: Actor) -> None:
    await opt_in(hub, rider, purpose=Purpose.OPEN_ACTIVITIES, body=BRANCH, notice_version=1)


async def _choose(hub: Hub, rider: Actor) -> None:
    await choose_community(hub, rider, COMMUNITY)


async def _file(hub: Hub, rider: Actor) -> None:
    await file_request(hub, rider, category="entry", community_code=COMMUNITY, text="小区西门进不去")


async def _live(hub: Hub, clock: FixedClock, riders: list[Actor], dice: random.Random) -> set[str]:
    """Let three days pass; who declares is drawn apart from who opts in, chooses a place, asks for help.

    Returns who declared. Each act is done in a sign-in of its own.
    """
    some = len(riders) // 20
    declared = dice.sample(riders, DECLARED)
    acts: list[tuple[Act, Actor]] = [(_declare, rider) for rider in declared]
    acts += [(_opt_in, rider) for rider in dice.sample(riders, some)]
    acts += [(_choose, rider) for rider in dice.sample(riders, some)]
    acts += [(_file, rider) for rider in dice.sample(riders, some // 2)]
    dice.shuffle(acts)
    pause = 3 * 24 * 60 / len(acts)
    for act, rider in acts:
        clock.advance(minutes=dice.uniform(2, 2 * pause))
        await act(hub, await _sign_in(hub, riders.index(rider) + 2))
        await deliver(hub, FilePort(hub.settings.data_dir / "messages.jsonl"))
    return {rider.rider_id or "" for rider in declared}


async def test_a_copied_database_does_not_tell_who_declared(database_url: str, tmp_path: Path) -> None:
    """After the night no figure of the attacker's finds them better than chance; before it one does."""
    clock = FixedClock()
    dice = random.Random(20261102)
    async with make_hub(database_url, tmp_path, clock) as hub:
        await lay_ground(hub)
        await settle(hub)
        # The first phone is that of another rider too.
        riders = (await add_riders(hub, RIDERS + 1))[1:]
        declared = await _live(hub, clock, riders, dice)
        before = judge(measure(await read_copy(hub)), declared)
        assert max(verdict.sigma for verdict in before) > MOST_SIGMA, "the attacker is no good"
        clock.advance(hours=13)
        for job in (expire_kept.JOB, rewrite_private.JOB):
            await job.run(hub, Run("1", job.name, clock.now(), 1))
        after = judge(measure(await read_copy(hub)), declared)
        assert len(after) > 50
        assert [each for each in after if each.hits >= MOST_HITS or each.sigma > MOST_SIGMA] == []
