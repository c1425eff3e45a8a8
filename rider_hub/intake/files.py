"""Use cases: taking feed files, one by hand or all of a watched folder; refused rows go back annotated."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from connectors.errors import FeedError
from connectors.records import FeedType
from connectors.transport.completeness import CHECKSUM, require_whole
from connectors.transport.files import FileRow, read_rows, ready_files
from rider_hub.access import Actor, Hub
from rider_hub.errors import Absent, HubError
from rider_hub.intake import store
from rider_hub.intake.annotated import annotate, kind_of
from rider_hub.intake.batches import Source, keyed_digest, take_batch
from rider_hub.intake.faults import whole
from rider_hub.intake.file_modes import declared_in, declared_of_watched
from rider_hub.intake.model import Receipt, Sender, Transport
from rider_hub.intake.snapshot_model import Declared
from rider_hub.logs import logger
from rider_hub.parameters import parameter

__all__ = ["OUT", "file_source", "take_file", "take_files"]

#: The folder inside a watched one where refused rows and errors are left.
OUT = "out"
#: Refused rows hold what their sender sent, so they lie there for a day and no longer.
_LEFT = ".rejected."

#: What a file's name begins with or holds → what is in it.
_NAMES: Mapping[str, FeedType] = {
    "station": "station",
    "站点": "station",
    "registration": "registration",
    "骑手": "registration",
    "登记": "registration",
    "request": "request",
    "诉求": "request",
}


async def take_file(
    hub: Hub,
    actor: Actor,
    platform: str,
    feed_type: FeedType,
    path: Path,
    *,
    words: Mapping[str, str] | None = None,
) -> Receipt:
    """Take one file and return its receipt; the file stays. The same content counts once, whatever its name.

    `words` say, by the names of a push's headers, whether it is a snapshot. Raises Absent for an unknown
    sender, FeedError for a file that can't be read, Invalid for words that make no sense.
    """
    sender = await _sender(hub, actor, platform)
    receipt, _ = await _take(hub, actor, sender, feed_type, path, words=words or {})
    return receipt


async def take_files(
    hub: Hub, actor: Actor, platform: str, folder: Path, *, settle_s: float = 2.0
) -> list[Receipt]:
    """Take the files of a folder that did not change for `settle_s`, and return their receipts.

    A file named `station…` or `registration…` (or 站点…, 骑手…) is taken and then deleted; its refused rows
    are left in `out/<name>.rejected.…`, in the file's own format. A file that can't be read stays, with the
    reason in `out/<name>.error.json`, and is not tried again until it changes.
    """
    sender = await _sender(hub, actor, platform)
    kept = parameter("intake.annotated_hours").value * 3600
    await asyncio.to_thread(_forget_old, folder / OUT, hub.clock.now().timestamp() - kept)
    seen: dict[str, tuple[int, int]] = {}
    await asyncio.to_thread(ready_files, folder, seen)
    await asyncio.sleep(settle_s)
    ready = await asyncio.to_thread(ready_files, folder, seen)
    receipts: list[Receipt] = []
    # Stations first, so that no rider has to wait for one of the same delivery.
    for path in sorted(ready, key=_is_after_stations):
        receipt = await _take_and_clear(hub, actor, sender, path, folder / OUT)
        receipts += [receipt] if receipt else []
    return receipts


def feed_type_of(name: str) -> FeedType:
    """Return what a file's name says is in it; raises HubError where it says nothing."""
    lowered = name.casefold()
    for word, kind in _NAMES.items():
        if word in lowered:
            return kind
    raise HubError(
        "文件名应含 station（站点）、registration（骑手登记）或 request（诉求），说明里面是什么。",
        "The name must hold the word station, registration or request, to say what the file holds.",
        code="file_name_unknown",
    )


async def _take_and_clear(hub: Hub, actor: Actor, sender: Sender, path: Path, out: Path) -> Receipt | None:
    note = out / f"{path.name}.error.json"
    if await asyncio.to_thread(_is_noted, path, note):
        return None
    try:
        receipt, rows = await _take(hub, actor, sender, feed_type_of(path.name), path)
    except (FeedError, HubError) as error:
        logger("intake").warning("file_not_taken", platform=sender.platform, file=path.name, fault=error.code)
        await asyncio.to_thread(_write_note, note, error)
        return None
    await asyncio.to_thread(_clear, path, out, receipt, rows)
    return receipt


async def _take(
    hub: Hub,
    actor: Actor,
    sender: Sender,
    feed_type: FeedType,
    path: Path,
    *,
    words: Mapping[str, str] | None = None,
) -> tuple[Receipt, Sequence[FileRow]]:
    """Take a file: with the words of whoever hands it in, else by the agreement and its name."""
    data = await asyncio.to_thread(path.read_bytes)
    proved = words is not None or await asyncio.to_thread(require_whole, data, _checksum(path))
    rows = await asyncio.to_thread(lambda: list(read_rows(data, name=path.name)))
    now = hub.clock.now()
    if words is None:
        declared = declared_of_watched(sender, feed_type, path.name, len(rows), now)
        if declared is not None and not proved:
            # Cut at a line's end it would look like a shorter whole, and let the rest leave.
            raise whole("snapshot_not_proved")
    else:
        declared = declared_in(words, feed_type, len(rows), now)
    source = file_source(hub, "file", data, path.name, declared)
    return await take_batch(hub, actor, sender, feed_type=feed_type, rows=rows, source=source), rows


def file_source(hub: Hub, transport: Transport, data: bytes, name: str, declared: Declared | None) -> Source:
    """Return where a file came from: it is known by its content and declaration, not its name."""
    digest = keyed_digest(hub, data + declared.text.encode() if declared else data)
    return Source(transport, f"file:{digest.hex()}", digest, name=name[:200], snapshot=declared)


async def _sender(hub: Hub, actor: Actor, platform: str) -> Sender:
    async with hub.look(actor, "feeds.take", target=f"sender:{platform}") as look:
        sender = await store.find_sender(look.connection, platform, look.scope)
    if sender is None:
        raise Absent
    return sender


def _clear(path: Path, out: Path, receipt: Receipt, rows: Sequence[FileRow]) -> None:
    """Leave the refused rows, then delete the source: a break between the two takes the file once more."""
    if receipt.rejected:
        out.mkdir(exist_ok=True)
        file = annotate(rows, receipt.failures, kind_of(path.read_bytes(), rows), every=False)
        (out / f"{path.name}{_LEFT}{file.kind}").write_bytes(file.body)
    path.unlink(missing_ok=True)
    _checksum(path).unlink(missing_ok=True)


def _checksum(path: Path) -> Path:
    return path.with_name(path.name + CHECKSUM)


def _forget_old(out: Path, before: float) -> None:
    """Delete what was left for the sender and not fetched within its time."""
    for path in out.iterdir() if out.is_dir() else ():
        if _LEFT in path.name and path.is_file() and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


def _is_after_stations(path: Path) -> bool:
    return not any(word in path.name.casefold() for word, kind in _NAMES.items() if kind == "station")


def _is_noted(path: Path, note: Path) -> bool:
    """Say whether this file, as it is now with its checksum, was found unreadable before."""
    newest = max(one.stat().st_mtime_ns for one in (path, _checksum(path)) if one.exists())
    return note.exists() and note.stat().st_mtime_ns >= newest


def _write_note(note: Path, error: FeedError | HubError) -> None:
    note.parent.mkdir(exist_ok=True)
    note.write_bytes(msgspec.json.encode({"code": error.code, "zh": error.zh, "en": error.en}))
