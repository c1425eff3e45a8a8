"""The one record of a person, under whichever pseudonym it stands, and the rider who asks for it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Keyring
from rider_hub.errors import Refused
from rider_hub.membership.model import Declaration
from rider_hub.membership.store import read_record
from rider_hub.riders.persons import same_person

__all__ = ["declared_record", "own_rider_id"]


async def declared_record(connection: AsyncConnection, keys: Keyring, rider_id: str) -> Declaration:
    """Return the declaration of the person, under whichever pseudonym; an empty one where there is none."""
    records = [await read_record(connection, keys, each) for each in await same_person(connection, rider_id)]
    return next((record for record in records if record.kind is not None), records[0])


def own_rider_id(actor: Actor) -> str:
    """Return the rider an actor is; raises Refused for anyone else."""
    if actor.rider_id is None:
        raise Refused
    return actor.rider_id
