"""The pages' own files and the libraries the set-up fetched, served with cache headers."""

import hashlib
from pathlib import Path

from aiohttp import web

from rider_hub.errors import Absent

__all__ = ["STATIC", "static_routes", "static_url"]

#: Own files, and under vendor/ the libraries that the set-up fetched.
STATIC = Path(__file__).parent / "static"

_FOREVER = "public, max-age=31536000, immutable"


def static_url(name: str) -> str:
    """Return the address of a static file, with its digest so that browsers may keep it for good."""
    path = STATIC / name
    return f"/static/{name}?v={_digest(path)}" if path.is_file() else f"/static/{name}"


def static_routes() -> list[web.RouteDef]:
    """Return the route that serves the pages' own files and libraries."""
    return [web.get("/static/{name:.+}", _serve)]


async def _serve(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    path = (STATIC / name).resolve() if name.isprintable() else STATIC  # a NUL is no part of a path
    if not path.is_relative_to(STATIC.resolve()) or not _is_file(path):
        raise Absent
    kept = request.query.get("v") == _digest(path)
    return web.FileResponse(path, headers={"Cache-Control": _FOREVER if kept else "no-cache"})


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False


_digests: dict[tuple[Path, int], str] = {}


def _digest(path: Path) -> str:
    """Hash a file once for each time it was changed."""
    key = (path, path.stat().st_mtime_ns)
    if key not in _digests:
        _digests[key] = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return _digests[key]
