"""Whoever seals files with the real openssl: keys made once a session, and the commands of the page."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from connectors.transport.sealed_file import Recipient
from connectors.transport.sealing_certificates import Kind, new_recipient

__all__ = ["Party", "openssl", "party", "sealed_to", "signed_by"]

#: Long before and after whatever a test's clock says.
_MADE, _DAYS = datetime(2026, 1, 1, tzinfo=UTC), 9_000


@dataclass(frozen=True)
class Party:
    """Somebody with a key and a certificate."""

    certificate: bytes
    key: bytes

    @property
    def recipient(self) -> Recipient:
        """The party as one that opens files."""
        return Recipient(self.certificate, self.key)


@cache
def party(name: str, kind: Kind = "ec") -> Party:
    """Return the party of a name; the same each time."""
    made = new_recipient(kind, now=_MADE, days=_DAYS)
    return Party(made.certificate, made.private_key)


def openssl(*words: str, data: bytes = b"", **files: bytes) -> bytes:
    """Run the real openssl; `{name}` in a word stands for the path of a file with the content given."""
    with TemporaryDirectory() as folder:
        paths = {}
        for name, content in files.items():
            paths[name] = str(Path(folder) / name)
            Path(paths[name]).write_bytes(content)
        command = ["openssl", *(word.format(**paths) for word in words)]
        return subprocess.run(command, input=data, check=True, capture_output=True, timeout=60).stdout


def signed_by(signer: Party, data: bytes, *more: str) -> bytes:
    """Sign data as the page says."""
    words = ("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-md", "sha256")
    words += ("-signer", "{cert}", "-inkey", "{key}", *more)
    return openssl(*words, data=data, cert=signer.certificate, key=signer.key)


def sealed_to(
    certificate: bytes, data: bytes, *more: str, form: str = "DER", cipher: str = "aes-256-gcm"
) -> bytes:
    """Seal data as the page says."""
    words = ("cms", "-encrypt", "-binary", "-outform", form, f"-{cipher}", "-recip", "{cert}", *more)
    return openssl(*words, data=data, cert=certificate)
