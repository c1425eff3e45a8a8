"""A dry run: a sample is checked through a mapping that is not saved; what it would make is shown masked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from connectors.batch import Checked, Reject
from connectors.problems import feed_error
from connectors.records import FeedType
from connectors.sources import Manifest
from connectors.sources.writing import to_toml
from connectors.transport.files import FileRow
from rider_hub.access import Actor, Hub
from rider_hub.clock import SHANGHAI
from rider_hub.intake.checking import check_batch
from rider_hub.intake.mapping_drafts import choices_of_field, title_of
from rider_hub.intake.mending import TITLES
from rider_hub.intake.model import Sender, Verdict
from rider_hub.riders.display import mask_name, mask_phone, mask_text

__all__ = ["Trial", "try_out"]

_SHOWN: Final = 20
_FAULTS: Final = 60
#: One and the same in every row, and said above.
_FRAMES: Final = frozenset({"frame", "work_area.frame", "place.frame"})
_NUMBERS: Final = frozenset({"id_number", "id_hash"})


_WORDS: Final = frozenset({"op", "employment"})
_TIMES: Final = frozenset({"effective_at", "updated_at", "occurred_at"})


@dataclass(frozen=True)
class TriedRow:
    """One row as it would be taken in, masked; or the words of why it would not be."""

    number: int
    cells: Mapping[str, str]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """What a sample would make: counts, the first rows, each fault of a column with its number of rows."""

    total: int
    rejected: int
    repeated: int
    frame: Verdict | None
    fields: list[tuple[str, str]]
    rows: list[TriedRow]
    #: (column as the platform calls it, words, rows)
    faults: list[tuple[str, str, int]]


async def try_out(
    hub: Hub, actor: Actor, sender: Sender, *, manifest: Manifest, feed_type: FeedType, rows: list[FileRow]
) -> Trial:
    """Check rows through a mapping as a batch would be, and store nothing but a row of the trail."""
    if not rows:
        raise feed_error("rows_missing")
    read_by = replace(sender, mapping_text=to_toml(manifest))
    async with hub.look(actor, "mappings.view", target=f"sender:{sender.platform}") as look:
        batch = await check_batch(look.connection, read_by, feed_type, rows, look.now, keys=hub.keys)
        look.count(rows=len(rows))
    shown = []
    for one in batch.outcomes:
        shown.append(_tried(one, feed_type))
        if len(shown) == _SHOWN:
            break
    met = {name for row in shown for name in row.cells}
    return Trial(
        total=len(rows),
        rejected=batch.rejected,
        repeated=len(batch.duplicates),
        frame=batch.judgement.verdict,
        fields=[(path, title_of(path, feed_type)) for path in TITLES if path in met and path not in _FRAMES],
        rows=shown,
        faults=_by_column(batch.outcomes.refused()),
    )


def _tried(one: Checked | Reject, feed_type: FeedType) -> TriedRow:
    if isinstance(one, Reject):
        return TriedRow(one.row, {}, tuple(f"{f.path or '整行'}：{f.zh}" for f in one.failures))
    flat = dict(_flat(msgspec.to_builtins(one.record), ""))
    return TriedRow(one.row, {path: _masked(path, value, feed_type) for path, value in flat.items()}, ())


def _flat(values: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _masked(path: str, value: Any, feed_type: FeedType) -> str:
    if path == "phone":
        return mask_phone(str(value)) or ""
    if path == "name" and feed_type == "registration":
        return mask_name(str(value)) or ""
    if path in _NUMBERS:
        return f"{str(value)[:3]}***"
    if path in _WORDS:
        return dict(choices_of_field(path, feed_type)).get(value, str(value))
    if path in _TIMES:
        return f"{datetime.fromisoformat(value).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    return mask_text(str(value)) if path == "text" else str(value)


def _by_column(refused: Iterable[Reject]) -> list[tuple[str, str, int]]:
    counted = Counter((one.path or "整行", one.zh) for reject in refused for one in reject.failures)
    return [(path, zh, rows) for (path, zh), rows in counted.most_common(_FAULTS)]
