"""Who looks: every role with a scope in the first street, and the oracle of what each may see."""

from collections.abc import Callable
from dataclasses import dataclass

from rider_hub.access import Actor, Role, Scope
from rider_hub.access.actor import PUBLIC, STAFF_ROLES
from tests.rider_hub.matrix.world import GROUPS, Group

__all__ = ["VIEWERS", "Viewer"]

STREET, COUNTY = "110101001", "110101"
_COMPANIES = {
    Role.PLATFORM_ACCOUNT: Scope(platforms=("jia",)),
    Role.PARTNER_ACCOUNT: Scope(partners=("partner-p",)),
}


@dataclass(frozen=True)
class Viewer:
    """An actor and which groups' rows are in scope, said by the fixture and not by the code under test."""

    name: str
    actor: Actor
    sees: Callable[[Group], bool]

    @property
    def role(self) -> Role:
        """The one role of the viewer."""
        return next(iter(self.actor.roles))

    def own(self) -> list[Group]:
        """Return the groups in scope."""
        return [group for group in GROUPS if self.sees(group)]

    def others(self) -> list[Group]:
        """Return the groups out of scope."""
        return [group for group in GROUPS if not self.sees(group)]


def _staff(role: Role, scope: Scope, name: str, sees: Callable[[Group], bool]) -> Viewer:
    actor = Actor(
        id=f"user:{name}",
        display_name="测试员",
        roles=frozenset({role}),
        scope=scope,
        scope_title="测试范围",
        organizations=frozenset({GROUPS[0].id("org")}),
    )
    return Viewer(name, actor, sees)


_SEES: dict[Role, Callable[[Group], bool]] = {
    Role.PLATFORM_ACCOUNT: lambda group: group.platform == "jia",
    Role.PARTNER_ACCOUNT: lambda group: group.partner == "partner-p",
}


def _in_street(group: Group) -> bool:
    return group.street == STREET


def _viewers() -> list[Viewer]:
    found = []
    for role in sorted(STAFF_ROLES):
        scope = _COMPANIES.get(role, Scope(divisions=(STREET,)))
        found.append(_staff(role, scope, role.value, _SEES.get(role, _in_street)))
    county = Scope(divisions=(COUNTY,))
    found.append(_staff(Role.COUNTY_STAFF, county, "county", lambda group: group.county == COUNTY))
    both = Scope(divisions=(COUNTY,), platforms=("yi",))
    found.append(
        _staff(
            Role.PLATFORM_ACCOUNT,
            both,
            "platform_in_county",
            lambda group: group.county == COUNTY and group.platform == "yi",
        )
    )
    rider = Actor.rider(GROUPS[0].id("rider"))
    found.append(Viewer("rider", rider, lambda group: group is GROUPS[0]))
    found.append(Viewer("public", PUBLIC, lambda _: False))
    return found


VIEWERS = {viewer.name: viewer for viewer in _viewers()}
