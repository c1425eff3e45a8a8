"""Tables of single sign-on: which identity is whose account, and sign-ons under way."""

from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint

from rider_hub.storage import UtcDateTime, keyed_column, metadata

__all__ = ["linked_identity", "sign_on_attempt"]

#: An identity of a provider and the account it opens; never made by a sign-on itself.
linked_identity = Table(
    "linked_identity",
    metadata,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("user_id", String(32), ForeignKey("user_account.id"), nullable=False),
    Column("linked_at", UtcDateTime, nullable=False),
    #: When the account's holder, signed in by password, said that it is theirs; until then it opens nothing.
    Column("confirmed_at", UtcDateTime),
    keyed_column("row_mac", "lasting", nullable=True),
    UniqueConstraint("issuer", "user_id"),
)

#: A sign-on that a browser began and that may be finished once; only hashes of what the browser holds.
sign_on_attempt = Table(
    "sign_on_attempt",
    metadata,
    Column("state_hash", String(64), primary_key=True),
    Column("browser_hash", String(64), nullable=False),
    Column("target", String(500), nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)
