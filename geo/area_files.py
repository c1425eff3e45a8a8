"""Indexed areas are written as plain arrays and read back here; no pickle is ever read."""

import hashlib
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Final

import numpy as np
import shapely

from geo.area_checks import Shapes
from geo.errors import GeoError

_FORMAT: Final = 1
# What reading a damaged archive raises: RuntimeError is a method or an encryption zipfile does not know.
_DAMAGE: Final = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    shapely.GEOSException,
)


def area_digest(shapes: Shapes, codes: tuple[str, ...]) -> str:
    """Name polygons and codes by the SHA-256 of their bytes, in order."""
    digest = hashlib.sha256(_code_bytes(codes))
    for wkb in shapely.to_wkb(shapes, output_dimension=2, byte_order=1):
        digest.update(wkb)
    return digest.hexdigest()


def save_areas(path: Path, shapes: Shapes, codes: tuple[str, ...]) -> None:
    """Write polygons and codes to exactly this path, whole or not at all."""
    wkb = list(shapely.to_wkb(shapes, output_dimension=2, byte_order=1))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            np.savez(
                file,
                format=np.array([_FORMAT]),
                codes=np.frombuffer(_code_bytes(codes), np.uint8),
                wkb=np.frombuffer(b"".join(wkb), np.uint8),
                ends=np.cumsum([len(one) for one in wkb], dtype=np.int64),
                digest=np.frombuffer(bytes.fromhex(area_digest(shapes, codes)), np.uint8),
            )
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def load_areas(path: Path) -> tuple[Shapes, tuple[str, ...]]:
    """Read polygons and codes back.

    Raises
    ------
    GeoError
        ``index_unreadable`` where the file is missing, cut, changed or of another kind.
    """
    try:
        shapes, codes, digest = _read(path)
    except _DAMAGE as fault:
        raise _unreadable(path) from fault
    if area_digest(shapes, codes) != digest:
        raise _unreadable(path)
    return shapes, codes


def _read(path: Path) -> tuple[Shapes, tuple[str, ...], str]:
    # The file is opened here: on a damaged one numpy would leave it open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        if arrays["format"].tolist() != [_FORMAT]:
            raise ValueError("another format")
        codes = tuple(json.loads(arrays["codes"].tobytes()))
        whole, ends = arrays["wkb"].tobytes(), arrays["ends"].tolist()
        digest = arrays["digest"].tobytes().hex()
    pieces = [whole[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    shapes = np.array(shapely.from_wkb(np.array(pieces, dtype=object)), dtype=object)
    if len(shapes) != len(codes):
        raise ValueError("polygons and codes differ in number")
    return shapes, codes, digest


def _code_bytes(codes: tuple[str, ...]) -> bytes:
    return json.dumps(codes, ensure_ascii=False).encode()


def _unreadable(path: Path) -> GeoError:
    return GeoError(
        "index_unreadable",
        f"索引文件 {path.name} 缺失、损坏或不是本程序所写；请由边界重新建立索引。",
        f"The index file {path.name} is missing, damaged or not ours; build it again from the boundaries.",
    )
