"""Which riders and which of their registrations lie in a scope."""

from sqlalchemy import ColumnElement, and_, exists, or_, true

from rider_hub.access import Scope
from rider_hub.organizations.tables import station
from rider_hub.riders.tables import registration, rider

__all__ = ["registrations_in", "riders_in"]


def riders_in(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for riders in a scope: of its region, or with a registration of its company."""
    if not scope.of_company:
        return scope.where(rider.c.division)
    mine = exists().where(registration.c.rider_id == rider.c.id, registrations_in(scope)).correlate(rider)
    return and_(mine, Scope(scope.divisions).where(rider.c.division)) if scope.divisions else mine


def registrations_in(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for registrations a viewer may see of a rider in scope.

    A place sees all of its riders' registrations; a platform its own, a partner those at its stations. That
    somebody also rides for another company is not a company's to know.
    """
    if not scope.of_company:
        return true()
    limits: list[ColumnElement[bool]] = []
    if scope.platforms:
        limits.append(registration.c.platform.in_(scope.platforms))
    if scope.partners:
        at = and_(
            station.c.platform == registration.c.platform, station.c.station_ref == registration.c.station_ref
        )
        named = or_(*(station.c.partner == one for one in scope.partners))
        limits.append(exists().where(at, named).correlate(registration))
    return and_(*limits)
