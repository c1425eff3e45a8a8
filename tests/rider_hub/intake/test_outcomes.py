"""Outcomes come out of their packing as they went in, whole or in parts."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.batch import Checked
from connectors.contract import check_rows
from rider_hub.intake.outcomes import Outcomes
from tests.connectors.test_contract import keys, values
from tests.rider_hub.intake.build import rider, station
from tests.rider_hub.riders.build import id_number, tombstone

REGISTRATIONS: list[dict[str, Any]] = [
    rider(1),
    rider(2, phone="+86 199-0000-0001 转 12", name="　骑手　乙 "),
    rider(3, phone="+81312345678", id_number=id_number(3)),
    rider(4, id_hash="ab" * 32, name="a" * 100),
    rider(5, work_area={"lng": 116, "lat": 39.9, "frame": "gcj02", "street": "第一街道"}),
    rider(6, updated_at="2026-10-01T09:00:00.123456+05:30", effective_at="1999-12-31T23:59:59Z"),
    rider(7, employment="dedicated", station_ref="S-1", work_area=None),
    tombstone("D00008"),
    rider(9, phone="坏的"),
    rider(10, 政治面貌="x"),
    rider(11, work_area={"lng": 116.41234, "lat": 39.9, "frame": "wgs84"}),
    {"record_id": "\x00 'quoted' \u2028", "platform_rider_ref": "甲" * 30},
]
STATIONS: list[dict[str, Any]] = [
    station(1, headcount=12, active_from="2026-01-01", active_to="2026-12-31"),
    {"station_ref": "S-2", "op": "retract"},
    station(3, headcount="many"),
    station(4, lng=116, lat=40, updated_at=None) | {"address": "一号"},
]


@pytest.mark.parametrize(("feed_type", "rows"), [("registration", REGISTRATIONS), ("station", STATIONS)])
def test_what_is_packed_comes_out_the_same(feed_type: Any, rows: list[dict[str, Any]]) -> None:
    """Records of every field, corrected ones, refused ones with and without what is kept of them."""
    outcomes = list(check_rows(enumerate(rows, 1), feed_type=feed_type))
    good = [one for one in outcomes if isinstance(one, Checked)]
    assert 1 < len(good) < len(outcomes)
    packed = Outcomes(feed_type)
    packed.add(outcomes[:2])
    packed.add(outcomes[2:])
    assert list(packed) == outcomes
    assert len(packed) == len(outcomes)
    assert packed.rejected == len(list(packed.refused())) == len(outcomes) - len(good)


@settings(max_examples=200)
@given(blocks=st.lists(st.integers(1, 5), max_size=6), size=st.integers(1, 7), after=st.integers(0, 20))
def test_parts_together_are_what_is_left(blocks: list[int], size: int, after: int) -> None:
    """However rows were packed and wherever a retry begins: no row is left out or comes twice."""
    rows = [
        rider(number, phone="坏的") if number % 3 == 0 else rider(number) for number in range(sum(blocks))
    ]
    outcomes = list(check_rows(enumerate(rows, 1), feed_type="registration"))
    packed, at = Outcomes("registration"), 0
    for block in blocks:
        packed.add(outcomes[at : at + block])
        at += block
    parts = list(packed.parts(size, after=after))
    assert [one for part, _ in parts for one in part] == outcomes[after:]
    assert [last for _, last in parts] == [False] * (len(parts) - 1) + [True]
    assert all(len(part) == size for part, _ in parts[:-1])
    assert len(parts[-1][0]) <= size


@settings(max_examples=300)
@given(row=st.sampled_from(REGISTRATIONS[:6]), key=keys, value=values, tier=st.sampled_from(["A", "B"]))
def test_whatever_the_contract_lets_pass_can_be_packed(
    row: dict[str, Any], key: Any, value: Any, tier: Any
) -> None:
    """One strange value in a good row: record or reject, it comes out the same."""
    given_row = row | {key: value}
    outcomes = list(check_rows([(1, given_row)], feed_type="registration", tier=tier, unknown="discard"))
    packed = Outcomes("registration")
    packed.add(outcomes)
    assert list(packed) == outcomes
