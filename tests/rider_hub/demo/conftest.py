"""The worlds the demo's tests look at; each is built once a session because it is frozen."""

from datetime import date

import pytest

from rider_hub.demo.world import build_world
from rider_hub.demo.world_model import World

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="session")
def world() -> World:
    """Return the default world: Dongcheng at scale 1."""
    return build_world(today=TODAY)


@pytest.fixture(scope="session")
def small_chaoyang() -> World:
    """Return a small world of another county."""
    return build_world(county="110105", scale=0.1, today=TODAY, seed=7)
