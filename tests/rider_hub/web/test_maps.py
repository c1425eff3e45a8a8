"""What a map page is told."""

import json

import pytest
from aiohttp.test_utils import TestClient

from rider_hub.web import Layer, Map, Tiles


@pytest.mark.parametrize("frame", ["", "gcj02", "bd09", "WGS84"])
def test_tiles_without_a_frame_of_the_overlays_are_refused(frame: str) -> None:
    """A frame not stated, or one that would put overlays some 500 m off, is an error at start."""
    with pytest.raises(ValueError, match="stated frame"):
        Tiles("https://tiles.example/{z}/{x}/{y}.png", frame)


@pytest.mark.parametrize(
    "url", ["tiles.example/{z}", "ftp://tiles.example/", "https:///x", "https://a.example; script-src *"]
)
def test_an_address_of_tiles_can_not_widen_the_policy(url: str) -> None:
    """What goes into the policy is one origin."""
    with pytest.raises(ValueError, match="address of tiles"):
        Tiles(url, "wgs84")


def test_layers_and_lists_are_the_hubs_own() -> None:
    """A layer or list elsewhere is refused where it is described."""
    with pytest.raises(ValueError, match="one slash"):
        Layer("x", "别处", "https://elsewhere.example/x.json", "point")
    with pytest.raises(ValueError, match="one slash"):
        Map(layers=[], list_url="//elsewhere.example")


def test_the_script_is_told_what_it_needs() -> None:
    """The data attribute holds layers, start and tiles."""
    tiles = Tiles("https://tiles.example/{z}/{x}/{y}.png", "wgs84", "示例")
    told = json.loads(
        Map([Layer("a", "街道", "/a", "polygon")], "/list", center=(116.4, 39.9), tiles=tiles).settings
    )
    assert told["layers"][0]["url"] == "/a"
    assert told["center"] == [116.4, 39.9]
    assert told["tiles"]["attribution"] == "示例"


async def test_the_same_content_is_there_as_a_list(client: TestClient) -> None:
    """The list is linked beside the map and where scripts are off; the note and the hours are shown."""
    page = await (await client.get("/map")).text()
    assert page.count('href="/riders"') >= 3
    assert "示意边界" in page
    assert 'data-layer="love"' in page
    assert 'type="range"' in page
