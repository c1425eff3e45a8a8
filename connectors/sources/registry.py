"""Finds, reads and proves the manifests of the platforms; mapping itself is in manifest."""

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from connectors.fields import field_rules
from connectors.forbidden import forbidden_group
from connectors.problems import feed_error
from connectors.records import RECORD_TYPES, TIER_B_FIELDS, FeedType, Tier
from connectors.sources.manifest import FeedMapping, Manifest

_FILE = "manifest.toml"


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
    try:
        manifest = msgspec.convert(tomllib.loads(text), Manifest)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise feed_error("manifest_invalid", reason=str(error)) from error
    for feed_type, feed in manifest.feeds.items():
        reason = _fault(feed, standard_paths(feed_type), feed_type, tier=manifest.tier)
        if reason:
            raise feed_error("manifest_invalid", reason=f"{feed_type}: {reason}")
    return manifest


def standard_paths(feed_type: FeedType) -> set[str]:
    """List the paths of all fields of a feed type, nested ones dotted."""
    paths = set()
    for name, rule in field_rules(RECORD_TYPES[feed_type]).items():
        paths |= {f"{name}.{inner}" for inner in field_rules(rule.struct)} if rule.struct else {name}
    return paths


def _fault(feed: FeedMapping, paths: set[str], feed_type: FeedType, *, tier: Tier) -> str | None:
    targets = feed.targets()
    unknown = (set(targets) | set(feed.codes) | set(feed.forms) | set(feed.constants)) - paths
    sent = (*feed.columns, *(point.column for point in feed.points))
    forbidden = [name for name in sent if any(map(forbidden_group, (name, *name.split("."))))]
    if unknown:
        return f"no such standard field: {sorted(unknown)}"
    if len(set(targets)) != len(targets):
        return "two columns for one standard field"
    if forbidden:
        return f"a forbidden name: {forbidden}"
    if any(len(set(table.values())) != len(table) for table in feed.codes.values()):
        return "a code table gives one value twice"
    if tier == "A" and feed_type == "registration" and set(targets) & set(TIER_B_FIELDS):
        return "fields of tier B under an agreement of tier A"
    return None
