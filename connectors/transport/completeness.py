"""Tells a file that is whole from one that is still being written or was cut; reads nothing of its rows."""

import hashlib
import io
import re
import zipfile
from typing import Final

from connectors.problems import feed_error
from connectors.transport.parquet import MAGIC, is_whole

CHECKSUM: Final = ".sha256"
"""The ending of a file beside another that holds its SHA-256, as `sha256sum` writes it."""

_ZIP: Final = b"PK\x03\x04"
_OLD_WORKBOOK: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEX: Final = re.compile(r"\\?([0-9a-fA-F]{64})(?![0-9a-fA-F])")
_LINE_ENDS: Final = (b"\n", b"\r", b"\n\x00", b"\r\x00")


def require_whole(data: bytes, checksum: bytes | None) -> bool:
    """Raise FeedError `file_incomplete` for a file that was cut; say whether it is proved to be whole.

    `checksum` is what the file beside it holds, where there is one: with it nothing that was cut passes.
    Without it a workbook, a Parquet file and a JSON array tell by their own end, and a text must end with a
    line's end; one that was cut just there looks like a shorter file, and is not proved.
    """
    if checksum is not None:
        said = _HEX.match(checksum.decode("ascii", "replace"))
        if said is None or said[1].lower() != hashlib.sha256(data).hexdigest():
            raise feed_error("file_incomplete")
        return True
    if data.startswith(_ZIP):
        if not zipfile.is_zipfile(io.BytesIO(data)):
            raise feed_error("file_incomplete")
        return True
    if data.startswith(MAGIC):
        if not is_whole(data):
            raise feed_error("file_incomplete")
        return True
    if data.startswith(_OLD_WORKBOOK) or data.lstrip()[:1] == b"[":
        return True  # read as a whole or not at all
    if data.strip() and not data.endswith(_LINE_ENDS):
        raise feed_error("file_incomplete")
    return False
