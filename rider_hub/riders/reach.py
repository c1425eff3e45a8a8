"""Which riders and which of their registrations lie in a scope."""

from sqlalchemy import ColumnElement, and_, exists, or_, true

from rider_hub.access import Scope
from rider_hub.organizations.tables import station
from rider_hub.riders.model import RegistrationState
from rider_hub.riders.tables import registration, registration_history, rider

__all__ = ["histories_in", "registrations_in", "riders_in"]


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


def histories_in(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for versions a viewer may see of registrations in scope.

    A partner sees those of its own stations, and that a rider left: where else somebody worked is not its to
    know.
    """
    if not scope.partners:
        return true()
    c = registration_history.c
    own = exists().where(
        station.c.platform == registration.c.platform,
        station.c.station_ref == c.station_ref,
        station.c.partner.in_(scope.partners),
    )
    gone = and_(c.station_ref.is_(None), c.state != RegistrationState.ACTIVE)
    return or_(gone, own.correlate(registration, registration_history))
