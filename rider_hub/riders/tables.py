"""Tables of riders, their registrations with history, and identity links."""

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table

from rider_hub.riders.searched import name_of, phone4_of, phone_of
from rider_hub.storage import Code, UtcDateTime, keyed_column, metadata, sealed_column

__all__ = [
    "erasure_tombstone",
    "identity_link",
    "registration",
    "registration_correction",
    "registration_history",
    "rider",
    "work_area_mark",
    "work_area_review",
]

#: A person, by a stable pseudonym. `division` is where the rider is in scope: the applied assignment's
#: community, else the station's, else the sender's county; it is found anew on intake and on apply.
rider = Table(
    "rider",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("division", Code(), nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    #: Keyed index of the phone that signed in first: a number a platform sent later opens services only.
    keyed_column("first_phone", "lasting", nullable=True),
    #: The community the rider chose on the phone page, before any finding of ours.
    Column("chosen_community", Code()),
    Index("ix_rider_division", "division"),
)

registration = Table(
    "registration",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("rider_id", String(32), ForeignKey("rider.id"), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("platform_rider_ref", String(128), nullable=False),
    #: active, left, retracted; the last two are tombstones that keep their version.
    Column("state", String(12), nullable=False),
    #: dedicated or crowdsourced; says nothing of a labour relation.
    Column("employment", String(16)),
    Column("station_ref", String(128)),
    #: The current work area only: a community code, or a WGS 84 point of at most 3 decimals as sent.
    Column("area_community", Code()),
    Column("area_lng", Float),
    Column("area_lat", Float),
    Column("area_frame", String(16)),
    Column("county", Code(), nullable=False),
    Column("effective_at", UtcDateTime, nullable=False),
    #: Version of the key (platform, platform_rider_ref): the greatest (version_at, version_id, digest) wins.
    Column("version_at", UtcDateTime, nullable=False),
    Column("version_id", String(128), nullable=False),
    keyed_column("digest", "lasting"),
    Column("seen_at", UtcDateTime, nullable=False),
    #: {"name", "phone"} sealed for (registration, id).
    sealed_column("sealed", "personal", nullable=True),
    keyed_column("phone_index", "index", field="phone", of=phone_of, nullable=True),
    keyed_column("phone4_index", "index", field="phone4", of=phone4_of, nullable=True),
    keyed_column("name_index", "index", field="name", of=name_of, nullable=True),
    keyed_column("identity_index", "lasting", nullable=True),
    Column("hold", String(48)),
    #: Time of the snapshot this registration is absent from: it counts as left, though no record says so.
    Column("absent_at", UtcDateTime),
    Index("uq_registration_platform_ref", "platform", "platform_rider_ref", unique=True),
    Index("ix_registration_rider_id", "rider_id"),
    Index("ix_registration_phone_index", "phone_index"),
    Index("ix_registration_phone4_index", "phone4_index"),
    Index("ix_registration_name_index", "name_index"),
    Index("ix_registration_identity_index", "identity_index"),
    Index("ix_registration_station", "platform", "station_ref"),
)

#: Every applied version, without personal fields and without points: a history of places would be a track.
registration_history = Table(
    "registration_history",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("registration_id", String(32), nullable=False),
    Column("version_at", UtcDateTime, nullable=False),
    Column("state", String(12), nullable=False),
    Column("employment", String(16)),
    Column("station_ref", String(128)),
    Column("receipt_id", String(32)),
    Column("recorded_at", UtcDateTime, nullable=False),
    Index("ix_registration_history_registration_id", "registration_id"),
)

#: An event: linked (same id index), proposed (same phone), confirmed, rejected, undone.
identity_link = Table(
    "identity_link",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("registration_a", String(32), nullable=False),
    Column("registration_b", String(32), nullable=False),
    Column("rider_before_b", String(32), nullable=False),
    Column("state", String(12), nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", String(80)),
    Index("uq_identity_link_pair", "registration_a", "registration_b", unique=True),
    Index("ix_identity_link_registration_b", "registration_b"),
    Index("ix_identity_link_state", "state"),
)

#: What is left of an erased registration; see riders/tombstones.py.
erasure_tombstone = Table(
    "erasure_tombstone",
    metadata,
    keyed_column("mark", "lasting", primary_key=True),
    #: Up to which version everything is forgotten.
    Column("version_at", UtcDateTime, nullable=False),
    #: Whether the registration had ended by then; only what joins anew is stored again.
    Column("ended", Boolean, nullable=False),
)

#: A field of a registration that was corrected, against the platform's value; see riders/corrections.py.
registration_correction = Table(
    "registration_correction",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("registration_id", String(32), nullable=False),
    #: name, phone, station_ref, state
    Column("field", String(16), nullable=False),
    sealed_column("sealed", "personal"),
    #: Keyed mark of the wrong value.
    keyed_column("instead_of", "lasting"),
    Column("made_at", UtcDateTime, nullable=False),
    #: When the platform sent the wrong value again.
    Column("conflict_at", UtcDateTime),
    Index("uq_registration_correction", "registration_id", "field", unique=True),
)

#: When a registration said which work area, without the place: `mark` is HMAC(reference, area), so it tells
#: whether two areas of one registration differ and nothing else; see riders/area_changes.py.
work_area_mark = Table(
    "work_area_mark",
    metadata,
    Column("registration_id", String(32), primary_key=True),
    Column("version_at", UtcDateTime, primary_key=True),
    keyed_column("mark", "lasting", primary_key=True),
    #: When the version last came. The mark goes a window after that, however old the version says it is.
    Column("recorded_at", UtcDateTime, nullable=False),
    Index("ix_work_area_mark_recorded_at", "recorded_at"),
)

#: A registration whose work area changed as often as a track would; `held_at` is empty once staff looked.
work_area_review = Table(
    "work_area_review",
    metadata,
    Column("registration_id", String(32), primary_key=True),
    Column("changes", Integer, nullable=False),
    Column("held_at", UtcDateTime),
    #: Versions before this time were looked at and count no more.
    Column("cleared_until", UtcDateTime),
    Column("decided_at", UtcDateTime),
    Column("decided_by", String(80)),
)
