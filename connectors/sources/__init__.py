"""One folder a platform: its manifest says how its feeds map to the standard; code only where it can't."""

from connectors.sources.manifest import FeedMapping, Manifest, MappingError, Pull
from connectors.sources.registry import load, names, parse, parse_once

__all__ = ["FeedMapping", "Manifest", "MappingError", "Pull", "load", "names", "parse", "parse_once"]
