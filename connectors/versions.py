"""Which versions of the Rider Feed Standard are taken in, and until when; data in versions.toml."""

import re
import tomllib
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from connectors.problems import feed_error

VERSION_HEADER: Final = "rfs-version"
"""The header in which a sender states the version it speaks, and the hub the one it answers in."""

_STATED: Final = re.compile(r"([1-9][0-9]{0,2})[.]([0-9]{1,3})")


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version: `supported_until` is None until its end is announced, then the last day it is taken in."""

    major: int
    minor: int
    published: date
    announced: date | None = None
    supported_until: date | None = None

    @property
    def name(self) -> str:
        """The version as senders state it."""
        return f"{self.major}.{self.minor}"


class Versions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All versions, and how many months before its end a version's successor is announced."""

    notice_months: int
    version: tuple[Version, ...]


@cache
def versions() -> Versions:
    """Read the versions."""
    text = Path(__file__).with_name("versions.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Versions)


def spoken(stated: str | None, today: date) -> Version:
    """Return the version a sender speaks: the newest of its major version that the hub knows.

    Nothing stated is the oldest version still taken in. Raises FeedError `rfs_version_invalid` for what is no
    version, `rfs_version_unsupported` for a major version that is not known or has ended.
    """
    supported = [one for one in versions().version if _is_live(one, today)]
    if stated is None:
        major = min(one.major for one in supported)
    else:
        match = _STATED.fullmatch(stated.strip())
        if match is None:
            raise feed_error("rfs_version_invalid")
        major = int(match[1])
    known = [one for one in supported if one.major == major]
    if not known:
        names = ", ".join(f"{number}.x" for number in sorted({one.major for one in supported}))
        raise feed_error("rfs_version_unsupported", versions=names)
    return max(known, key=lambda one: one.minor)


def version_headers(version: Version) -> dict[str, str]:
    """Return the headers of an answer: the version, and its end once that is announced."""
    headers = {VERSION_HEADER: version.name}
    if version.announced and version.supported_until:
        headers["Deprecation"] = f"@{int(_midnight(version.announced).timestamp())}"
        end = _midnight(version.supported_until)
        headers["Sunset"] = end.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return headers


def _is_live(version: Version, today: date) -> bool:
    return version.supported_until is None or today <= version.supported_until


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
