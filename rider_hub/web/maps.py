"""What a map page shows: layers by address, tiles with a stated frame; drawing is static/map.js."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from rider_hub.web.values import own_path

__all__ = ["Layer", "Map", "Tiles"]

_FRAMES = ("wgs84", "cgcs2000")

Colour = Literal["red", "blue", "green", "amber", "indigo", "grey", "teal"]


@dataclass(frozen=True)
class Layer:
    """One layer: a route that answers GeoJSON in wgs84, filtered by the viewer's scope.

    A feature's properties: `name`, `label` (a shorter name for the map, optional) and `url` (what a click
    loads into the panel; a page that extends "drawer.html"). An `hourly` layer is asked again with
    `hour=0..23` when the slider moves.
    """

    key: str
    title: str
    url: str
    kind: Literal["polygon", "point", "cluster"]
    colour: Colour = "grey"
    icon: str = "dot"
    visible: bool = True
    labelled: bool = True
    hourly: bool = False

    def __post_init__(self) -> None:
        own_path(self.url)


@dataclass(frozen=True)
class Tiles:
    """A source of base map tiles; its frame must be stated.

    Overlays are wgs84, so frames that shift coordinates (gcj02, bd09) would put every point some 500 m off
    and are refused.
    """

    url: str
    frame: str
    attribution: str = ""

    def __post_init__(self) -> None:
        if self.frame not in _FRAMES:
            raise ValueError(f"tiles need a stated frame, one of {', '.join(_FRAMES)}")
        parts = urlsplit(self.url)
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or any(s in self.url for s in " ;,'\"")
        ):
            raise ValueError("the address of tiles is https://host/…{z}/{x}/{y}…")

    @property
    def origin(self) -> str:
        """Return the scheme and host that the content security policy must let images come from."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Map:
    """A map and, beside it, the address of the same content as a list."""

    layers: Sequence[Layer]
    list_url: str
    #: Longitude and latitude to start from; None fits the view to what the first layers hold.
    center: tuple[float, float] | None = None
    zoom: float = 12.0
    #: Said under the map, for example that its community boundaries are schematic (示意边界).
    note: str = ""
    #: Show a slider for the hour of the day; hourly layers follow it.
    hours: bool = False
    tiles: Tiles | None = None
    panel_hint: str = "在图上点选一处，这里显示它的情况。"

    def __post_init__(self) -> None:
        own_path(self.list_url)

    @property
    def settings(self) -> str:
        """Return what map.js needs, as JSON for a data attribute."""
        tiles = {"url": self.tiles.url, "attribution": self.tiles.attribution} if self.tiles else None
        layers = [
            {
                "key": layer.key,
                "title": layer.title,
                "url": layer.url,
                "kind": layer.kind,
                "colour": layer.colour,
                "visible": layer.visible,
                "labelled": layer.labelled,
                "hourly": layer.hourly,
            }
            for layer in self.layers
        ]
        shown = {"layers": layers, "center": self.center, "zoom": self.zoom, "tiles": tiles}
        return msgspec.json.encode(shown).decode()
