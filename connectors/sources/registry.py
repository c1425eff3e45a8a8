"""Finds, reads and proves the manifests of the platforms; mapping itself is in manifest."""

import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from connectors.fields import field_rules
from connectors.forbidden import forbidden_group
from connectors.problems import feed_error, printable
from connectors.records import RECORD_TYPES, TIER_B_FIELDS, FeedType, Tier
from connectors.sources.manifest import FeedMapping, Manifest

_FILE = "manifest.toml"
#: What a manifest that somebody brings may cost to read: keys nested by dots take their square.
_MOST_DOTS: Final = 2_000
#: Each cell of each row is compared with all of them.
_MOST_NULLS: Final = 50
_LONGEST_NULL: Final = 100
#: The page that mends a mapping shows each column and each code with a list of choices.
_MOST_COLUMNS: Final = 300
_MOST_CODES: Final = 200
_MOST_HOURS: Final = 24 * 366
_MOST_ROWS_A_PAGE: Final = 100_000


def names() -> tuple[str, ...]:
    """List the platforms that have a manifest."""
    here = Path(__file__).parent
    return tuple(sorted(path.parent.name for path in here.glob(f"*/{_FILE}")))


@cache
def load(name: str) -> Manifest:
    """Read a platform's manifest; raises FeedError `source_unknown` or `manifest_invalid`."""
    if name not in names():
        raise feed_error("source_unknown", status=404)
    text = (Path(__file__).parent / name / _FILE).read_text(encoding="utf-8")
    manifest = parse(text)
    if manifest.platform != name:
        raise feed_error("manifest_invalid", reason="platform is not the folder's name")
    return manifest


def parse(text: str) -> Manifest:
    """Read a manifest from TOML and prove that each name in it exists and may be sent."""
    if text.count(".") > _MOST_DOTS:
        raise feed_error("manifest_invalid", reason=f"more than {_MOST_DOTS} dots")
    try:
        manifest = msgspec.convert(tomllib.loads(text), Manifest)
    except RecursionError as error:
        raise feed_error("manifest_invalid", reason="nested too deeply") from error
    except ValueError as error:  # no TOML, no manifest, or a number of thousands of digits
        raise feed_error("manifest_invalid", reason=str(error)) from error
    reason = _fault_of_whole(manifest)
    if reason:
        raise feed_error("manifest_invalid", reason=reason)
    for feed_type, feed in manifest.feeds.items():
        reason = _fault_of_size(feed) or _fault(
            feed, standard_paths(feed_type), feed_type, tier=manifest.tier
        )
        if reason:
            raise feed_error("manifest_invalid", reason=f"{feed_type}: {reason}")
    return manifest


@lru_cache(maxsize=64)
def parse_once(text: str) -> Manifest:
    """Read a manifest as `parse` does, and keep it: a sender's batches are read through the same one."""
    return parse(text)


def standard_paths(feed_type: FeedType) -> set[str]:
    """List the paths of all fields of a feed type, nested ones dotted."""
    paths = set()
    for name, rule in field_rules(RECORD_TYPES[feed_type]).items():
        paths |= {f"{name}.{inner}" for inner in field_rules(rule.struct)} if rule.struct else {name}
    return paths


def is_forbidden_column(name: str) -> bool:
    """Tell whether a column's name, or a part of a dotted one, is of a forbidden kind."""
    return any(map(forbidden_group, (name, *name.split("."))))


def _fault_of_whole(manifest: Manifest) -> str | None:
    try:
        ZoneInfo(manifest.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # "Asia" is a folder
        return "no such zone"
    if not all(path.startswith("/") for path in manifest.pull.paths.values()):
        # Put behind the platform's address: what does not begin with a slash could name another host.
        return "a path of pull does not begin with /"
    if (
        not 0 < manifest.pull.limit <= _MOST_ROWS_A_PAGE
        or not 0 <= manifest.pull.overlap_s <= _MOST_HOURS * 3600
    ):
        return "limit or overlap_s of pull is out of range"
    # TOML has inf and nan, too: with them no page could say whether a feed is late.
    if not all(0 < hours <= _MOST_HOURS for hours in manifest.every_hours.values()):
        return f"every_hours is not between 0 and {_MOST_HOURS}"
    return None


def _fault_of_size(feed: FeedMapping) -> str | None:
    known = len(feed.columns) + len(feed.points) + len(feed.ignore)
    if max(known, len(feed.file.header)) > _MOST_COLUMNS:
        return f"more than {_MOST_COLUMNS} columns"
    if any(len(table) > _MOST_CODES for table in feed.codes.values()):
        return f"more than {_MOST_CODES} codes of one field"
    if len(feed.nulls) > _MOST_NULLS or any(len(text) > _LONGEST_NULL for text in feed.nulls):
        return f"more than {_MOST_NULLS} texts for no value, or one of more than {_LONGEST_NULL} signs"
    return None


def _fault(feed: FeedMapping, paths: set[str], feed_type: FeedType, *, tier: Tier) -> str | None:
    targets = [*feed.targets(), *feed.constants]
    unknown = (set(targets) | set(feed.codes) | set(feed.forms)) - paths
    sent = (*feed.columns, *(point.column for point in feed.points))
    # A code of political status says what its column is, whatever the column is called.
    codes = (code for table in feed.codes.values() for code in table)
    named = (*sent, *feed.ignore, *feed.file.header, *codes)
    forbidden = [name for name in named if is_forbidden_column(name)]
    if unknown:
        return f"no such standard field: {sorted(unknown)}"
    if len(set(targets)) != len(targets):
        return "two columns, or a column and a constant, for one standard field"
    if forbidden:
        return f"a forbidden name: {[printable(name) for name in forbidden]}"
    if tier == "A" and feed_type == "registration" and set(targets) & set(TIER_B_FIELDS):
        return "fields of tier B under an agreement of tier A"
    return _fault_of_columns(feed, sent)


def _fault_of_columns(feed: FeedMapping, sent: tuple[str, ...]) -> str | None:
    header = feed.file.header
    if set(sent) & set(feed.ignore):
        return "a column both mapped and ignored"
    if not all(name.strip() for name in header) or len(set(header)) != len(header):
        return "names of columns that are empty or not different"
    strange = set(sent) | set(feed.ignore)
    if header and strange - set(header):
        return "a column that is not among the file's names"
    return None
