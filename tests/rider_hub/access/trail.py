"""A trail to work on: looks, changes and refusals of several actors, sealed bit by bit."""

import asyncio
from contextlib import suppress

from rider_hub.access import Hub, Role
from rider_hub.access.heads import read_heads
from rider_hub.access.sealer import Sealer
from rider_hub.access.verify import Report, verify
from rider_hub.errors import Refused
from tests.factories import county_staff, staff

__all__ = ["act", "checked", "sealed_trail"]


async def act(hub: Hub, number: int) -> None:
    """Leave one row: a look at two people, a change, a refusal, an invitation opened; by turns."""
    kind = number % 4
    if kind == 0:
        async with hub.look(county_staff(), "riders.unmask", purpose=f"用途{number}") as look:
            look.opened([f"rider-{number}", f"rider-{number + 1}"])
    elif kind == 1:
        async with hub.change(county_staff(), "imports.change", target=f"t{number}") as work:
            work.count(rows=number)
    elif kind == 2:
        with suppress(Refused):
            async with hub.change(staff(Role.INSTRUCTOR), "match.approve"):
                pass
    else:
        async with hub.look(staff(Role.BRANCH_SECRETARY), "invitations.view") as look:
            look.opened([f"rider-{number}"])


async def sealed_trail(hub: Hub, *, seals: int = 4, rows: int = 4, loose: int = 2) -> Sealer:
    """Make a trail of several seals with a head for each, and some rows not yet sealed."""
    sealer = Sealer(hub)
    for seal in range(seals):
        for number in range(rows):
            await act(hub, seal * rows + number)
        await sealer.step()
        await sealer.put_head()
    for number in range(loose):
        await act(hub, number)
    await asyncio.sleep(0)
    return sealer


async def checked(hub: Hub) -> Report:
    """Verify the whole trail as it is now."""
    heads = read_heads(hub.settings.audit_heads)
    async with hub.database.read(snapshot=True) as connection:
        return await verify(connection, hub.keys, heads)
