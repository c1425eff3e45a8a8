"""What the simulated platform writes as files and how it distorts points."""

import pytest

from connectors.contract import check
from connectors.records import Registration
from connectors.simulator import Faults, csv_document, source_rows, workbook_document
from connectors.sources import load
from connectors.transport.files import read_rows
from tests.connectors.rows import ID_NUMBER, crowdsourced, registration

RECORDS = [
    registration(platform_rider_ref="007", phone="19900000001", id_number=ID_NUMBER, name="=骑手𠮷0001号"),
    crowdsourced(lng=116.397, lat=39.9, frame="wgs84"),
]


@pytest.mark.parametrize("form", ["gb18030", "utf-8-sig", "utf-16", "xlsx"])
def test_a_document_is_read_back_as_it_was_meant(form: str) -> None:
    """A CSV in any encoding and a workbook give the records they were written from."""
    bing = load("bing")
    rows = source_rows(bing, "registration", RECORDS)
    if form == "xlsx":
        data = workbook_document(bing, "registration", rows)
    else:
        data = csv_document(bing, "registration", rows, form)
    read = check(read_rows(data), feed_type="registration", mapping=bing)
    meant = check(enumerate(RECORDS, 1), feed_type="registration")
    assert [c.digest for c in read.records] == [c.digest for c in meant.records]


def test_a_forbidden_column_shows_in_the_document() -> None:
    """A column beyond the manifest is written too, and its mere name refuses every row of the table."""
    bing = load("bing")
    rows = source_rows(bing, "registration", RECORDS, Faults(forbidden_every=2))
    batch = check(read_rows(csv_document(bing, "registration", rows)), feed_type="registration", mapping=bing)
    assert [f.code for f in batch.failures] == ["field_forbidden"] * 2


def test_distortion_moves_every_point() -> None:
    """A wrong frame is ordered by moving the points while the frame told stays."""
    faults = Faults(distort=lambda lng, lat: (round(lng + 0.006, 3), round(lat + 0.001, 3)))
    bing = load("bing")
    rows = source_rows(bing, "registration", RECORDS[1:], faults)
    (checked,) = check(enumerate(rows, 1), feed_type="registration", mapping=bing).records
    assert isinstance(checked.record, Registration)
    area = checked.record.work_area
    assert area
    assert (area.lng, area.lat, area.frame) == (116.403, 39.901, "wgs84")
