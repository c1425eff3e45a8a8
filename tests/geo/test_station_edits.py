"""An index of stations that is edited for long, past all room of its arrays, answers as a new one does."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo import room
from geo.errors import GeoError
from geo.nearest import NearestIndex

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
BOX = (116.3, 39.8), (116.37, 39.87)


def answers_of_a_new_one(
    at: Floats, kept: Flags, points: Floats, asked: tuple[int, float], mask: Flags | None
) -> tuple[list[list[int]], list[list[float]]]:
    """Ask a new index of the stations kept; give their rows among all."""
    left = np.flatnonzero(kept)
    mask = None if mask is None else mask[left]
    rows, metres = NearestIndex.build(*at[left].T).query(*points.T, *asked, mask)
    return np.append(left, -1)[rows].tolist(), metres.tolist()


def place(random: np.random.Generator, at: Floats, beyond: bool) -> Floats:
    """Choose where a station opens: anywhere, at another's place, as near as a tie, or far away."""
    chance = random.random()
    if chance < 0.2:
        return at[random.integers(0, len(at))]
    if chance < 0.3:
        return at[random.integers(0, len(at))] + np.array([0.0, 1e-10])
    if chance < 0.35:
        return random.uniform((100.0, 20.0), (120.0, 50.0))
    if chance < 0.4 and beyond:
        return np.array([116.3, 80.0])
    return random.uniform(*BOX)


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.sampled_from([1, 30, 400]),
    times=st.sampled_from([1, 4]),
    beyond=st.booleans(),
    opens=st.sampled_from([0.3, 0.5, 0.9]),
)
def test_long_edits_equal_a_rebuild(*, seed: int, count: int, times: int, beyond: bool, opens: float) -> None:
    """Many stations come and go; with k, radius and mask, rows and metres stay those of a new index."""
    random = np.random.default_rng(seed)
    at = random.uniform(*BOX, (count, 2)).round(3)
    kept = np.ones(count, dtype=bool)
    index, arrays = NearestIndex.build(*at.T), set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_TIMES", times)
        patch.setattr(room, "_LEAST", 16)
        for nth in range(240):
            if not kept.any() or random.random() < opens:
                here = place(random, at, beyond)
                assert index.add(*here) == len(at)
                at, kept = np.vstack([at, here]), np.append(kept, [True])
            else:
                row = int(random.choice(np.flatnonzero(kept)))
                index.remove(row)
                kept[row] = False
            arrays.add(id(index._state.grid.rows))
            if nth % 20 == 0:
                if random.random() < 0.2:
                    index = pickle.loads(pickle.dumps(index))  # noqa: S301 - made here
                if nth % 3 == 0:
                    index.prepare()
                near = at[-5:], at[random.integers(0, len(at), 5)]
                points = np.vstack([random.uniform(*BOX, (20, 2)), *near])
                for asked in ((1, 1500.0), (4, 900.0), (2, 1e5)):
                    for mask in (None, random.random(len(at)) < 0.6):
                        rows, metres = index.query(*points.T, *asked, mask)
                        anew = answers_of_a_new_one(at, kept, points, asked, mask)
                        assert (rows.tolist(), metres.tolist()) == anew
    assert len(arrays) > 2
    assert len(index) == len(at)


def test_a_station_may_open_far_from_all_others() -> None:
    """Also degrees north of where any stood when the index was built."""
    index = NearestIndex.build([116.4], [39.9])
    assert index.add(116.4, 45.0) == 1
    assert index.query([116.4, 116.4], [45.0, 39.9])[0].tolist() == [[1], [0]]


@pytest.mark.parametrize("prepared", [False, True])
def test_a_point_on_the_other_side_of_the_earth_has_none_near(prepared: bool) -> None:
    """A longitude whose sign is wrong, or that goes round the earth, gets no station and no NaN."""
    index = NearestIndex.build([116.4, 117.0], [39.9, 39.9])
    if prepared:
        index.prepare()
    lng = np.append(np.linspace(-360.0, 360.0, 721), [-116.4, -82.0])
    rows, metres = index.query(lng, np.full(len(lng), 39.9))
    assert lng[rows[:, 0] >= 0].tolist() == [117.0]
    assert np.isinf(metres[rows < 0]).all()


def test_threads_ask_while_stations_come_and_go() -> None:
    """Whoever asks meanwhile finds the stations that stay, with a mask too, and never a place left by one."""
    random = np.random.default_rng(7)
    stay = random.uniform(*BOX, (200, 2))
    index, done = NearestIndex.build(*stay.T), Event()
    points = np.ascontiguousarray(np.repeat(stay + np.array([0.0, 1e-6]), 50, axis=0).T)
    rows = np.repeat(np.arange(200), 50)

    def ask(masked: int) -> bool:
        right = True
        while right and not done.is_set():
            mask = None
            if masked:
                mask = np.zeros(len(index), dtype=bool)
                mask[:200] = True
            try:
                right = np.array_equal(index.query(*points, 1, 1500.0, mask)[0][:, 0], rows)
            except GeoError as fault:
                # A station was added after its length was asked.
                right = fault.code == "mask_shape"
        return right

    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(ask, nth) for nth in range(2)]
        for _ in range(1500):
            # Two tenths of a metre off are farther than the ones that stay.
            row = index.add(*(stay[random.integers(0, 200)] + np.array([0.0, 4e-6])))
            index.remove(row)
        done.set()
        assert all(one.result() for one in asked)
