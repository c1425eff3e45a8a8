"""The first step of filing: which community, led from the county down, a rider's own suggested first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rider_hub.access import Actor, Hub, Look
from rider_hub.assignments.store import current
from rider_hub.divisions.model import ancestors, level_of
from rider_hub.divisions.store import children, find_divisions
from rider_hub.requests.store import counties_served

__all__ = ["Step", "place_step"]


@dataclass(frozen=True)
class Step:
    """What to ask next: choices inside `inside`, or nothing more once `community` is known."""

    community: str | None = None
    #: The chosen place in words, as far as it is chosen.
    title: str = ""
    #: The division whose parts are to choose from; empty at the start.
    inside: str = ""
    choices: Sequence[tuple[str, str]] = ()
    #: Communities the rider most likely means.
    suggested: Sequence[tuple[str, str]] = ()


async def place_step(hub: Hub, actor: Actor, chosen: Mapping[str, str]) -> Step:
    """Return the next question about the place, from `community` or `in` of an address.

    A code that is unknown, or that is no division, leads back to the start, never to an error.
    """
    async with hub.look(actor, "requests.file") as look:
        code = chosen.get("community") or chosen.get("in", "")
        level = level_of(code)
        if level == "community" and (title := await _title(look, code)):
            return Step(community=code, title=title)
        if level in {"county", "street"} and (title := await _title(look, code)):
            return Step(title=title, inside=code, choices=await _inside(look, code))
        return await _start(look)


async def _start(look: Look) -> Step:
    """Begin with the rider's own community and the streets of the one county served, or with the counties."""
    suggested = await _suggested(look)
    counties = await counties_served(look.connection)
    if len(counties) == 1:
        return Step(choices=await _inside(look, counties[0]), suggested=suggested)
    named = await find_divisions(look.connection, counties)
    choices = [(code, named[code].name) for code in counties if code in named]
    return Step(choices=choices, suggested=suggested)


async def _suggested(look: Look) -> list[tuple[str, str]]:
    rider_id = look.actor.rider_id
    if rider_id is None:
        return []
    assigned = (await current(look.connection, [rider_id])).get(rider_id)
    if assigned is None or assigned.community is None:
        return []
    title = await _title(look, assigned.community)
    return [(assigned.community, title)] if title else []


async def _inside(look: Look, code: str) -> list[tuple[str, str]]:
    return [(one.code, one.name) for one in await children(look.connection, code)]


async def _title(look: Look, code: str) -> str:
    """Return street and community (or what of them the code has) in words; nothing for an unknown code."""
    found = await find_divisions(look.connection, [*ancestors(code), code])
    if code not in found:
        return ""
    wanted = [one for one in (*ancestors(code), code) if level_of(one) in {"street", "community"}] or [code]
    return " · ".join(found[one].name for one in wanted if one in found)
