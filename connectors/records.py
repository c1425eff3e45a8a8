"""The Rider Feed Standard's records and the shape of their fields; rules across fields are in contract."""

from datetime import date, datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

RFS_VERSION: Final = "1.0"
"""The version of the Rider Feed Standard these records are."""

MAX_WORK_AREA_DECIMALS: Final = 3
"""A work area is a neighbourhood, not a door: three decimals of a degree are about 100 m."""

TIER_B_FIELDS: Final = ("name", "phone", "phone_ext", "id_number", "id_hash")
"""The fields of a registration that need an agreement of tier B."""

FeedType = Literal["station", "registration", "request"]
Frame = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
Employment = Literal["dedicated", "crowdsourced"]
Tier = Literal["A", "B"]

# `extra.kind` tells the field-by-field check how to read a value and which fault to name. The patterns of
# codes and hashes are for the published schema alone: forms.is_regular asks the same in a third of the time.
Reference = Annotated[str, Meta(min_length=1, max_length=128, extra={"kind": "reference"})]
Line = Annotated[str, Meta(min_length=1, max_length=256, extra={"kind": "line"})]
Text = Annotated[str, Meta(min_length=1, max_length=2000, extra={"kind": "text"})]
CommunityCode = Annotated[
    str,
    Meta(
        extra={"kind": "code"},
        extra_json_schema={"pattern": "^[0-9]{12}$"},
        description="12-digit division code, as text",
    ),
]
Longitude = Annotated[float, Meta(ge=-180, le=180, extra={"kind": "number"})]
Latitude = Annotated[float, Meta(ge=-90, le=90, extra={"kind": "number"})]
WorkAreaLongitude = Annotated[
    float,
    Meta(
        ge=-180,
        le=180,
        extra={"kind": "number", "decimals": MAX_WORK_AREA_DECIMALS},
        description="at most 3 decimals",
    ),
]
WorkAreaLatitude = Annotated[
    float,
    Meta(
        ge=-90,
        le=90,
        extra={"kind": "number", "decimals": MAX_WORK_AREA_DECIMALS},
        description="at most 3 decimals",
    ),
]
Headcount = Annotated[int, Meta(ge=0, le=1_000_000, extra={"kind": "integer"})]
Timestamp = Annotated[
    datetime, Meta(tz=True, extra={"kind": "timestamp"}, description="RFC 3339 with an offset; kept in UTC")
]
Day = Annotated[date, Meta(extra={"kind": "date"})]
Phone = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        extra={"kind": "phone"},
        description="mobile number; +86, 0086, blanks, a trailing .0 are dropped, an extension is set apart",
    ),
]
Extension = Annotated[str, Meta(pattern="^[0-9]{1,8}$", extra={"kind": "extension"})]
IdNumber = Annotated[
    str,
    Meta(min_length=1, max_length=64, extra={"kind": "id_number"}, description="18 digits, last may be X"),
]
IdHash = Annotated[
    str,
    Meta(
        extra={"kind": "id_hash"},
        extra_json_schema={"pattern": "^([0-9a-f]{8}:)?[0-9a-f]{64}$"},
        description="HMAC under the county's feed key of the 18 upper-case characters, lower-case hex; "
        "best with the key's id and a colon before it, so that another key is noticed",
    ),
]
FrameField = Annotated[Frame, Meta(extra={"kind": "choice"})]
EmploymentField = Annotated[Employment, Meta(extra={"kind": "choice"})]
StationOp = Annotated[Literal["upsert", "retract"], Meta(extra={"kind": "choice"})]
RegistrationOp = Annotated[Literal["upsert", "leave", "retract"], Meta(extra={"kind": "choice"})]


class _Record(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Share the options: refusing unknown names is what lets a typed decode prove that none is forbidden."""


class WorkArea(_Record, frozen=True, gc=False):
    """Where a crowdsourced rider usually works: a community code, or a point of at most 3 decimals."""

    community_code: CommunityCode | None = None
    street: Line | None = None
    lng: WorkAreaLongitude | None = None
    lat: WorkAreaLatitude | None = None
    frame: FrameField | None = None


class Place(_Record, frozen=True, gc=False):
    """Where a service request is about; each part may be missing."""

    address: Line | None = None
    community_code: CommunityCode | None = None
    street: Line | None = None
    lng: Longitude | None = None
    lat: Latitude | None = None
    frame: FrameField | None = None


class Station(_Record, frozen=True, gc=False):
    """A delivery station; `retract` says the entry was an error."""

    station_ref: Reference
    name: Line | None = None
    op: StationOp = "upsert"
    record_id: Reference | None = None
    platform: Line | None = None
    partner: Line | None = None
    address: Line | None = None
    community_code: CommunityCode | None = None
    street: Line | None = None
    lng: Longitude | None = None
    lat: Latitude | None = None
    frame: FrameField | None = None
    active_from: Day | None = None
    active_to: Day | None = None
    headcount: Headcount | None = None
    updated_at: Timestamp | None = None


class Registration(_Record, frozen=True, gc=False):
    """One rider's entry with one platform at one time; tier A, and the optional fields of tier B."""

    record_id: Reference
    platform_rider_ref: Reference
    updated_at: Timestamp
    op: RegistrationOp = "upsert"
    employment: EmploymentField | None = None
    station_ref: Reference | None = None
    work_area: WorkArea | None = None
    frame: FrameField | None = None
    effective_at: Timestamp | None = None
    name: Line | None = None
    phone: Phone | None = None
    phone_ext: Extension | None = None
    id_number: IdNumber | None = None
    id_hash: IdHash | None = None


class Request(_Record, frozen=True, gc=False):
    """A rider's service request that came through the platform's app."""

    record_id: Reference
    category: Line
    place: Place
    text: Text
    updated_at: Timestamp
    platform_rider_ref: Reference | None = None
    frame: FrameField | None = None
    occurred_at: Timestamp | None = None


Record = Station | Registration | Request

SUBJECTS: Final[dict[FeedType, str]] = {
    "station": "station_ref",
    "registration": "platform_rider_ref",
    "request": "record_id",
}
"""The field that says whom or what a record is about; of the versions of one the greatest stands."""

RECORD_TYPES: Final[dict[FeedType, type[Station] | type[Registration] | type[Request]]] = {
    "station": Station,
    "registration": Registration,
    "request": Request,
}
"""The record type of each feed type."""
