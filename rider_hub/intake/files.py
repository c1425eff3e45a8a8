"""Use cases: taking feed files, one by hand or all of a watched folder; refused rows go back annotated."""

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from connectors.errors import FeedError
from connectors.problems import feed_error
from connectors.records import FeedType
from connectors.transport.completeness import CHECKSUM, require_whole
from connectors.transport.drop_folder import DropFolder, open_folder
from connectors.transport.files import FileRow, read_rows, ready_files
from connectors.transport.sealed_file import Opened, inner_name, is_sealed
from rider_hub.access import Actor, Hub
from rider_hub.errors import Absent, HubError
from rider_hub.intake import store
from rider_hub.intake.annotated import annotate, kind_of
from rider_hub.intake.batches import Source, keyed_digest, take_batch
from rider_hub.intake.faults import whole
from rider_hub.intake.file_modes import declared_in, declared_of_watched
from rider_hub.intake.model import Receipt, Sender, Transport
from rider_hub.intake.sealed_files import ENDING, Seals, require_signed_after, seals_of
from rider_hub.intake.snapshot_model import Declared
from rider_hub.logs import logger
from rider_hub.parameters import parameter

__all__ = ["OUT", "file_source", "take_file", "take_files"]

#: The folder inside a watched one where refused rows and errors are left.
OUT = "out"
#: Refused rows hold what their sender sent, so they lie there for a day and no longer.
_LEFT = ".rejected."
#: Why a file could not be read.
_NOTE = ".error.json"
#: What became of a sealed file: who sends by courier sees no page.
_RECEIPT = ".receipt.json"
_MAX_CHECKSUM: Final = 64 * 1024
_MAX_NAME: Final = 255  # bytes

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
    sender, seals = await _sender_and_seals(hub, actor, platform)
    data = await asyncio.to_thread(path.read_bytes)
    if is_sealed(path.name, data):
        data = (await asyncio.to_thread(seals.open, data)).data
    name, form = inner_name(path.name), sender.file_form(feed_type)
    rows = await asyncio.to_thread(lambda: list(read_rows(data, name=name, form=form)))
    declared = declared_in(words or {}, feed_type, len(rows), hub.clock.now())
    source = file_source(hub, "file", data, path.name, declared=declared, mapping=sender.mapping_text)
    return await take_batch(hub, actor, sender, feed_type=feed_type, rows=rows, source=source)


async def take_files(
    hub: Hub, actor: Actor, platform: str, folder: Path, *, settle_s: float = 2.0
) -> list[Receipt]:
    """Take the files of a folder that did not change for `settle_s`, and return their receipts.

    A file named `station…` or `registration…` (or 站点…, 骑手…) is taken and then deleted; its refused rows
    are left in `out/<name>.rejected.…`, in the file's own format. A file that can't be read stays, with the
    reason in `out/<name>.error.json`, and is not tried again until it changes. A sealed file (`….p7m`) is
    opened in memory; it leaves a receipt, and its refused rows go back sealed. Of a sender whose certificate
    is registered nothing else is taken.
    """
    sender, seals = await _sender_and_seals(hub, actor, platform)
    receipts: list[Receipt] = []
    with open_folder(folder) as drop:
        watched = _Watched(drop, sender, seals)
        await asyncio.to_thread(_forget_old, drop, hub.clock.now())
        seen: dict[str, tuple[int, int]] = {}
        await asyncio.to_thread(ready_files, folder, seen)
        await asyncio.sleep(settle_s)
        ready = await asyncio.to_thread(ready_files, folder, seen)
        # Stations first, so that no rider has to wait for one of the same delivery.
        for name in sorted((path.name for path in ready), key=_is_after_stations):
            receipt = await _take_and_clear(hub, actor, watched, name)
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


@dataclass(frozen=True)
class _Watched:
    """An open folder, whose it is, and what its files are sealed by."""

    drop: DropFolder
    sender: Sender
    seals: Seals


async def _take_and_clear(hub: Hub, actor: Actor, watched: _Watched, name: str) -> Receipt | None:
    drop, sender = watched.drop, watched.sender
    if await asyncio.to_thread(_is_noted, drop, name):
        return None
    try:
        dropped = await asyncio.to_thread(_read, drop, name, watched.seals, sender)
        receipt = await _take(hub, actor, sender, dropped)
    except (FeedError, HubError) as error:
        logger("intake").warning("file_not_taken", platform=sender.platform, file=name, fault=error.code)
        await asyncio.to_thread(_leave_note, drop, name, error)
        return None
    await asyncio.to_thread(_clear, watched, dropped, receipt)
    return receipt


@dataclass(frozen=True)
class _Dropped:
    """A file as it was read, once; `proved`: nothing of it can be missing. A sealed one is open here."""

    name: str
    data: bytes
    rows: Sequence[FileRow]
    proved: bool
    opened: Opened | None = None


def _read(drop: DropFolder, name: str, seals: Seals, sender: Sender) -> _Dropped:
    form = sender.file_form(feed_type_of(name))
    data = drop.read(name)
    beside = name + CHECKSUM
    checksum = None if drop.changed_at(beside) is None else drop.read(beside, most=_MAX_CHECKSUM)
    if is_sealed(name, data):
        if checksum is not None:
            require_whole(data, checksum)
        opened = seals.open(data)
        rows = list(read_rows(opened.data, name=inner_name(name), form=form))
        return _Dropped(name, opened.data, rows, proved=True, opened=opened)
    if seals.registered:
        # Else a signature would protect nothing: whoever could forge a file would leave it away.
        raise feed_error("sealed_needed")
    proved = require_whole(data, checksum)
    return _Dropped(name, data, list(read_rows(data, name=name, form=form)), proved)


async def _take(hub: Hub, actor: Actor, sender: Sender, file: _Dropped) -> Receipt:
    """Take a file by the agreement and its name."""
    feed_type = feed_type_of(file.name)
    declared = declared_of_watched(sender, feed_type, file.name, len(file.rows), hub.clock.now())
    if declared is not None and not file.proved:
        # Cut at a line's end it would look like a shorter whole, and let the rest leave.
        raise whole("snapshot_not_proved")
    if file.opened is not None:
        require_signed_after(file.opened, declared)
    source = file_source(hub, "file", file.data, file.name, declared=declared, mapping=sender.mapping_text)
    return await take_batch(hub, actor, sender, feed_type=feed_type, rows=file.rows, source=source)


def file_source(
    hub: Hub, transport: Transport, data: bytes, name: str, *, declared: Declared | None, mapping: str | None
) -> Source:
    """Return where a file came from: it is known by its content, declaration and mapping, not its name.

    Through another mapping the same bytes say something else, so that a mended one can be tried with them.
    """
    said = (declared.text if declared else "") + (mapping or "")
    digest = keyed_digest(hub, data + said.encode())
    return Source(transport, f"file:{digest.hex()}", digest, name=name[:200], snapshot=declared)


async def _sender_and_seals(hub: Hub, actor: Actor, platform: str) -> tuple[Sender, Seals]:
    async with hub.look(actor, "feeds.take", target=f"sender:{platform}") as look:
        sender = await store.find_sender(look.connection, platform, look.scope)
        seals = await seals_of(look.connection, hub.keys, platform, look.now)
    if sender is None:
        raise Absent
    return sender, seals


def _clear(watched: _Watched, file: _Dropped, receipt: Receipt) -> None:
    """Leave the refused rows, then delete the source: a break between the two takes the file once more."""
    drop = watched.drop
    if receipt.rejected or file.opened:
        with drop.folder(OUT) as out:
            _leave_rejected(out, file, receipt, watched.seals)
            if file.opened:
                out.write(_beside(file.name, _RECEIPT), msgspec.json.encode(receipt.to_json()))
    drop.remove(file.name)
    drop.remove(file.name + CHECKSUM)


def _leave_rejected(out: DropFolder, file: _Dropped, receipt: Receipt, seals: Seals) -> None:
    if not receipt.rejected:
        return
    back = annotate(file.rows, receipt.failures, kind_of(file.data, file.rows), every=False)
    ending = f"{_LEFT}{back.kind}"
    if file.opened:
        out.write(_beside(file.name, ending + ENDING), seals.seal(back.body, file.opened))
    else:
        out.write(_beside(file.name, ending), back.body)


def _forget_old(drop: DropFolder, now: datetime) -> None:
    """Delete what was left for the sender and not fetched within its time.

    What is sealed or says no value may wait for a courier, for as long as the quarantine has the rows.
    """
    if not drop.holds(OUT):
        return
    in_clear = now - timedelta(hours=parameter("intake.annotated_hours").value)
    others = now - timedelta(days=parameter("intake.quarantine").value)
    with drop.folder(OUT) as out:
        for name in out.names():
            waits = name.endswith((ENDING, _RECEIPT))
            changed = out.changed_at(name)
            if not (_LEFT in name or waits) or changed is None:
                continue
            if changed < (others if waits else in_clear).timestamp() * 1e9:
                out.remove(name)


def _is_after_stations(name: str) -> bool:
    return not any(word in name.casefold() for word, kind in _NAMES.items() if kind == "station")


def _is_noted(drop: DropFolder, name: str) -> bool:
    """Say whether this file, as it is now with its checksum, was found unreadable before."""
    if not drop.holds(OUT):
        return False
    with drop.folder(OUT) as out:
        noted = out.changed_at(_beside(name, _NOTE))
    newest = max(drop.changed_at(one) or 0 for one in (name, name + CHECKSUM))
    return noted is not None and noted >= newest


def _leave_note(drop: DropFolder, name: str, error: FeedError | HubError) -> None:
    note = msgspec.json.encode({"code": error.code, "zh": error.zh, "en": error.en})
    with drop.folder(OUT) as out:
        out.write(_beside(name, _NOTE), note)


def _beside(name: str, ending: str) -> str:
    """Return the name of what is left for a file; a long one is cut, or it could not be written."""
    if len(os.fsencode(name + ending)) > _MAX_NAME:
        mark = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
        name = f"{os.fsencode(name)[: _MAX_NAME // 2].decode('utf-8', 'ignore')}~{mark}"
    return name + ending
