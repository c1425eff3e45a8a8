"""The values the demo's world is made of; no generator and no file is read here."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import geopandas as gpd

Level = Literal["province", "city", "county", "street", "community"]
Frame = Literal["wgs84", "gcj02", "bd09"]
OrganizationKind = Literal[
    "committee",
    "general_branch",
    "branch",
    "joint_branch",
    "mobile_member_branch",
    "industry_organization",
]
HostKind = Literal["street", "community", "park", "platform", "partner", "station", "association"]
CoverKind = Literal["station", "community", "street", "county"]
Employment = Literal["dedicated", "crowdsourced"]
Category = Literal["entry", "stairs", "parking", "charging", "other"]
Ending = Literal["open", "answered", "confirmed", "overdue"]
FaultKind = Literal[
    "unknown_employment",
    "missing_field",
    "malformed_phone",
    "precise_work_area",
    "forbidden_field",
    "duplicate",
    "unknown_station",
]
Expected = Literal["refused", "waiting", "unchanged"]
RecordType = Literal["station", "registration"]
Record = dict[str, Any]


@dataclass(frozen=True)
class Division:
    """One row of the code table."""

    code: str
    name: str
    level: Level
    parent: str | None


@dataclass(frozen=True)
class Company:
    """A fictional platform or partner; `frame` is the one a platform's feed states."""

    code: str
    name: str
    frame: Frame = "wgs84"


@dataclass(frozen=True)
class Cover:
    """What an organization is responsible for: a station_ref, or a division code."""

    kind: CoverKind
    ref: str


@dataclass(frozen=True)
class Organization:
    """A node of the party organization tree; `host` names what it is attached to (ref, code or words)."""

    code: str
    name: str
    kind: OrganizationKind
    host_kind: HostKind
    host: str
    parent: str | None
    division: str
    covers: tuple[Cover, ...]


@dataclass(frozen=True)
class Instructor:
    """An instructor's post of one street: a label, never a person's name."""

    code: str
    label: str
    street: str


@dataclass(frozen=True)
class Station:
    """A delivery station; `lng`, `lat` are the true place in wgs84, `stated_community` what the feed says."""

    ref: str
    name: str
    platform: str
    partner: str | None
    address: str
    street: str
    community: str
    stated_community: str | None
    lng: float
    lat: float
    active_from: date
    headcount: int


@dataclass(frozen=True)
class LoveStation:
    """A rest and service point; `opening_hours` in the simple form `Mo-Su 08:00-20:00`, or `24/7`."""

    code: str
    name: str
    community: str
    lng: float
    lat: float
    services: tuple[str, ...]
    opening_hours: str
    capacity: int
    last_verified: date


@dataclass(frozen=True)
class WorkArea:
    """A community code, or a point of 3 decimals in the platform's own frame; `community` is the true one."""

    community: str
    community_code: str | None = None
    lng: float | None = None
    lat: float | None = None


@dataclass(frozen=True)
class Registration:
    """One rider's entry with one platform; `left_at` is set for the few who left again."""

    platform: str
    ref: str
    employment: Employment
    station_ref: str | None
    work_area: WorkArea | None
    effective_at: datetime
    updated_at: datetime
    id_hash: str | None = None
    left_at: datetime | None = None


@dataclass(frozen=True)
class Rider:
    """A generated, obviously fictional person; `community` is where the rider's first registration works."""

    index: int
    name: str
    phone: str
    community: str
    registrations: tuple[Registration, ...]


@dataclass(frozen=True)
class Member:
    """What one rider will declare on the phone page; it never enters a feed."""

    rider: int
    kind: Literal["full", "probationary"]
    consent: bool
    body: str
    home_organization: str


@dataclass(frozen=True)
class Request:
    """A service request to be filed: by a rider, or anonymously (`rider` None), so many hours ago."""

    rider: int | None
    category: Category
    community: str
    text: str
    hours_ago: int
    ending: Ending


@dataclass(frozen=True)
class Activity:
    """An activity of one organization."""

    organization: str
    kind: Literal["theme_day", "volunteering", "training"]
    title: str
    place: str
    starts_at: datetime
    ends_at: datetime
    open_to_all: bool


@dataclass(frozen=True)
class Fault:
    """A planned bad row; `native_extra` goes into the platform's own row after encoding, as it stands."""

    platform: str
    kind: FaultKind
    record_type: RecordType
    record: Record
    expected: Expected
    native_extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameFault:
    """A station batch that states one frame while its coordinates are in another."""

    platform: str
    stated: Frame
    actual: Frame
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Feed:
    """What one platform sends: good records, in the fields of the Rider Feed Standard."""

    platform: str
    frame: Frame
    stations: tuple[Record, ...]
    registrations: tuple[Record, ...]


@dataclass(frozen=True)
class World:
    """Everything the demo plays with; frames are in wgs84 and community borders are illustrative."""

    county: str
    today: date
    seed: int
    notice_zh: str
    notice_en: str
    divisions: tuple[Division, ...]
    street_polygons: gpd.GeoDataFrame
    community_polygons: gpd.GeoDataFrame
    platforms: tuple[Company, ...]
    partners: tuple[Company, ...]
    organizations: tuple[Organization, ...]
    instructors: tuple[Instructor, ...]
    stations: tuple[Station, ...]
    love_stations: tuple[LoveStation, ...]
    riders: tuple[Rider, ...]
    members: tuple[Member, ...]
    requests: tuple[Request, ...]
    activities: tuple[Activity, ...]
    feeds: tuple[Feed, ...]
    faults: tuple[Fault, ...]
    frame_faults: tuple[FrameFault, ...]
    illustrative_communities: bool = True
