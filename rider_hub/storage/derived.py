"""The folder of files made from what the database holds: any may be lost, and is then made again."""

from pathlib import Path

__all__ = ["derived_folder", "keep_derived"]

_folder: list[Path] = []


def keep_derived(folder: Path | None) -> None:
    """Let this process keep such files in a folder, or with None in memory alone."""
    _folder[:] = [] if folder is None else [folder]


def derived_folder(name: str) -> Path | None:
    """Return the folder of one kind of such files, None where they are kept in memory alone."""
    return _folder[0] / name if _folder else None
