"""An index is written as plain arrays that are used where they lie in the file; no pickle is ever read."""

import hashlib
import json
import mmap
import os
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from geo.area_arrays import Outlines
from geo.area_grid import Grid
from geo.errors import GeoError
from geo.points import Rows

_MAGIC: Final = b"GEOAREA2"
_ALIGN: Final = 64
# Words whose sum the checksum hashes: it is as quick as memory, and finds damage, not malice.
_SUMMED: Final = 512
_TYPES: Final = {"float64", "int64", "int32", "uint8"}


def digest_of(outlines: Outlines, codes: tuple[str, ...]) -> str:
    """Name polygons and codes by the SHA-256 of their bytes, in order."""
    digest = hashlib.sha256(_code_bytes(codes))
    for array in outlines:
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def save_grid(path: Path, grid: Grid, codes: tuple[str, ...], order: Rows, digest: str) -> None:
    """Write an index to exactly this path, whole or not at all."""
    arrays = grid.arrays() | {"order": order, "codes": np.frombuffer(_code_bytes(codes), np.uint8)}
    at = 0
    sections: list[dict[str, Any]] = []
    for name, array in arrays.items():
        used = grid.used.get(name, len(array))
        shape = [len(array), *array.shape[1:]]
        sections.append({"name": name, "type": str(array.dtype), "shape": shape, "used": used, "at": at})
        at += -(-array.nbytes // _ALIGN) * _ALIGN
    sums = [
        _checksum(array[: section["used"]]) for array, section in zip(arrays.values(), sections, strict=True)
    ]
    head = {"digest": digest, "count": len(codes), "sections": sections, "sums": sums, "bytes": at}
    text = json.dumps(head, separators=(",", ":")).encode()
    start = -(-(len(_MAGIC) + 40 + len(text)) // _ALIGN) * _ALIGN
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with unfinished.open("wb") as file:
            file.write(_MAGIC + len(text).to_bytes(8, "little") + hashlib.sha256(text).digest() + text)
            for array, section in zip(arrays.values(), sections, strict=True):
                file.seek(start + section["at"])
                file.write(np.ascontiguousarray(array[: section["used"]]).data)
            # The room for edits is a hole that takes no space on the disk.
            file.truncate(start + at)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def load_grid(path: Path, *, verify: bool) -> tuple[Grid, tuple[str, ...], Rows, str]:
    """Map an index: grid, codes, rows by code, digest. Edits stay in memory and never reach the file.

    Raises
    ------
    GeoError
        ``index_unreadable`` where the file is missing, cut, changed or of another kind.
    """
    try:
        head, start, whole = _mapped(path)
        arrays: dict[str, Any] = {
            section["name"]: _section(whole, start, section) for section in head["sections"]
        }
        used = {section["name"]: int(section["used"]) for section in head["sections"]}
        if verify and [_checksum(arrays[name][:count]) for name, count in used.items()] != head["sums"]:
            raise unreadable(path)
        codes = tuple(json.loads(arrays.pop("codes").tobytes()))
        order = arrays.pop("order")
        if len(codes) != head["count"] or len(order) != len(codes):
            raise unreadable(path)
        return Grid(**arrays, used=used, begun=dict(used)), codes, order, str(head["digest"])
    except (OSError, ValueError, KeyError, TypeError, UnicodeDecodeError) as fault:
        raise unreadable(path) from fault


def unreadable(path: Path) -> GeoError:
    """Make the error for a file that can't be used."""
    return GeoError(
        "index_unreadable",
        f"索引文件 {path.name} 缺失、损坏或不是本程序所写；请由边界重新建立索引。",
        f"The index file {path.name} is missing, damaged or not ours; build it again from the boundaries.",
    )


def _mapped(path: Path) -> tuple[dict[str, Any], int, mmap.mmap]:
    """Read the head, and map the file so that writes stay private."""
    with path.open("rb") as file:
        fixed = file.read(len(_MAGIC) + 40)
        length = int.from_bytes(fixed[8:16], "little")
        if fixed[:8] != _MAGIC or length > os.fstat(file.fileno()).st_size:
            raise unreadable(path)
        text = file.read(length)
        if hashlib.sha256(text).digest() != fixed[16:48]:
            raise unreadable(path)
        head: dict[str, Any] = json.loads(text)
        start = -(-(len(_MAGIC) + 40 + length) // _ALIGN) * _ALIGN
        if os.fstat(file.fileno()).st_size != start + head["bytes"]:
            raise unreadable(path)
        return head, start, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def _section(whole: mmap.mmap, start: int, section: dict[str, Any]) -> NDArray[Any]:
    if section["type"] not in _TYPES:
        raise ValueError("another type")
    shape = tuple(section["shape"])
    count = int(np.prod(shape))
    return np.frombuffer(whole, section["type"], count, start + section["at"]).reshape(shape)


def _checksum(array: NDArray[Any]) -> str:
    """Hash the sums of stretches of an array's words."""
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = len(flat) // (8 * _SUMMED) * (8 * _SUMMED)
    digest = hashlib.sha256(flat[whole:].data)
    if whole:
        sums = flat[:whole].view(np.uint64).reshape(-1, _SUMMED).sum(axis=1, dtype=np.uint64)
        digest.update(sums.data)
    return digest.hexdigest()


def _code_bytes(codes: tuple[str, ...]) -> bytes:
    return json.dumps(codes, ensure_ascii=False).encode()
