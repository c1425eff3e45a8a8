"""Which requests a viewer reaches: those of the place, and the confidential ones by their officer alone."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, false, or_

from rider_hub.access import Actor, Role, Scope
from rider_hub.access.policy import OPERATIONS
from rider_hub.requests.model import CONFIDENTIAL
from rider_hub.requests.tables import service_request

__all__ = ["Reach", "inside", "reach_of"]

_CONFIDENTIAL = service_request.c.category.in_(sorted(CONFIDENTIAL))


@dataclass(frozen=True)
class Reach:
    """A scope, and which of the two kinds of requests are seen in it; the confidential ones in `own`."""

    scope: Scope
    ordinary: bool = True
    confidential: bool = False
    #: Where an emergency lends more: the scope of one's own, beyond which no officer is officer.
    own: Scope | None = None

    def of_kind(self, category: str) -> bool:
        """Say whether requests of a category are of a kind in reach."""
        return self.confidential if category in CONFIDENTIAL else self.ordinary

    def where(self) -> ColumnElement[bool]:
        """Return the condition for requests in reach; neither kind is a reach that holds nothing."""
        here = self.scope.where(service_request.c.division)
        if self.ordinary and self.confidential and self.own is None:
            return here
        kinds = [and_(here, ~_CONFIDENTIAL)] if self.ordinary else []
        if self.confidential:
            own = here if self.own is None else self.own.where(service_request.c.division)
            kinds.append(and_(own, _CONFIDENTIAL))
        return or_(false(), *kinds)


def reach_of(actor: Actor, operation: str = "requests.view") -> Reach:
    """Return what an actor reaches by their roles for an operation.

    Counselling and legal requests are the counselling and legal officer's: not the county's, not a street's,
    not an administrator's. The hub's own jobs, which show nobody anything, reach all.
    """
    if actor.roles <= {Role.JOB}:
        return Reach(actor.scope, confidential=True)
    officer = frozenset({Role.COUNSELLING_OFFICER})
    # By a role that may do it itself: an officer who is instructor, too, opens no ordinary contact.
    ordinary = bool(OPERATIONS[operation] & (actor.roles - officer))
    own = actor.own.scope if actor.own is not None and actor.grants else None
    return Reach(actor.scope, ordinary=ordinary, confidential=officer <= actor.roles, own=own)


def inside(reach: Scope | Reach) -> ColumnElement[bool]:
    """Return the condition of a reach; a bare scope is one without the confidential kind."""
    return reach.where() if isinstance(reach, Reach) else Reach(reach).where()
