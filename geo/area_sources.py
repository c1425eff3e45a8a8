"""A boundary file is told by its first bytes here before a driver opens it; features are not read here."""

import zipfile
from pathlib import Path
from typing import Final

from geo.errors import GeoError

_SHAPEFILE: Final = b"\x00\x00\x27\x0a"
_GEOPACKAGE: Final = b"SQLite format 3\x00"
_ZIP: Final = b"PK\x03\x04"
# What macOS adds to archives.
_RESOURCE_FORKS: Final = "__MACOSX/"


def area_source(file: Path) -> Path | bytes | str:
    """Give what a vector driver may open: a GeoJSON as UTF-8 bytes, another file by its path.

    GDAL tells formats by content and some of them point to other files or addresses; so only GeoJSON,
    Shapefile (plain, or the only one in a zip) and GeoPackage are let through, and only real files.

    Raises
    ------
    GeoError
        ``areas_unreadable`` where the file is missing or something else.
    """
    try:
        start = _start(file)
        if start.startswith((_SHAPEFILE, _GEOPACKAGE)):
            return file
        if start.startswith(_ZIP):
            return _in_zip(file)
        content = _utf8(file.read_bytes())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as fault:
        raise unreadable(file) from fault
    if not content.lstrip().startswith(b"{"):
        raise unreadable(file)
    return content


def unreadable(file: Path) -> GeoError:
    """Make the error for a file that is no boundary file, or a broken one."""
    return GeoError(
        "areas_unreadable",
        f"读不出边界文件 {file.name}；请用完整的 GeoJSON、Shapefile（可打包为 zip）或 GeoPackage。",
        f"Boundary file {file.name} cannot be read; give a whole GeoJSON, Shapefile or GeoPackage.",
    )


def _start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(_GEOPACKAGE))


def _in_zip(file: Path) -> str:
    """Name the one Shapefile in an archive, as GDAL reads it in place."""
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if not name.startswith(_RESOURCE_FORKS)]
        (shapefile,) = [name for name in names if name.lower().endswith(".shp")]
        with archive.open(shapefile) as opened:
            if opened.read(len(_SHAPEFILE)) != _SHAPEFILE:
                raise ValueError("no Shapefile")
    # Braces keep GDAL from taking an archive of any name apart in another place.
    return f"/vsizip/{{{file.resolve()}}}/{shapefile}"


def _utf8(content: bytes) -> bytes:
    try:
        return content.decode("utf-8-sig").encode()
    except UnicodeDecodeError:
        return content.decode("gb18030").encode()
