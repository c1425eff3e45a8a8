"""A folder that somebody else may write to, held by descriptor: no link in it is followed, at no moment."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from connectors.problems import feed_error
from connectors.transport.files import MAX_FILE_BYTES

__all__ = ["DropFolder", "open_folder"]

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Without O_NONBLOCK opening a pipe would wait for whoever writes to it.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class DropFolder:
    """An open folder; every name is one in it, and a link, a pipe or a folder is no file.

    Raises FeedError `file_unreadable` for a file, `folder_unusable` for what can't be written.
    """

    def __init__(self, descriptor: int) -> None:
        self._folder = descriptor

    def read(self, name: str, *, most: int = MAX_FILE_BYTES) -> bytes:
        """Return a file's bytes; raises FeedError where it is none, or is larger than `most`."""
        try:
            opened = os.open(name, _READ, dir_fd=self._folder)
            with os.fdopen(opened, "rb") as file:
                if not stat.S_ISREG(os.fstat(opened).st_mode):
                    raise feed_error("file_unreadable")
                data = file.read(most + 1)
        except (OSError, ValueError) as error:
            raise feed_error("file_unreadable") from error
        if len(data) > most:
            raise feed_error("body_too_large", status=413, limit=most // 1024**2)
        return data

    def changed_at(self, name: str) -> int | None:
        """Return when a file changed, in ns since 1970; None where there is no such file."""
        try:
            found = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
        except (OSError, ValueError):
            return None
        return found.st_mtime_ns if stat.S_ISREG(found.st_mode) else None

    def holds(self, name: str) -> bool:
        """Say whether there is anything of this name, be it a link."""
        try:
            os.stat(name, dir_fd=self._folder, follow_symlinks=False)
        except (FileNotFoundError, ValueError):
            return False
        return True

    def names(self) -> list[str]:
        """Return the names of the files."""
        return [name for name in self._all() if self.changed_at(name) is not None]

    def _all(self) -> list[str]:
        return os.listdir(self._folder)  # noqa: PTH208 - a descriptor, which no Path takes

    def write(self, name: str, data: bytes) -> None:
        """Write a file under a new name, then rename it: a link of its name is replaced, not followed."""
        fresh = f".{secrets.token_hex(8)}.part"
        try:
            with os.fdopen(os.open(fresh, _NEW, 0o666, dir_fd=self._folder), "wb") as file:
                file.write(data)
            os.rename(fresh, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError as error:
            self.remove(fresh)
            raise _unusable(error) from error

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""
        if self.changed_at(name) is not None:
            try:
                os.unlink(name, dir_fd=self._folder)
            except FileNotFoundError:
                return
            except OSError as error:
                raise _unusable(error) from error

    @contextmanager
    def folder(self, name: str) -> Iterator["DropFolder"]:
        """Open a folder in this one, made where there is none; raises FeedError where its name is a link."""
        try:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=self._folder)
        except OSError as error:
            raise _unusable(error) from error
        with _opened(name, _FOLDER | os.O_NOFOLLOW, self._folder) as inner:
            yield inner


@contextmanager
def open_folder(path: Path) -> Iterator[DropFolder]:
    """Open the folder that the hub was told to watch; its own path may hold links."""
    with _opened(str(path), _FOLDER, None) as folder:
        yield folder


@contextmanager
def _opened(path: str, flags: int, beneath: int | None) -> Iterator[DropFolder]:
    try:
        descriptor = os.open(path, flags, dir_fd=beneath)
    except OSError as error:
        raise _unusable(error) from error
    try:
        yield DropFolder(descriptor)
    finally:
        os.close(descriptor)


def _unusable(error: OSError) -> Exception:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
        return error  # a disk that is full is no fault of the folder: the hub tells it as its own
    return feed_error("folder_unusable")
