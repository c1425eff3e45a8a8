"""Tables of the audit trail; those of accounts and sessions stand beside, and come with them."""

from sqlalchemy import JSON, BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, text

from rider_hub.access.account_tables import session, sign_in_code, user
from rider_hub.storage import Code, UtcDateTime, keyed_column, metadata, sealed_column

__all__ = [
    "approval",
    "audit_checkpoint",
    "audit_row",
    "audit_seal",
    "audit_subject",
    "division_change",
    "key_check",
    "park",
    "park_member",
    "session",
    "sign_in_code",
    "unmask_account",
    "unmask_turn",
    "user",
]

#: An overlay area: a park, or the district of an office that spans streets.
park = Table(
    "park",
    metadata,
    Column("code", String(48), primary_key=True),
    Column("name", String(128), nullable=False),
    #: The division that holds the whole of it; whose scope covers it may change it.
    Column("division", Code(), nullable=False),
)

#: The divisions a park is made of; scopes and nothing else are made from them.
park_member = Table(
    "park_member",
    metadata,
    Column("park", String(48), ForeignKey("park.code"), primary_key=True),
    Column("division", Code(), primary_key=True),
    keyed_column("row_mac", "lasting", nullable=True),
)

#: What codes became, a row a pair of codes; a code that stays beside others has one of its own; scopes follow
division_change = Table(
    "division_change",
    metadata,
    Column("from_code", Code(), primary_key=True),
    Column("to_code", Code(), primary_key=True),
    #: All codes the new one was made of, and all the old one became: a row that is missing opens nothing.
    Column("made_of", JSON, nullable=False),
    Column("became", JSON, nullable=False),
    Column("as_of", Date, nullable=False),
    keyed_column("row_mac", "lasting", nullable=True),
    Index("ix_division_change_to", "to_code"),
)

#: A check value of each key the rows were made with: HMAC(key, its id), from which no key can be found.
key_check = Table(
    "key_check",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("value", String(64), nullable=False),
)

#: A row's MAC is over its content and its subjects; `seal_no` is set once, by the sealer, after the commit.
audit_row = Table(
    "audit_row",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(80), nullable=False),
    #: In which capacity: scope and roles in words, as they were then.
    Column("actor_title", String(200), nullable=False),
    Column("operation", String(48), nullable=False),
    Column("target", String(200), nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("counts", JSON, nullable=False),
    Column("key_id", String(64), nullable=False),
    keyed_column("mac", "audit"),
    Column("seal_no", BigInteger),
    Index("ix_audit_row_at", "at"),
    Index("ix_audit_row_seal_no", "seal_no"),
    #: Reviews of rows are found by what they review; they are few, so the index holds nothing else.
    Index(
        "ix_audit_row_reviewed",
        "target",
        sqlite_where=text("operation = 'audit.review'"),
        postgresql_where=text("operation = 'audit.review'"),
    ),
)

#: The people whose data a row of the trail opened: ids, or pseudonyms where the operation is private.
audit_subject = Table(
    "audit_subject",
    metadata,
    Column("audit_id", String(32), ForeignKey("audit_row.id"), primary_key=True),
    Column("rider_id", String(32), primary_key=True),
    Index("ix_audit_subject_rider_id", "rider_id"),
)

#: What a second person must say yes to: an export of personal data, emergency access.
approval = Table(
    "approval",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(12), nullable=False),
    Column("asked_by", String(80), nullable=False),
    #: Keyed index of the phone of the person behind the account, where it is known.
    keyed_column("asked_person", "lasting", nullable=True),
    Column("asked_at", UtcDateTime, nullable=False),
    #: Where the thing asked for lies: an approver's scope must hold all of it.
    Column("divisions", JSON, nullable=False),
    Column("platforms", JSON, nullable=False),
    Column("partners", JSON, nullable=False),
    #: {"purpose", "details"} sealed for (approval, id): a filter may hold a phone, a purpose a name.
    sealed_column("sealed", "personal"),
    #: When the ask, or the approval given, ends by itself.
    Column("lapses_at", UtcDateTime, nullable=False),
    Column("decided_by", String(80)),
    Column("decided_at", UtcDateTime),
    Column("note", String(200), nullable=False),
    Column("uses", Integer, nullable=False),
    Column("max_uses", Integer, nullable=False),
    Column("ended_by", String(80)),
    Column("ended_at", UtcDateTime),
    keyed_column("row_mac", "lasting", nullable=True),
    Index("ix_approval_state", "state", "kind"),
    Index("ix_approval_asked_by", "asked_by", "kind"),
)

#: One row an account: written first in each turn, so that two at once can't both be the last allowed.
unmask_account = Table(
    "unmask_account",
    metadata,
    Column("actor", String(80), primary_key=True),
    Column("last_at", UtcDateTime, nullable=False),
)

#: When an account opened somebody's personal data; kept for a day, to count by.
unmask_turn = Table(
    "unmask_turn",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("actor", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_unmask_turn_actor", "actor", "at"),
)

#: A link of the chain: which rows, and the MAC of the link before. The number is the key, so that two
#: sealers can't both write the next one.
audit_seal = Table(
    "audit_seal",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("count", Integer, nullable=False),
    #: Rows in this seal and all before it.
    Column("total", BigInteger, nullable=False),
    Column("first_row", String(32), nullable=False),
    Column("last_row", String(32), nullable=False),
    keyed_column("digest", "audit"),
    keyed_column("previous", "audit"),
    Column("key_id", String(64), nullable=False),
    keyed_column("mac", "audit"),
)

#: What stands for seals that were pruned: the chain goes on from the MAC of the last of them.
audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("seal_no", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed_at", UtcDateTime, nullable=False),
    Column("total", BigInteger, nullable=False),
    keyed_column("seal_mac", "audit"),
    Column("pruned_at", UtcDateTime, nullable=False),
    Column("key_id", String(64), nullable=False),
    keyed_column("mac", "audit"),
)
