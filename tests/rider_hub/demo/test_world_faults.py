"""Planned bad input is bad in exactly the way it says."""

import numpy as np
import pytest

from connectors.contract import check
from geo import datum
from geo.areas import AreaIndex
from rider_hub.demo.world_model import World

CODES = {
    "unknown_employment": ("employment", "value_not_in_list"),
    "missing_field": ("employment", "field_required"),
    "malformed_phone": ("phone", "phone_invalid"),
    "precise_work_area": ("work_area.lng", "work_area_too_precise"),
    "forbidden_field": ("政治面貌", "field_forbidden"),
}


def test_each_platform_sends_each_fault_once(world: World) -> None:
    """Seven kinds of bad rows, once a platform."""
    kinds = {(fault.platform, fault.kind) for fault in world.faults}
    assert len(kinds) == len(world.faults) == 21


def test_each_bad_row_breaks_one_rule(world: World) -> None:
    """A row to be refused is refused for its own reason alone; the others keep the contract."""
    for fault in world.faults:
        frame = next(feed.frame for feed in world.feeds if feed.platform == fault.platform)
        rows = [(1, fault.record | fault.native_extra)]
        found = {(f.path, f.code) for f in check(rows, feed_type=fault.record_type, frame=frame).failures}
        if fault.expected == "refused":
            assert CODES[fault.kind] in found
            assert len({code for _, code in found}) == 1
        else:
            assert found == set()


def test_bad_rows_collide_with_no_good_one(world: World) -> None:
    """Only the duplicate repeats a good row, word for word; the others have refs and phones of their own."""
    rows = [row for feed in world.feeds for row in feed.registrations]
    refs = {row["platform_rider_ref"] for row in rows}
    phones = {row["phone"] for row in rows if "phone" in row}
    for fault in world.faults:
        if fault.kind == "duplicate":
            assert fault.record in rows
        else:
            assert fault.record["platform_rider_ref"] not in refs
            assert fault.record["phone"] not in phones


def test_an_unknown_station_is_known_to_nobody(world: World) -> None:
    """The waiting row names a station that no feed holds."""
    known = {station.ref for station in world.stations}
    waiting = [fault.record["station_ref"] for fault in world.faults if fault.expected == "waiting"]
    assert len(waiting) == 3
    assert not known & set(waiting)


@pytest.mark.parametrize(("frame", "least", "most"), [("gcj02", 0.0, 0.7), ("bd09", 0.99, 1.0)])
def test_the_wrong_frame_shows_in_the_rows_own_words(
    world: World, frame: str, least: float, most: float
) -> None:
    """Read in the stated frame many rows fall into another street than they name; in the true one, none."""
    (fault,) = world.frame_faults
    assert (fault.platform, fault.stated, fault.actual, len(fault.records)) == ("jia", "gcj02", "bd09", 40)
    assert {row["frame"] for row in fault.records} == {"gcj02"}
    sent = np.array([(row["lng"], row["lat"]) for row in fault.records])
    read = datum.convert(sent[:, 0], sent[:, 1], frame, "wgs84")
    found = AreaIndex.build(world.street_polygons).locate(*read)
    names = [*world.street_polygons["name"], None]
    right = np.mean(
        [names[row] == record["street"] for row, record in zip(found, fault.records, strict=True)]
    )
    assert least <= right <= most


def test_the_wrong_frame_batch_keeps_the_contract(world: World) -> None:
    """Nothing but the coordinates is wrong: the contract accepts each row, and each states its community."""
    (fault,) = world.frame_faults
    assert check(enumerate(fault.records, 1), feed_type="station").failures == ()
    assert all("community_code" in row and "street" in row for row in fault.records)
    assert not {row["station_ref"] for row in fault.records} & {station.ref for station in world.stations}
