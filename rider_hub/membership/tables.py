"""Private tables of declarations and consents: a subject, an envelope, nothing else.

`subject` is HMAC(membership key, rider id); purpose, kind, state and time stand inside the envelope, and
envelopes are padded to one length, so that a copied database tells nothing of who declared.
"""

from sqlalchemy import Column, Index, LargeBinary, String, Table

from rider_hub.storage import private_metadata

__all__ = ["consent_entry", "declaration"]

#: Appended to, never changed: given, withdrawn.
consent_entry = Table(
    "consent_entry",
    private_metadata,
    Column("id", String(32), primary_key=True),
    Column("subject", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_consent_entry_subject", "subject"),
)

declaration = Table(
    "declaration",
    private_metadata,
    Column("id", String(32), primary_key=True),
    Column("subject", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_declaration_subject", "subject", unique=True),
)
