"""Tables of sealed files: the certificates others seal to, and the senders' own."""

from sqlalchemy import Column, String, Table, Text

from rider_hub.storage import UtcDateTime, metadata, sealed_column

__all__ = ["sealing_key", "sender_certificate"]

#: Up to two live certificates of the hub, each with its private key; a file is opened by the one it names.
sealing_key = Table(
    "sealing_key",
    metadata,
    Column("id", String(32), primary_key=True),
    #: SHA-256 of the certificate, hex.
    Column("fingerprint", String(64), nullable=False),
    #: PEM; for everybody.
    Column("certificate", Text, nullable=False),
    sealed_column("private_key", "account"),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

#: Up to two live certificates of a sender: what its sealed files are signed by, and refused rows sealed to.
sender_certificate = Table(
    "sender_certificate",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("certificate", Text, nullable=False),
    Column("registered_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
