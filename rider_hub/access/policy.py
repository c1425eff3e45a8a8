"""The one place that says which roles may do which operation; the scope then says on what."""

from dataclasses import replace

from rider_hub.access.actor import STAFF_ROLES, Actor, Role
from rider_hub.access.scope import Scope
from rider_hub.errors import Refused

__all__ = ["LENT", "OPERATIONS", "acting", "allows", "require"]

_COUNTY = frozenset({Role.COUNTY_STAFF})
_STREET = frozenset({Role.COUNTY_STAFF, Role.STREET_STAFF})
_FIELD = _STREET | {Role.BRANCH_SECRETARY, Role.INSTRUCTOR}
_SYSTEM = frozenset({Role.SYSTEM_ADMIN})
_COMPANY = frozenset({Role.PLATFORM_ACCOUNT, Role.PARTNER_ACCOUNT})
_ADMINS = _SYSTEM | {Role.SECURITY_ADMIN, Role.AUDIT_ADMIN}
#: Counselling and legal requests are theirs, and nothing else is (requests.reach).
_OFFICER = frozenset({Role.COUNSELLING_OFFICER})
_JOB = frozenset({Role.JOB})
_RIDER = frozenset({Role.RIDER})
_AUDIT = frozenset({Role.AUDIT_ADMIN})
_ANYONE = frozenset(Role)

#: Operation → roles. An operation that does not stand here is refused to everyone.
OPERATIONS: dict[str, frozenset[Role]] = {
    "public": _ANYONE,
    "session.open": _ANYONE,
    "session.close": _ANYONE,
    "desk.view": _FIELD | _SYSTEM,
    "map.view": _FIELD,
    "portal.view": frozenset({Role.PLATFORM_ACCOUNT}),
    #: Until there is an account; the page itself is absent afterwards.
    "hub.set_up": frozenset({Role.PUBLIC}),
    "users.view": _ADMINS,
    #: Making accounts and giving them roles are two people's duties (docs/accounts.md).
    "users.change": _SYSTEM,
    "users.grant": frozenset({Role.SECURITY_ADMIN}),
    "account.own": STAFF_ROLES,
    "imports.change": _COUNTY | _SYSTEM,
    "divisions.view": _FIELD | _RIDER | _COMPANY | _OFFICER,
    "organizations.view": _FIELD,
    "stations.view": _FIELD | _COMPANY,
    "lovestations.view": _ANYONE,
    "riders.view": _FIELD | _COMPANY,
    "riders.unmask": _STREET,
    "riders.review": _STREET,
    "riders.relink": _JOB,
    "feeds.push": frozenset({Role.SENDER}),
    #: What a test key opens beside checking: the whole way of a push, undone at its end.
    "feeds.try": frozenset({Role.TEST_SENDER}),
    "feeds.check": frozenset({Role.SENDER, Role.TEST_SENDER}) | _COUNTY | _COMPANY,
    "feeds.take": _JOB | _COUNTY | _SYSTEM,
    "feeds.upload": _COUNTY | _COMPANY,
    "feeds.view": _COUNTY | {Role.PLATFORM_ACCOUNT},
    "feeds.replay": _COUNTY | _COMPANY,
    "feeds.mend": _COUNTY | _COMPANY,
    "receipts.view": _COUNTY | _COMPANY,
    #: Links that take files of one station without a log-in: their list, making and revoking them, using one.
    "links.view": _COUNTY | _COMPANY,
    "links.change": _COUNTY | _COMPANY,
    "links.use": frozenset({Role.STATION_LINK}),
    "mappings.view": _COUNTY | {Role.PLATFORM_ACCOUNT},
    "mappings.change": _COUNTY | {Role.PLATFORM_ACCOUNT},
    "snapshots.decide": _COUNTY,
    "senders.change": _COUNTY | _SYSTEM,
    "senders.keys": _COUNTY | {Role.PLATFORM_ACCOUNT},
    "match.view": _STREET,
    "match.run": _COUNTY | _JOB,
    "match.approve": _COUNTY,
    "match.apply": _COUNTY | _JOB,
    "locate": _FIELD | _RIDER,
    "requests.file": _RIDER | {Role.PUBLIC} | _STREET,
    "requests.view": _FIELD | _OFFICER,
    "requests.own": _RIDER | {Role.PUBLIC},
    "requests.answer": _FIELD | _OFFICER,
    "requests.unmask": _STREET | _OFFICER,
    "requests.track": _JOB,
    "membership.declare": _RIDER,
    "membership.own": _RIDER,
    "membership.surface": _JOB,
    "membership.verify": frozenset({Role.BRANCH_SECRETARY}),
    "membership.gather": _JOB,
    "membership.totals": _STREET,
    "membership.publish": _JOB,
    "notices.publish": _SYSTEM | _COUNTY | _JOB,
    "invitations.view": frozenset({Role.BRANCH_SECRETARY, Role.INSTRUCTOR}) | _STREET,
    "invitations.send": frozenset({Role.BRANCH_SECRETARY, Role.INSTRUCTOR}) | _STREET,
    "invitations.answer": _RIDER,
    "activities.change": _FIELD,
    "rider.own": _RIDER,
    "rights.handle": _STREET,
    "rights.again": frozenset({Role.RIDER, Role.PUBLIC}),
    "rights.clear": _JOB | _STREET,
    "jobs.view": _COUNTY | _SYSTEM,
    "jobs.run": _COUNTY | _SYSTEM | _JOB,
    "messages.send": _JOB,
    "keys.rotate": frozenset({Role.SECURITY_ADMIN}),
    "keys.export": frozenset({Role.SECURITY_ADMIN}),
    "approvals.view": _FIELD | _COMPANY | {Role.SECURITY_ADMIN},
    "exports.direct": frozenset(STAFF_ROLES),
    "exports.ask": _FIELD | _COMPANY,
    "exports.take": _FIELD | _COMPANY,
    "exports.approve": _STREET | _COMPANY,
    "emergency.ask": _FIELD,
    "emergency.approve": _COUNTY | {Role.SECURITY_ADMIN},
    "emergency.view": frozenset({Role.SECURITY_ADMIN, Role.AUDIT_ADMIN}),
    "audit.view": _AUDIT,
    "audit.review": _AUDIT,
    "audit.export": _AUDIT,
    "audit.prune": _JOB,
}

#: What emergency access may lend; everything else, membership, approvals and accounts above all, is done
#: with one's own powers alone. A new operation is not lent until it stands here.
LENT = frozenset(
    {
        "desk.view",
        "divisions.view",
        "locate",
        "lovestations.view",
        "map.view",
        "match.view",
        "organizations.view",
        "requests.answer",
        "requests.unmask",
        "requests.view",
        "riders.unmask",
        "riders.view",
        "stations.view",
    }
)


def acting(actor: Actor, operation: str) -> Actor:
    """Return the actor with what emergency access lends for this operation, and nothing lent otherwise.

    A role that was lent holds in the place it was lent for; an own role holds there too where it allows the
    operation, and a lent one never in one's own place.
    """
    own = actor.own or actor
    if not own.grants:
        return own
    roles = OPERATIONS.get(operation, frozenset())
    lent = tuple(grant for grant in own.grants if operation in LENT and grant.role in roles)
    if not lent or own.scope.of_company:
        return replace(own, grants=(), own=own)
    places = {code for grant in lent for code in grant.scope.divisions}
    places.update(own.scope.divisions if own.roles & roles else ())
    return replace(
        own,
        roles=own.roles | {grant.role for grant in lent},
        scope=Scope(divisions=tuple(sorted(places))),
        grants=lent,
        own=own,
    )


def allows(actor: Actor, operation: str) -> bool:
    """Say whether one of the actor's roles, or one lent for it, may do the operation."""
    return bool(OPERATIONS.get(operation, frozenset()) & acting(actor, operation).roles)


def require(actor: Actor, operation: str) -> None:
    """Raise Refused (which looks like absence) unless the actor may do the operation."""
    if not allows(actor, operation):
        raise Refused
