"""The private table of declarations and consents: a subject, an envelope, nothing else.

`subject` is HMAC(membership key, rider id); kind, purposes, states and times stand inside the envelope. Every
rider has one row of one length, so that a copied database tells nothing of who declared. On SQLite private
tables are kept without rowids, which would count rows in the order of their arrival (decision 0008).
"""

from operator import itemgetter

from sqlalchemy import Column, Date, Index, Integer, String, Table

from rider_hub.membership.model import home_page
from rider_hub.storage import Code, keyed_column, metadata, private_metadata, sealed_column

__all__ = ["declaration", "declared_total", "home_list"]

declaration = Table(
    "declaration",
    private_metadata,
    Column("id", String(32), primary_key=True),
    keyed_column("subject", "subject", field="rider", of=itemgetter("rider_id")),
    sealed_column("sealed", "membership"),
    Index("ix_declaration_subject", "subject", unique=True),
    sqlite_with_rowid=False,
)

#: A page of a home organization's list of those who asked it to verify; see homes.py.
home_list = Table(
    "home_list",
    private_metadata,
    Column("id", String(32), primary_key=True),
    keyed_column("body_index", "subject", field="home", of=home_page),
    sealed_column("sealed", "membership"),
    Index("ix_home_list_body_index", "body_index", unique=True),
    sqlite_with_rowid=False,
)

#: What was published of a street on a Monday; NULL below k. It says what the page says, so it is open.
declared_total = Table(
    "declared_total",
    metadata,
    Column("division", Code(), primary_key=True),
    Column("published_on", Date, primary_key=True),
    Column("members", Integer),
)
