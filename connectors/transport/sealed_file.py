"""Sealed files: CMS by `openssl cms`, opened by the hub's key and sealed to a sender's, in memory alone.

A process of its own, limited in memory and time, does the work: data goes by pipes, keys and certificates by
inherited descriptors, never in its arguments nor on a disk. Whose certificates these are is not known here.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Final

from cryptography import x509

from connectors.problems import feed_error
from connectors.transport.ber import BerFault
from connectors.transport.cms_shape import named_recipients, shape_of, signing_times, without_armour
from connectors.transport.limited import Ended, run_limited

__all__ = ["ENDINGS", "MAX_SEALED", "Opened", "Recipient", "inner_name", "is_sealed", "open_sealed", "seal"]

ENDINGS: Final = (".p7m", ".cms")
"""What a sealed file's name ends with, behind the name of what is in it."""

MAX_SEALED: Final = 128 * 1024 * 1024
"""The largest sealed file, in bytes: OpenSSL holds it twice within its limit of memory."""

_ENVELOPES: Final = ("enveloped", "authenticated")


@dataclass(frozen=True)
class Recipient:
    """A certificate of the hub and its private key, both PEM."""

    certificate: bytes
    private_key: bytes = field(repr=False)

    def names(self) -> set[bytes]:
        """Return by what an envelope may name the certificate, as `named_recipients` does."""
        found = x509.load_pem_x509_certificate(self.certificate)
        serial = found.serial_number
        digits = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
        key_id = found.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        return {found.issuer.public_bytes() + bytes([2, len(digits)]) + digits, key_id}


@dataclass(frozen=True)
class Opened:
    """What was in a sealed file, and when its sender says to have signed it.

    `authenticated`: the envelope was of the newer kind (GCM), so its sender can read such ones.
    """

    data: bytes
    signed_at: datetime | None
    authenticated: bool


def is_sealed(name: str, data: bytes) -> bool:
    """Say whether a file is a sealed one, by what it is or by what its name says."""
    return name.lower().endswith(ENDINGS) or shape_of(without_armour(data)) in _ENVELOPES


def inner_name(name: str) -> str:
    """Return the name of what is in a sealed file: registration.csv.p7m holds registration.csv."""
    return name[:-4] if name.lower().endswith(ENDINGS) else name


def open_sealed(data: bytes, recipients: Iterable[Recipient], signers: Sequence[bytes]) -> Opened:
    """Open a file sealed to one of the recipients and signed, within, by one of the signers (PEM).

    Raises FeedError: `sealed_unreadable` for what is no envelope, `sealed_recipient_unknown` for one that
    names none of ours (its head says so to anyone), and `sealed_not_opened` for everything else. That there
    is one word for a broken envelope and a wrong signature is on purpose: two would let whoever may try files
    find out, byte by byte, what is in one that he took from somebody else.
    """
    if len(data) > MAX_SEALED:
        raise feed_error("sealed_too_large", status=413, limit=MAX_SEALED // 1024**2)
    data = without_armour(data)
    shape = shape_of(data)
    if shape not in _ENVELOPES:
        raise feed_error("sealed_unreadable")
    signed = _decrypted(data, recipients)
    content, signed_at = _verified(signed, signers)
    return Opened(content, signed_at, shape == "authenticated")


def seal(data: bytes, certificates: Sequence[bytes], *, authenticated: bool) -> bytes:
    """Seal data to each of the certificates (PEM), by AES-256; raises FeedError where OpenSSL refuses."""
    cipher = "-aes-256-gcm" if authenticated else "-aes-256-cbc"
    with _handed(*certificates) as paths:
        ended = _openssl(data, paths, "-encrypt", "-binary", "-outform", "DER", cipher, *paths)
    if ended.status:
        raise feed_error("sealed_not_sealed", status=500)
    return ended.output


def _decrypted(data: bytes, recipients: Iterable[Recipient]) -> bytes:
    try:
        named = named_recipients(data)
    except BerFault as error:
        raise feed_error("sealed_unreadable") from error
    ours = [each for each in recipients if not named.isdisjoint(each.names())]
    if not ours:
        raise feed_error("sealed_recipient_unknown")
    for each in ours:
        with _handed(each.certificate, each.private_key) as paths:
            certificate, key = paths
            options = ("-decrypt", "-binary", "-inform", "DER", "-recip", certificate, "-inkey", key)
            ended = _openssl(data, paths, *options)
        if not ended.status:
            return ended.output  # what a broken one gave before it was found out is never used
    raise feed_error("sealed_not_opened")


def _verified(signed: bytes, signers: Sequence[bytes]) -> tuple[bytes, datetime | None]:
    """Return what is signed and when; the signer's certificate is one of ours, whatever lies in the file."""
    try:
        times = signing_times(signed) if signers else []
    except BerFault:
        times = []
    if len(times) != 1:  # OpenSSL would pass a structure that nobody signed
        raise feed_error("sealed_not_opened")
    with _handed(b"".join(signers)) as paths:
        options = ("-verify", "-binary", "-inform", "DER", "-noverify", "-nointern", "-certfile", *paths)
        ended = _openssl(signed, paths, *options)
    if ended.status:
        raise feed_error("sealed_not_opened")
    return ended.output, times[0]


def _openssl(data: bytes, paths: Sequence[str], *options: str) -> Ended:
    program = shutil.which("openssl")
    if program is None:
        raise feed_error("openssl_missing", status=503)
    inherited = [int(PurePath(path).name) for path in paths]
    return run_limited([program, "cms", *options], data, inherited=inherited)


@contextmanager
def _handed(*secrets: bytes) -> Iterator[tuple[str, ...]]:
    """Give each as a pipe that holds it already; OpenSSL reads it under the path of its descriptor."""
    opened: list[int] = []
    try:
        for secret in secrets:
            reading, writing = os.pipe()
            opened.append(reading)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(secret)  # far less than a pipe holds, so that nothing waits
        yield tuple(f"/dev/fd/{each}" for each in opened)
    finally:
        for each in opened:
            os.close(each)
