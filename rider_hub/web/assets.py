"""The pages' own files and the libraries the set-up fetched, served from memory with cache headers.

They are few and small (under 5 MB), so each is read, hashed and compressed once. Nothing is open while a file
is sent: a browser that goes away in the middle leaves no file behind.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ETag, hdrs, web

from rider_hub.errors import Absent

__all__ = ["STATIC", "static_routes", "static_url"]

#: Own files, and under vendor/ the libraries that the set-up fetched.
STATIC = Path(__file__).parent / "static"

_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _Asset:
    """A file as it is sent."""

    digest: str
    content_type: str
    plain: bytes
    gzipped: bytes


def static_url(name: str) -> str:
    """Return the address of a static file, with its digest so that browsers may keep it for good."""
    path = STATIC / name
    return f"/static/{name}?v={_asset(path).digest}" if path.is_file() else f"/static/{name}"


def static_routes() -> list[web.RouteDef]:
    """Return the route that serves the pages' own files and libraries."""
    return [web.get("/static/{name:.+}", _serve)]


async def _serve(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    path = (STATIC / name).resolve() if name.isprintable() else STATIC  # a NUL is no part of a path
    if not path.is_relative_to(STATIC.resolve()) or not _is_file(path):
        raise Absent
    asset = _asset(path)
    kept = request.query.get("v") == asset.digest
    headers = {hdrs.CACHE_CONTROL: _FOREVER if kept else "no-cache", hdrs.VARY: hdrs.ACCEPT_ENCODING}
    answer = web.Response(headers=headers)
    answer.etag = ETag(value=asset.digest, is_weak=True)  # weak: the same for both encodings
    if any(known.value in {asset.digest, "*"} for known in request.if_none_match or ()):
        answer.set_status(304)
        return answer
    answer.content_type, answer.charset = asset.content_type, "utf-8"
    zipped = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
    if zipped:
        answer.headers[hdrs.CONTENT_ENCODING] = "gzip"
    answer.body = asset.gzipped if zipped else asset.plain
    return answer


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False


_assets: dict[tuple[Path, int], _Asset] = {}


def _asset(path: Path) -> _Asset:
    """Read a file once for each time it was changed."""
    key = (path, path.stat().st_mtime_ns)
    if key not in _assets:
        plain = path.read_bytes()
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        digest = hashlib.sha256(plain).hexdigest()[:12]
        _assets[key] = _Asset(digest, content_type, plain, gzip.compress(plain, mtime=0))
    return _assets[key]
