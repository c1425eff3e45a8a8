"""The private table of declarations and consents: a subject, an envelope, nothing else.

`subject` is HMAC(membership key, rider id); kind, purposes, states and times stand inside the envelope. Every
rider has one row of one length, so that a copied database tells nothing of who declared. On SQLite private
tables are kept without rowids, which would count rows in the order of their arrival (decision 0008).
"""

from operator import itemgetter

from sqlalchemy import Column, Index, String, Table

from rider_hub.storage import keyed_column, private_metadata, sealed_column

__all__ = ["declaration"]

declaration = Table(
    "declaration",
    private_metadata,
    Column("id", String(32), primary_key=True),
    keyed_column("subject", "subject", field="rider", of=itemgetter("rider_id")),
    sealed_column("sealed", "membership"),
    Index("ix_declaration_subject", "subject", unique=True),
    sqlite_with_rowid=False,
)
