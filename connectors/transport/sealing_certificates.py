"""Certificates of sealed files: the hub's own with its private key, and a sender's as it hands it over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from connectors.problems import feed_error
from connectors.transport.sealed_file import Recipient

__all__ = ["KINDS", "Certified", "Kind", "new_recipient", "read_certificate"]

Kind = Literal["rsa", "ec"]
KINDS: Final[tuple[Kind, ...]] = ("rsa", "ec")
_RSA_BITS: Final = 3072
_SHORTEST_RSA: Final = 2048
_SHORTEST_EC: Final = 256
#: A sender's clock may be behind the hub's.
_BACK: Final = timedelta(days=1)
_MOST: Final = 64 * 1024


@dataclass(frozen=True)
class Certified:
    """A certificate as PEM, what tells it from every other (SHA-256, hex), and until when it holds."""

    certificate: bytes
    fingerprint: str
    expires_at: datetime


def new_recipient(kind: Kind, *, now: datetime, days: int) -> Recipient:
    """Make a key and a certificate of its own that others may seal files to.

    RSA of 3072 bits for every CMS program there is; EC (P-256) for newer ones.
    """
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind == "rsa":
        key = rsa.generate_private_key(65537, _RSA_BITS)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Rider Hub sealed files")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACK)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(kind), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Recipient(certificate.public_bytes(Encoding.PEM), secret)


def read_certificate(pem: bytes, now: datetime) -> Certified:
    """Return a sender's certificate; raises FeedError where it is none, is weak, or is over."""
    try:
        [found] = x509.load_pem_x509_certificates(pem[:_MOST])
        key = found.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise feed_error("certificate_unreadable") from error
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SHORTEST_RSA) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= _SHORTEST_EC
    )
    if not strong or found.not_valid_after_utc <= now:
        raise feed_error("certificate_unreadable")
    fingerprint = found.fingerprint(SHA256()).hex()
    return Certified(found.public_bytes(Encoding.PEM), fingerprint, found.not_valid_after_utc)


def _usage(kind: Kind) -> x509.KeyUsage:
    """Say that the key opens what others seal, and signs nothing."""
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=kind == "rsa",
        data_encipherment=False,
        key_agreement=kind == "ec",
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
