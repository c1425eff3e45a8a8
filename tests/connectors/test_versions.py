"""Which versions of the standard are taken in, and what a sender is told of their end."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from connectors import versions as module
from connectors.errors import FeedError
from connectors.records import RFS_VERSION
from connectors.versions import Version, Versions, spoken, version_headers, versions

TODAY = date(2026, 12, 1)


def test_the_records_are_a_version_of_the_list() -> None:
    """What the records say they are is published, and every end was announced long enough before."""
    assert RFS_VERSION in {one.name for one in versions().version}
    for one in versions().version:
        assert (one.announced is None) == (one.supported_until is None)
        if one.announced and one.supported_until:
            assert one.supported_until - one.announced >= timedelta(days=30 * versions().notice_months)


@pytest.mark.parametrize("stated", [None, "1.0", "1.7", "1.999"])
def test_every_minor_version_of_a_known_major_one_is_taken(stated: str | None) -> None:
    """A sender that speaks a later minor version is heard in the one the hub knows."""
    assert spoken(stated, TODAY).name == "1.0"


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ("2.0", "rfs_version_unsupported"),
        ("999.0", "rfs_version_unsupported"),
        ("0.9", "rfs_version_invalid"),
        ("1", "rfs_version_invalid"),
        ("one", "rfs_version_invalid"),
        ("", "rfs_version_invalid"),
        ("1.0.0", "rfs_version_invalid"),
    ],
)
def test_an_unknown_major_version_is_refused_in_words(stated: str, code: str) -> None:
    """The refusal names what is supported instead."""
    with pytest.raises(FeedError) as refused:
        spoken(stated, TODAY)
    assert refused.value.code == code
    assert "1." in refused.value.zh
    assert "1." in refused.value.en


def test_a_version_that_ends_says_so_until_its_last_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the end is announced every answer carries it; the day after the last one it is refused."""
    ending = Version(1, 0, date(2026, 11, 1), announced=TODAY, supported_until=date(2027, 12, 1))
    both = Versions(12, (ending, Version(2, 0, TODAY)))
    monkeypatch.setattr(module, "versions", lambda: both)
    assert version_headers(spoken("1.4", date(2027, 12, 1))) == {
        "rfs-version": "1.0",
        "Deprecation": "@1796083200",
        "Sunset": "Wed, 01 Dec 2027 00:00:00 GMT",
    }
    assert spoken(None, date(2027, 12, 1)).name == "1.0"
    with pytest.raises(FeedError, match=r"2\.x"):
        spoken("1.0", date(2027, 12, 2))
    assert spoken(None, date(2027, 12, 2)).name == "2.0"


def test_the_page_for_senders_says_the_same() -> None:
    """Versions, their ends and the notice period stand in docs/feeds.md as they are used."""
    page = Path(__file__).parents[2].joinpath("docs", "feeds.md").read_text(encoding="utf-8")
    for one in versions().version:
        row = f"| {one.name} | {one.published} | {one.supported_until or 'no end announced'} |"
        assert row in page, row
    assert f"{versions().notice_months} months" in page
