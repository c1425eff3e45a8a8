"""The three sources: mapping there and back, samples with exact counts, and manifests that are refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import connectors.sources
from connectors.checker import check_file
from connectors.contract import check
from connectors.errors import FeedError
from connectors.records import RECORD_TYPES, FeedType
from connectors.sources import Manifest, MappingError, load, names
from connectors.sources.registry import parse
from connectors.sources.writing import to_toml
from tests.connectors.rows import ID_NUMBER, crowdsourced, registration

SAMPLES = Path(connectors.sources.__file__).parent
FEEDS = [(name, feed_type) for name in ("jia", "yi", "bing") for feed_type in load(name).feeds]

moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: (
        moment.replace(microsecond=moment.microsecond // 1000 * 1000).isoformat().replace("+00:00", "Z")
    )
)
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=20
)
digits = st.integers(1, 9999).map(lambda n: f"1101010{n:05d}")
BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "community_code": digits,
    "lng": st.integers(70_000, 140_000).map(lambda n: n / 1000),
    "lat": st.integers(15_000, 55_000).map(lambda n: n / 1000),
    "headcount": st.integers(0, 1000),
    "employment": st.sampled_from(["dedicated", "crowdsourced"]),
    "updated_at": moments,
    "effective_at": moments,
    "occurred_at": moments,
}


@st.composite
def standard_rows(draw: st.DrawFn, manifest: Manifest, feed_type: FeedType) -> dict[str, Any]:
    """Draw a standard row of the fields a manifest offers, points whole and with their frame."""
    feed = manifest.feeds[feed_type]
    row: dict[str, Any] = {}
    for path in feed.targets():
        *outer, name = path.split(".")
        part = row.setdefault(outer[0], {}) if outer else row
        own = BY_NAME.get(name, texts)
        part[name] = draw(st.sampled_from(sorted(feed.codes[path].values())) if path in feed.codes else own)
    for part in (row, *row.values()):
        if isinstance(part, dict) and "lng" in part:
            if draw(st.booleans()):
                part["frame"] = manifest.frame
            else:
                del part["lng"], part["lat"]
    return {name: value for name, value in row.items() if value != {}}


@pytest.mark.parametrize(("name", "feed_type"), FEEDS)
@given(data=st.data())
def test_decoding_what_was_encoded_gives_the_row_back(
    name: str, feed_type: FeedType, data: st.DataObject
) -> None:
    """For every source and feed, decode(encode(row)) is the row; times are drawn to the millisecond."""
    manifest = load(name)
    row = data.draw(standard_rows(manifest, feed_type))
    assert manifest.decode_row(feed_type, manifest.encode_row(feed_type, row)) == row


@pytest.mark.parametrize(
    ("sample", "feed_type", "counts"),
    [
        ("jia/samples/registration.json", "registration", (22, 19, {"gengxin_shijian": 2, "政治面貌": 1})),
        ("jia/samples/station.json", "station", (5, 5, {})),
        ("yi/samples/registration.json", "registration", (22, 19, {"modifiedAt": 2, "政治面貌": 1})),
        ("yi/samples/station.json", "station", (5, 5, {})),
        ("bing/samples/registration.gb18030.csv", "registration", (22, 20, {"更新时间": 2})),
        ("bing/samples/station.xlsx", "station", (5, 5, {})),
    ],
)
def test_a_sample_payload_gives_exact_counts(
    sample: str, feed_type: FeedType, counts: tuple[int, int, Any]
) -> None:
    """Each saved payload gives its exact numbers of records and rejects, faults at the sender's columns."""
    report = check_file(SAMPLES / sample, feed_type, mapping=load(sample.partition("/")[0]))
    paths: dict[str, int] = {}
    for failure in report.failures:
        paths[failure.path] = paths.get(failure.path, 0) + 1
    assert (report.total, report.accepted, paths) == counts


def test_the_three_sources_say_the_same_in_one_form() -> None:
    """One registration said by three platforms in their own words gives one content but for the frame."""
    row = crowdsourced(community_code="110101001001") | {"name": "骑手甲0001号", "phone": "19900000001"}
    digests = set()
    for name in ("jia", "yi", "bing"):
        manifest = load(name)
        batch = check(
            [(1, manifest.encode_row("registration", row))], feed_type="registration", mapping=manifest
        )
        digests.add(batch.records[0].digest)
    assert len(digests) == 1


def test_a_fault_names_the_column_the_sender_wrote() -> None:
    """With a manifest the path is the source's column; where none fills the field it is the field's name."""
    manifest = load("yi")
    row = manifest.encode_row("registration", crowdsourced(lng=116.4, lat=39.9, frame="bd09"))
    row |= {
        "workMode": 9,
        "modifiedAt": "x",
        "mobile": "1",
        "shoeSize": 42,
        "workArea": {"centerPoint": "39.9"},
    }
    found = {(f.path, f.code) for f in check([(1, row)], feed_type="registration", mapping=manifest).failures}
    assert found == {
        ("workMode", "code_unmapped"),
        ("modifiedAt", "timestamp_invalid"),
        ("mobile", "phone_invalid"),
        ("shoeSize", "field_unknown"),
        ("workArea.centerPoint", "point_unreadable"),
    }


def test_missing_fields_and_decimals_are_found_through_a_mapping() -> None:
    """Rules across fields hold behind a mapping too, and count decimals on the source text."""
    manifest = load("bing")
    row = manifest.encode_row("registration", registration())
    row |= {"配送方式": "众包", "站点编号": "", "片区经度": "116.39700000000000000001", "片区纬度": "39.9"}
    failures = check([(1, row)], feed_type="registration", mapping=manifest).failures
    assert [(f.path, f.code) for f in failures] == [("片区经度", "work_area_too_precise")]
    del row["片区经度"], row["片区纬度"]
    failures = check([(1, row)], feed_type="registration", mapping=manifest).failures
    assert [f.code for f in failures] == ["work_area_required"]


def test_identity_numbers_leave_quarantine_under_any_column_name() -> None:
    """A mapped identity number column is dropped from a refused row, well formed or not."""
    manifest = load("bing")
    for number in (ID_NUMBER, "12345"):
        row = manifest.encode_row("registration", registration()) | {"公民身份号码": number, "配送方式": "x"}
        (reject,) = check([(1, row)], feed_type="registration", mapping=manifest).rejects
        assert reject.payload is not None
        assert "公民身份号码" not in msgspec.json.decode(reject.payload)


def test_forbidden_names_are_seen_before_mapping() -> None:
    """A forbidden source column refuses the row even in discard mode, and its id is still told."""
    manifest = msgspec.convert(msgspec.to_builtins(load("bing")) | {"unknown": "discard"}, Manifest)
    row = manifest.encode_row("registration", registration()) | {"党员": ""}
    (reject,) = check([(1, row)], feed_type="registration", mapping=manifest).rejects
    assert (reject.record_id, reject.payload, reject.failures[0].path) == ("R-0001", None, "党员")


def test_what_a_platform_cannot_say_is_an_error() -> None:
    """Encoding a field without a column, or a frame that is not the platform's, is refused and not lost."""
    with pytest.raises(MappingError):
        load("jia").encode_row("registration", registration(id_number=ID_NUMBER))
    with pytest.raises(MappingError):
        load("yi").encode_row("registration", crowdsourced(lng=116.4, lat=39.9, frame="wgs84"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize(("name", "feed_type"), FEEDS)
@given(data=st.data())
def test_any_values_in_the_columns_are_a_record_or_a_reject(
    name: str, feed_type: FeedType, data: st.DataObject
) -> None:
    """Whatever stands in a platform's columns, a row is one record or one reject."""
    manifest = load(name)
    feed = manifest.feeds[feed_type]
    columns = [*feed.columns, *(p.column for p in feed.points), *(c.partition(".")[0] for c in feed.columns)]
    row = data.draw(st.dictionaries(st.sampled_from(columns) | st.text(), json_values))
    assert check([(1, row)], feed_type=feed_type, mapping=manifest).total == 1


def test_the_sources_are_known_by_name() -> None:
    """Three sources are there; an unknown name, also one that is a path, is refused."""
    assert names() == ("bing", "jia", "yi")
    assert {load(name).name_zh for name in names()} == {"甲外卖", "乙速送", "丙闪达"}
    for name in ("ding", "../jia", ""):
        with pytest.raises(FeedError, match="source_unknown"):
            load(name)
    with pytest.raises(FeedError, match="feed_not_offered"):
        load("bing").feed("request")
    assert set(RECORD_TYPES) == set(load("jia").feeds)


MANIFEST = """
platform = "x"
name_zh = "示例"
transport = "push"
auth = "none"
frame = "wgs84"
tier = "A"
[feeds.registration.columns]
"""


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ("id = 'no_such_field'", "no such standard field"),
        ("a = 'op'\nb = 'op'", "two columns"),
        ("zzmm = 'op'", "forbidden name"),
        ("name = 'name'", "tier B"),
        ("a = 1", "Expected"),
        ("[", ""),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_reason(columns: str, reason: str) -> None:
    """A manifest that names what is not there, twice, forbidden or above its tier is refused."""
    with pytest.raises(FeedError, match="manifest_invalid") as caught:
        parse(MANIFEST + columns)
    assert reason in caught.value.en


FILE = """
platform = "someone"
name_zh = "某平台"
transport = "files"
auth = "none"
frame = "wgs84"
{whole}
[feeds.registration]
{feed}
[feeds.registration.columns]
a = "record_id"
b = "updated_at"
[feeds.registration.file]
header = [{header}]
"""


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"header": "'a', 'c'"}, "a column that is not among"),
        ({"header": "'a', 'b', 'a'"}, "not different"),
        ({"header": "'a', 'b', 'zzmm'"}, "forbidden name"),
        ({"feed": "ignore = ['zzmm']"}, "forbidden name"),
        ({"feed": "ignore = ['a']"}, "both mapped"),
        ({"feed": "codes = {employment = {'中共党员' = 'dedicated'}}"}, "forbidden name"),
        ({"feed": "constants = {record_id = '1'}"}, "a column and a constant"),
        ({"whole": "zone = 'Asia/Nowhere'"}, "no such zone"),
        ({"whole": "zone = 'Asia'"}, "no such zone"),
        ({"whole": "every_hours = {registration = nan}"}, "every_hours"),
        ({"whole": "every_hours = {registration = inf}"}, "every_hours"),
        ({"whole": "every_hours = {registration = 1e12}"}, "every_hours"),
        ({"whole": "pull = {overlap_s = 100000000000000000}"}, "out of range"),
        ({"whole": "pull = {limit = " + "9" * 6000 + "}"}, "limit"),
        ({"whole": "other = " + "[" * 9000}, "nested too deeply"),
        ({"whole": ".".join("a" * 20_000) + " = 1"}, "dots"),
        ({"header": str([str(n) for n in range(301)])[1:-1]}, "columns"),
        ({"feed": f"ignore = {[str(n) for n in range(299)]}"}, "columns"),
        ({"feed": f"nulls = {[str(n) for n in range(51)]}"}, "texts for no value"),
        ({"whole": "pull = {paths = {station = '@elsewhere'}}"}, "a path of pull"),
    ],
)
def test_a_wrong_form_of_files_is_refused_with_its_reason(given: dict[str, str], reason: str) -> None:
    """Names that do not fit or are forbidden, wherever they stand; what would cost time with every row."""
    right = {"header": "'a', 'b', 'c'", "feed": "", "whole": ""}
    parse(FILE.format(**right))
    with pytest.raises(FeedError, match="manifest_invalid") as caught:
        parse(FILE.format(**right | given))
    assert reason in caught.value.en


def test_several_codes_may_stand_for_one_value_and_texts_for_none() -> None:
    """A platform has more states than the standard; its words for no value count as blank."""
    feed = """nulls = ["NULL"]
columns = {id = "record_id", st = "op", no = "station_ref", t = "updated_at"}
codes = {op = {0 = "leave", 9 = "leave"}}
forms = {updated_at = "local_time"}
"""
    head = FILE.format(header="", feed=feed, whole="").split("[feeds.registration.columns]")[0]
    rows = [{"id": "1", "st": code, "no": "NULL", "t": "2026/1/5 8:03"} for code in ("0", "9")]
    read = [parse(head).decode_row("registration", row) for row in rows]
    assert read == [{"record_id": "1", "op": "leave", "updated_at": "2026-01-05T00:03:00Z"}] * 2


@pytest.mark.parametrize("name", names())
def test_a_manifest_is_written_as_it_was_read(name: str) -> None:
    """What is saved in the database and downloaded is the same manifest."""
    made = load(name)
    assert msgspec.to_builtins(parse(to_toml(made))) == msgspec.to_builtins(made)


def test_the_example_of_the_documentation_is_a_manifest() -> None:
    """docs/mapping.zh-CN.md shows what can be brought in."""
    text = (Path(__file__).parents[3] / "docs" / "mapping.zh-CN.md").read_text(encoding="utf-8")
    assert parse(text.split("```toml\n")[1].split("```")[0]).snapshots == ("registration",)
