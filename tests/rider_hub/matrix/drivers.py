"""How each route with a parameter or a change is driven; a route without a row here fails the matrix.

To add a route: give the kind of id its parameter takes (rows of `world.py` have one a group), and for a
changing route a form that would work on that row. A plain GET page needs no row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.rider_hub.matrix.world import Group

__all__ = ["DRIVERS", "LISTS", "Driver"]

Form = Mapping[str, str]


@dataclass(frozen=True)
class Driver:
    """One route: the ids its parameter takes by group, and the form that goes with it."""

    #: Path parameters for a row of a group; None where the path has none.
    params: Callable[[Group], Mapping[str, str]] | None = None
    #: The form for a row of a group, for routes that change.
    form: Callable[[Group], Form] = field(default=lambda _: {})
    #: Only viewers of these names have rows of this kind of their own; by default everyone who may.
    owners: frozenset[str] | None = None
    #: Tried on the last of one's own rows, where another step used the first one up.
    last: bool = False
    #: Viewers with one row alone, which an earlier step used up.
    used_up: frozenset[str] = frozenset()
    #: Answered by the visitor's own session or body alone: there is no row of another to name.
    own_only: bool = False
    #: Answers alike whatever id is named, there or not, since it only leads on to another address.
    blind: bool = False
    #: Checks a signature instead of a session; see test_senders.py.
    signed: bool = False


def _row(kind: str, name: str = "id") -> Callable[[Group], Mapping[str, str]]:
    return lambda group: {name: group.id(kind)}


def _words(**words: str) -> Callable[[Group], Form]:
    return lambda _: words


_PURPOSE = _words(reason="other", purpose="回访上周的诉求")
_COUNTY = frozenset({"county"})
_RUN = Driver(lambda group: {"id": f"run-{group.county}"}, owners=_COUNTY)
_FEEDS = frozenset({"county", "platform_account", "platform_in_county"})
#: The other platform's agreement is with the other county.
_SENDING = frozenset({"county", "platform_account"})
#: A partner hands in for its own stations and sees what came of it.
_PARTNER = frozenset({"partner_account"})
_NOBODY: frozenset[str] = frozenset()
_OWN_BODY = frozenset({"branch_secretary", "instructor", "street_staff", "county_staff", "county"})
#: Ordinary requests; what is told in confidence is tried in tests/rider_hub/requests/test_confidential.py.
#: Who answers riders' requests about their own data.
_RIGHTS = frozenset({"county", "county_staff", "street_staff"})
_CLERKS = frozenset({"county", "county_staff", "street_staff", "branch_secretary", "instructor"})
_OWN = Driver(own_only=True)
_ASKED = Driver(_row("approval"), _words(note="核对过了"), owners=_NOBODY)


def _link(group: Group) -> Mapping[str, str]:
    return {"id": f"link-{group.tag}-tagA2" if group.tag == "tagA1" else f"link-{group.tag}-tagB1"}


def _platform(group: Group) -> Mapping[str, str]:
    return {"platform": group.platform}


def _feed_of(group: Group) -> Mapping[str, str]:
    return {"platform": group.platform, "type": "registration"}


DRIVERS: dict[tuple[str, str], Driver] = {
    ("GET", "/map/layers/{key}.geojson"): Driver(own_only=True),
    ("GET", "/map/areas/{code}"): Driver(lambda group: {"code": group.community}),
    ("GET", "/feeds/receipts/{id}"): Driver(_row("receipt"), owners=_FEEDS | _PARTNER),
    ("GET", "/feeds/quarantine/{id}"): Driver(_row("quar"), owners=_FEEDS | _PARTNER),
    ("POST", "/feeds/quarantine/{id}/open"): Driver(_row("quar"), _PURPOSE, owners=_FEEDS | _PARTNER),
    ("POST", "/feeds/quarantine/{id}/replay"): Driver(
        _row("quar"), _words(path='["record_id"]', value="x"), owners=_SENDING | _PARTNER
    ),
    ("POST", "/feeds/quarantine/{id}/return"): Driver(_row("quar"), owners=_FEEDS | _PARTNER),
    ("POST", "/feeds/receipts/{id}/release"): Driver(_row("receipt"), _words(frame="wgs84"), owners=_SENDING),
    ("POST", "/feeds/receipts/{id}/replay"): Driver(
        _row("receipt"), owners=_SENDING | _PARTNER, last=True, used_up=_PARTNER
    ),
    # Stores nothing; whose sender may be named is tried in tests/rider_hub/intake/test_check_page.py.
    ("POST", "/feeds/check"): Driver(own_only=True),
    # Whose sender may be named is tried in tests/rider_hub/intake/test_upload_page.py.
    ("POST", "/feeds/upload"): Driver(own_only=True),
    ("GET", "/feeds/stations/{id}"): Driver(_row("station")),
    ("GET", "/feeds/stations/{id}/template.xlsx"): Driver(_row("station"), owners=_SENDING | _PARTNER),
    ("POST", "/feeds/stations/{id}/links"): Driver(
        _row("station"), _words(days="14"), owners=_SENDING | _PARTNER
    ),
    ("GET", "/feeds/links/{id}"): Driver(_row("slink")),
    ("POST", "/feeds/links/{id}/revoke"): Driver(_row("slink")),
    # A link's own token says whose station it is; tried in tests/rider_hub/intake/test_station_links.py.
    ("POST", "/hand-in/open"): Driver(own_only=True),
    ("POST", "/hand-in/file"): Driver(own_only=True),
    ("POST", "/hand-in/close"): Driver(own_only=True),
    ("GET", "/feeds/senders/{platform}"): Driver(lambda group: {"platform": group.platform}, owners=_SENDING),
    ("GET", "/feeds/senders/{platform}/keys"): Driver(
        lambda group: {"platform": group.platform}, owners=_SENDING
    ),
    ("GET", "/feeds/senders/{platform}/requirements"): Driver(
        lambda group: {"platform": group.platform}, owners=_SENDING
    ),
    # Own keys change with a password alone: tests/rider_hub/intake/test_key_pages.py.
    ("POST", "/feeds/senders/{platform}/keys/new"): Driver(
        lambda group: {"platform": group.platform}, _words(kind="live", password="x"), owners=_NOBODY
    ),
    ("POST", "/feeds/senders/{platform}/keys/remove"): Driver(
        lambda group: {"platform": group.platform}, _words(kid="0" * 8, present="x"), owners=_NOBODY
    ),
    ("GET", "/feeds/mapping/{platform}"): Driver(_platform, owners=_SENDING),
    # No platform of the world has a mapping: see tests/rider_hub/intake/test_mappings.py.
    ("GET", "/feeds/mapping/{platform}/manifest.toml"): Driver(_platform, owners=_NOBODY),
    ("GET", "/feeds/mapping/{platform}/versions/{number}"): Driver(
        lambda group: {"platform": group.platform, "number": "1"}, owners=_NOBODY
    ),
    ("GET", "/feeds/mapping/{platform}/{type}"): Driver(_feed_of, owners=_SENDING),
    ("POST", "/feeds/mapping/{platform}/{type}/sample"): Driver(_feed_of, owners=_SENDING),
    ("POST", "/feeds/mapping/{platform}/{type}/trial"): Driver(_feed_of, owners=_SENDING),
    ("POST", "/feeds/mapping/{platform}/{type}/save"): Driver(_feed_of, owners=_SENDING),
    ("POST", "/feeds/mapping/{platform}/import"): Driver(_platform, _words(text="x"), owners=_SENDING),
    ("GET", "/feeds/snapshots/{id}"): Driver(_row("snap"), owners=_FEEDS),
    ("POST", "/feeds/snapshots/{id}/release"): Driver(_row("snap"), owners=_COUNTY),
    ("POST", "/feeds/snapshots/{id}/drop"): Driver(_row("snap"), owners=_COUNTY, last=True),
    ("GET", "/riders/links/{id}"): Driver(_link),
    ("POST", "/riders/links/{id}"): Driver(_link, _words(decision="rejected")),
    ("GET", "/riders/{id}"): Driver(_row("rider")),
    ("POST", "/riders/{id}/unmask"): Driver(_row("rider"), _PURPOSE),
    ("POST", "/riders/{id}/new-phone"): Driver(_row("rider")),
    ("POST", "/riders/{id}/work-area"): Driver(_row("rider")),
    ("GET", "/stations/{id}"): Driver(_row("station")),
    ("GET", "/organizations/{code}"): Driver(_row("org", "code")),
    ("GET", "/lovestations/{code}"): Driver(_row("love", "code")),
    ("GET", "/match-runs/{id}"): _RUN,
    ("GET", "/match-runs/{id}/export.xlsx"): Driver(
        lambda group: {"id": f"run-{group.county}"}, owners=_COUNTY, blind=True
    ),
    ("POST", "/match-runs/preview"): Driver(own_only=True),
    ("POST", "/match-runs/{id}/approve"): _RUN,
    ("POST", "/match-runs/{id}/discard"): _RUN,
    ("POST", "/match-runs/{id}/apply"): _RUN,
    ("POST", "/match-runs/{id}/roll-back"): _RUN,
    # Verification is tried with real askings in tests/rider_hub/membership/test_verification.py.
    ("GET", "/members/{id}"): Driver(_row("asking"), owners=_NOBODY),
    ("POST", "/members/{id}"): Driver(_row("asking"), _words(answer="yes"), owners=_NOBODY),
    ("GET", "/invitations/{id}"): Driver(_row("inv"), owners=_OWN_BODY),
    ("POST", "/invitations/{id}/invite"): Driver(_row("inv"), owners=_OWN_BODY),
    ("POST", "/invitations/{id}/attended"): Driver(_row("inv"), owners=_OWN_BODY),
    ("POST", "/activities/new"): Driver(
        form=lambda group: {
            "organization": group.id("org"),
            "title": "某活动",
            "kind": "training",
            "audience": "open",
            "starts_at": "2027-06-01T10:00",
            "ends_at": "2027-06-01T11:00",
        }
    ),
    ("POST", "/requests/new"): Driver(
        form=lambda group: {"community": group.community, "category": "entry", "text": "某处进不去门"}
    ),
    ("GET", "/requests/{id}"): Driver(_row("req"), owners=_CLERKS),
    ("GET", "/rights/{id}"): Driver(_row("right"), owners=_RIGHTS),
    ("POST", "/rights/{id}"): Driver(
        _row("right"), _words(decision="refused", answer="核对后没有问题"), owners=_RIGHTS
    ),
    ("POST", "/requests/{id}/unmask"): Driver(_row("req"), _PURPOSE, owners=_CLERKS),
    ("POST", "/requests/{id}/answer"): Driver(_row("req"), _words(text="已联系物业处理"), owners=_CLERKS),
    ("GET", "/r/requests/{id}"): Driver(_row("req"), owners=frozenset({"rider"})),
    ("POST", "/r/requests/{id}"): Driver(_row("req"), _words(do="confirm"), owners=frozenset({"rider"})),
    ("POST", "/r/invitations/{id}"): Driver(_row("inv"), _words(answer="yes"), owners=frozenset({"rider"})),
    # Approvals are tried with real asks in tests/rider_hub/views; here no row is anybody's.
    ("GET", "/approvals/{id}"): _ASKED,
    ("POST", "/approvals/{id}/approve"): _ASKED,
    ("POST", "/approvals/{id}/reject"): _ASKED,
    ("POST", "/approvals/{id}/end"): _ASKED,
    ("POST", "/emergency/new"): _OWN,
    ("GET", "/match-runs/{id}/export"): _RUN,
    ("POST", "/match-runs/{id}/export"): Driver(
        lambda group: {"id": f"run-{group.county}"}, _PURPOSE, owners=_COUNTY
    ),
    # Asks for a file of one's own list, within one's own scope.
    ("POST", "/assignments/export"): _OWN,
    ("POST", "/feeds/quarantine/export"): _OWN,
    ("POST", "/invitations/export"): _OWN,
    ("POST", "/requests/export"): _OWN,
    ("POST", "/riders/export"): _OWN,
    ("POST", "/riders/links/export"): _OWN,
    # What follows names no row of another: the session or the body's own secret says whose it is.
    ("POST", "/login"): _OWN,
    ("POST", "/login/code"): _OWN,
    ("POST", "/login/password"): _OWN,
    ("POST", "/login/second-factor"): _OWN,
    ("POST", "/setup"): _OWN,
    ("POST", "/logout"): _OWN,
    ("POST", "/account/password"): _OWN,
    ("POST", "/account/second-factor"): _OWN,
    ("POST", "/account/recovery-codes"): _OWN,
    ("POST", "/account/identity"): _OWN,
    ("POST", "/account/identity/refuse"): _OWN,
    ("POST", "/account/sessions/end-others"): _OWN,
    ("POST", "/account/sessions/{id}/end"): _OWN,
    # Accounts have no region: administrators see all of them or, like everybody else, none.
    ("POST", "/accounts/new"): _OWN,
    ("GET", "/accounts/{username}"): _OWN,
    ("GET", "/accounts/{username}/edit"): _OWN,
    ("POST", "/accounts/{username}/edit"): _OWN,
    ("POST", "/accounts/{username}/disable"): _OWN,
    ("POST", "/accounts/{username}/enable"): _OWN,
    ("POST", "/accounts/{username}/password"): _OWN,
    ("POST", "/accounts/{username}/unlock"): _OWN,
    ("POST", "/accounts/{username}/release"): _OWN,
    ("GET", "/accounts/{username}/grant"): _OWN,
    ("POST", "/accounts/{username}/grant"): _OWN,
    ("POST", "/accounts/{username}/second-factor"): _OWN,
    ("POST", "/r/login"): _OWN,
    ("POST", "/r/code"): _OWN,
    ("POST", "/r/logout"): _OWN,
    ("POST", "/r/me/community"): _OWN,
    ("POST", "/r/rights/correct"): _OWN,
    ("POST", "/r/rights/erase"): _OWN,
    ("POST", "/r/rights/erase/confirm"): _OWN,
    ("POST", "/r/again"): _OWN,
    ("POST", "/r/declaration"): _OWN,
    ("POST", "/r/verification"): _OWN,
    ("POST", "/r/consents"): _OWN,
    ("POST", "/r/consents/withdraw"): _OWN,
    ("POST", "/r/requests/new"): _OWN,
    ("POST", "/r/requests/query"): _OWN,
    ("POST", "/api/v1/locate"): _OWN,
    ("GET", "/static/{name}"): _OWN,
    # Rows of the trail are of the whole hub, whatever the audit administrator's division.
    ("GET", "/audit/{id}"): _OWN,
    ("POST", "/audit/{id}/review"): _OWN,
    ("POST", "/api/v1/feeds/{platform}/{type}"): Driver(signed=True),
    ("POST", "/api/v1/feeds/{platform}/{type}/check"): Driver(signed=True),
    ("GET", "/api/v1/receipts/{id}"): Driver(signed=True),
    ("GET", "/api/v1/feeds/{platform}/requirements"): Driver(signed=True),
}

#: Lists whose every row in scope must stand on the page, beside that no other may: path → viewers who have
#: any ("" where all who may open it have their groups' rows).
LISTS: dict[str, frozenset[str] | None] = {
    "/riders": None,
    "/stations": None,
    "/organizations": None,
    "/lovestations": None,
    "/assignments": None,
    "/requests": None,
    "/activities": None,
    "/feeds/receipts": _FEEDS | _PARTNER,
    "/feeds/quarantine": _FEEDS | _PARTNER,
    "/feeds/stations": None,
    "/feeds/links": None,
    "/feeds/snapshots": _FEEDS,
}
