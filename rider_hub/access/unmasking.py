"""How often an account may open a person's data: counted in the same transaction that opens it (PIPL 51)."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from rider_hub.access.hub import Change
from rider_hub.access.tables import unmask_account, unmask_turn
from rider_hub.clock import SHANGHAI
from rider_hub.errors import LimitReached
from rider_hub.parameters import parameter
from rider_hub.storage import insert_rows, new_id, upsert_rows

__all__ = ["take_turn"]

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_WORDS = {_HOUR: ("一小时", "an hour"), _DAY: ("一天", "a day")}


async def take_turn(work: Change) -> None:
    """Count one opening of a person's data by the actor; raises LimitReached with when it opens again.

    The account's row is written before the turns are counted: on PostgreSQL a second transaction of the same
    account waits for it, on SQLite transactions follow each other anyway.
    """
    actor = work.actor.id
    await upsert_rows(work.connection, unmask_account, [{"actor": actor, "last_at": work.now}], key=["actor"])
    mine = unmask_turn.c.actor == actor
    await work.connection.execute(delete(unmask_turn).where(mine, unmask_turn.c.at <= work.now - _DAY))
    query = select(unmask_turn.c.at).where(mine).order_by(unmask_turn.c.at.desc())
    turns = list((await work.connection.execute(query)).scalars())
    for span, name in ((_HOUR, "access.unmask_per_hour"), (_DAY, "access.unmask_per_day")):
        limit = int(parameter(name).value)
        if len(turns) >= limit and (opens := turns[limit - 1] + span) > work.now:
            raise _limit(span, limit, opens, work.now)
    row = {"id": new_id(), "actor": actor, "at": work.now}
    await insert_rows(work.connection, unmask_turn, [row])


def _limit(span: timedelta, limit: int, opens: datetime, now: datetime) -> LimitReached:
    zh, en = _WORDS[span]
    # To the minute, rounded up: at the minute told it is open.
    told = (opens + timedelta(seconds=59)).astimezone(SHANGHAI)
    return LimitReached(
        f"每个账号{zh}内最多查看 {limit} 人的个人信息，您已达到上限。{told:%m月%d日 %H:%M} 以后可以继续。",
        f"An account may open {limit} people {en}. It opens again at {told:%Y-%m-%d %H:%M} (Beijing).",
        retry_after=max(1, int((opens - now).total_seconds())),
    )
