"""Private tables of declarations and consents: a subject, an envelope, nothing else.

`subject` is HMAC(membership key, rider id); purpose, kind, state and time stand inside the envelope, and
envelopes are padded to one length, so that a copied database tells nothing of who declared.
"""

from operator import itemgetter

from sqlalchemy import Column, Index, String, Table

from rider_hub.storage import keyed_column, private_metadata, sealed_column

__all__ = ["consent_entry", "declaration"]

#: Appended to, never changed: given, withdrawn.
consent_entry = Table(
    "consent_entry",
    private_metadata,
    Column("id", String(32), primary_key=True),
    keyed_column("subject", "subject", field="rider", of=itemgetter("rider_id")),
    sealed_column("sealed", "membership"),
    Index("ix_consent_entry_subject", "subject"),
)

declaration = Table(
    "declaration",
    private_metadata,
    Column("id", String(32), primary_key=True),
    keyed_column("subject", "subject", field="rider", of=itemgetter("rider_id")),
    sealed_column("sealed", "membership"),
    Index("ix_declaration_subject", "subject", unique=True),
)
