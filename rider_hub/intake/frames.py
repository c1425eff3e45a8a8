"""Whether a batch's points fit the streets its rows state; a suspect batch is held, never guessed right."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from connectors.batch import Checked
from connectors.records import Registration, Station, WorkArea
from geo.frames import FrameEvidence, frame_evidence
from rider_hub.divisions.areas import AreaSet
from rider_hub.intake.model import Verdict
from rider_hub.parameters import parameter

__all__ = ["Judgement", "Points", "framed_as", "worse_than_another"]

_STREET_DIGITS = 9


@dataclass(frozen=True)
class Judgement:
    """The verdict on a batch and what it stands on; no verdict where no row has a point."""

    verdict: Verdict | None
    #: {frame stated: {"rows", "agreeing": {reading: rows}, "suggested"}}
    evidence: dict[str, Any]


class _Point(NamedTuple):
    row: int
    lng: float
    lat: float
    frame: str
    street: str | None


class Points:
    """The points of a batch, gathered while its rows pass, to be held against the polygons of streets."""

    def __init__(self, streets: AreaSet | None) -> None:
        self._streets = streets
        self._codes = _codes_by_name(streets)
        self._points: list[_Point] = []

    def see(self, checked: Iterable[Checked]) -> None:
        """Note the points of rows."""
        self._points += [point for one in checked if (point := _point(one, self._codes)) is not None]

    def judged(self, without: Collection[int]) -> Judgement:
        """Test the points, but for those of some rows, against the streets (or communities) their rows state.

        With fewer than 30 such rows in a frame, or without street polygons, that frame stays unverified.
        """
        groups: dict[str, list[_Point]] = defaultdict(list)
        for point in self._points:
            if point.row not in without:
                groups["wgs84" if point.frame == "cgcs2000" else point.frame].append(point)
        return _judgement(groups, self._streets)


def _judgement(groups: Mapping[str, Sequence[_Point]], streets: AreaSet | None) -> Judgement:
    if not groups:
        return Judgement(None, {})
    verdicts: set[Verdict] = set()
    evidence: dict[str, Any] = {}
    for frame, points in sorted(groups.items()):
        found = _evidence(points, streets)
        verdicts.add(_verdict(frame, found))
        if found is not None:
            evidence[frame] = {
                "rows": found.rows,
                "agreeing": dict(found.agreeing),
                "suggested": found.suggested,
            }
    for verdict in (Verdict.SUSPECT, Verdict.OK):
        if verdict in verdicts:
            return Judgement(verdict, evidence)
    return Judgement(Verdict.UNVERIFIED, evidence)


def worse_than_another(frame: str, evidence: dict[str, Any]) -> bool:
    """Say whether the evidence of a held batch speaks clearly for another reading than this frame."""
    reading = "wgs84" if frame == "cgcs2000" else frame
    lead = parameter("intake.frame_lead").value
    return any(
        max(found["agreeing"].values()) - found["agreeing"][reading] >= lead * found["rows"]
        for found in evidence.values()
        if found["rows"]
    )


def framed_as(record: Station | Registration, reading: str) -> Station | Registration:
    """Return a record whose point is read in another way: in a frame, or with swapped axes too."""
    frame = reading.removesuffix("_swapped")
    part: Any = record if isinstance(record, Station) else record.work_area
    if part is None or part.lng is None:
        return record
    lng, lat = (part.lat, part.lng) if frame != reading else (part.lng, part.lat)
    changed = msgspec.structs.replace(part, lng=lng, lat=lat, frame=frame)
    return changed if isinstance(record, Station) else msgspec.structs.replace(record, work_area=changed)


def _verdict(frame: str, found: FrameEvidence | None) -> Verdict:
    if found is None or found.rows < parameter("intake.frame_rows").value:
        return Verdict.UNVERIFIED
    share = found.share(frame)
    best = found.share(found.suggested) if found.suggested else 0.0
    if best - share >= parameter("intake.frame_lead").value or share < parameter("intake.frame_least").value:
        return Verdict.SUSPECT
    return Verdict.OK


def _evidence(points: Sequence[_Point], streets: AreaSet | None) -> FrameEvidence | None:
    if streets is None:
        return None
    return frame_evidence(
        [point.lng for point in points],
        [point.lat for point in points],
        [point.street for point in points],
        streets.index,
    )


def _point(checked: Checked, codes: dict[str, str]) -> _Point | None:
    record = checked.record
    part: Station | WorkArea | None = record if isinstance(record, Station) else None
    if isinstance(record, Registration):
        part = record.work_area
    if part is None or part.lng is None or part.lat is None:
        return None
    street = part.community_code[:_STREET_DIGITS] if part.community_code else codes.get(part.street or "")
    return _Point(checked.row, part.lng, part.lat, str(part.frame), street)


def _codes_by_name(streets: AreaSet | None) -> dict[str, str]:
    """Return street codes by name; a name that two streets share says nothing."""
    if streets is None:
        return {}
    found: dict[str, list[str]] = defaultdict(list)
    for code, name in zip(streets.frame["code"], streets.frame["name"], strict=True):
        found[str(name)].append(str(code))
    return {name: codes[0] for name, codes in found.items() if len(codes) == 1}
