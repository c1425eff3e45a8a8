"""What a CMS structure (RFC 5652, 5083) is, whom it names and when it was signed; nothing is opened here."""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, Literal

from connectors.transport.ber import BerFault, Element, element

__all__ = ["Shape", "named_recipients", "shape_of", "signing_times", "without_armour"]

Shape = Literal["enveloped", "authenticated", "signed"]

_OIDS: Final[dict[bytes, Shape]] = {
    bytes.fromhex("2a864886f70d010703"): "enveloped",
    bytes.fromhex("2a864886f70d0109100117"): "authenticated",
    bytes.fromhex("2a864886f70d010702"): "signed",
}
_SIGNING_TIME: Final = bytes.fromhex("2a864886f70d010905")
_SEQUENCE, _SET, _OID, _FIRST, _SECOND = 0x30, 0x31, 0x06, 0xA0, 0xA1
_UTC_TIME, _GENERAL_TIME = 0x17, 0x18
_PIVOT = 50  # RFC 5652 11.3: two digits from 50 on are 19xx
_ARMOUR: Final = re.compile(rb"\s*-----BEGIN (CMS|PKCS7)-----([A-Za-z0-9+/=\s]*)-----END \1-----\s*")
_ARMOURED: Final = (b"-----BEGIN CMS-----", b"-----BEGIN PKCS7-----")


def without_armour(data: bytes) -> bytes:
    """Return the bytes within PEM's lines, and other data as it is."""
    if not data.lstrip()[:21].startswith(_ARMOURED):
        return data
    found = _ARMOUR.fullmatch(data)
    try:
        return base64.b64decode(found[2]) if found else data
    except binascii.Error:
        return data


def shape_of(data: bytes) -> Shape | None:
    """Return which of the three kinds we know a structure is; None for any other data."""
    try:
        return _content(data)[0]
    except (BerFault, StopIteration):
        return None


def named_recipients(data: bytes) -> set[bytes]:
    """Return by what an envelope names who may open it: issuer and serial number, or the key's identifier.

    Both as they stand in a certificate, the former as the bytes of the two one after the other. Raises
    BerFault where the structure can't be read.
    """
    _, whole = _content(data)
    for part in whole.parts():
        if part.tag == _SET:
            return {name for recipient in part.parts() for name in _names(recipient)}
    raise BerFault


def _names(recipient: Element) -> Iterator[bytes]:
    parts = list(recipient.parts())
    if recipient.tag == _SEQUENCE and len(parts) > 1:  # RSA: the name stands behind the version
        yield _name(parts[1])
    elif recipient.tag == _SECOND and parts:  # agreed keys: a list, each beginning with its name
        for each in parts[-1].parts():
            yield _name(_next(each.parts()))


def _name(name: Element) -> bytes:
    if name.tag == _FIRST:  # a key's identifier among others, as agreed keys have it
        return _next(name.parts()).content
    return name.content


def signing_times(data: bytes) -> list[datetime | None]:
    """Return for each signature of a signed structure the time it says it was made; None where it says none.

    The time is part of what is signed. Raises BerFault where the structure can't be read.
    """
    shape, whole = _content(data)
    if shape != "signed":
        raise BerFault
    last = None
    for part in whole.parts():
        last = part
    if last is None or last.tag != _SET:
        raise BerFault
    return [_time_of(signer) for signer in last.parts()]


def _content(data: bytes) -> tuple[Shape | None, Element]:
    """Return a ContentInfo's kind and what is in it."""
    outer = element(data)
    if outer.tag != _SEQUENCE:
        raise BerFault
    parts = outer.parts()
    kind, inner = _next(parts), _next(parts)
    if kind.tag != _OID or inner.tag != _FIRST:
        raise BerFault
    return _OIDS.get(kind.content), _next(inner.parts())


def _time_of(signer: Element) -> datetime | None:
    for part in signer.parts():
        if part.tag == _FIRST:
            for attribute in part.parts():
                name, values = _two(attribute)
                if name.content == _SIGNING_TIME:
                    return _moment(_next(values.parts()))
    return None


def _moment(value: Element) -> datetime:
    digits = value.content.decode("ascii", "replace").removesuffix("Z")
    try:
        if value.tag == _UTC_TIME:
            digits = ("19" if int(digits[:2]) >= _PIVOT else "20") + digits
        elif value.tag != _GENERAL_TIME:
            raise BerFault
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise BerFault from error


def _two(whole: Element) -> tuple[Element, Element]:
    parts = whole.parts()
    return _next(parts), _next(parts)


def _next(parts: Iterator[Element]) -> Element:
    found = next(parts, None)
    if found is None:
        raise BerFault
    return found
