"""Indexes of boundaries lie in files named by their content; a missing or damaged one is made again.

Processes of one machine read the same pages. A file is written whole under another name and then renamed, so
that several processes may find it missing and write it at once.
"""

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from geo.areas import AreaIndex
from geo.errors import GeoError
from rider_hub.logs import logger
from rider_hub.storage.derived import derived_folder

__all__ = ["index_of"]

_log = logger("divisions")

_SUFFIX: Final = ".index"
_DAY_S: Final = 86_400.0
#: Files not used for so many days are removed, and what a killed process left half written after one.
_UNUSED_DAYS: Final = 30


def index_of(codes: Sequence[str], shapes: Sequence[bytes]) -> AreaIndex:
    """Return the index over polygons in well-known binary, from its file where there is a sound one."""
    folder = derived_folder("areas")
    if folder is None:
        return AreaIndex.from_wkb(shapes, codes)
    path = folder / f"{_name(codes, shapes)}{_SUFFIX}"
    index = _loaded(path, codes)
    if index is None:
        index = AreaIndex.from_wkb(shapes, codes)
        _keep(index, path)
    return index


def _name(codes: Sequence[str], shapes: Sequence[bytes]) -> str:
    """Return the SHA-256 of codes and polygons, in order."""
    digest = hashlib.sha256()
    for code, shape in zip(codes, shapes, strict=True):
        text = code.encode()
        digest.update(len(text).to_bytes(4, "big") + text + len(shape).to_bytes(8, "big") + shape)
    return digest.hexdigest()


def _loaded(path: Path, codes: Sequence[str]) -> AreaIndex | None:
    """Return the index of a file, None where it is missing, damaged or another's; note that it is used."""
    try:
        index = AreaIndex.load(path)
        os.utime(path)
    except (GeoError, OSError):
        if path.exists():
            _log.warning("index_damaged", file=path.name)
        return None
    return index if index.codes.tolist() == list(codes) else None


def _keep(index: AreaIndex, path: Path) -> None:
    """Write the file and remove old ones; without a file the next process builds again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        index.save(path)
        _tidy(path.parent)
    except OSError as fault:
        _log.warning("index_not_kept", file=path.name, fault=str(fault))


def _tidy(folder: Path) -> None:
    now = time.time()
    for path in folder.iterdir():
        days = _UNUSED_DAYS if path.suffix == _SUFFIX else 1 if path.suffix == ".part" else None
        if days is not None and now - path.stat().st_mtime > days * _DAY_S:
            # One that is mapped stays readable to those who have it; another process may have removed it.
            path.unlink(missing_ok=True)
