"""What is guessed of a sample's columns: fields by name and look, forms, codes; never a forbidden one."""

import pytest

from connectors.errors import FeedError
from connectors.sources.file_form import FileForm
from connectors.sources.registry import is_forbidden_column, standard_paths
from connectors.sources.suggestion import _table, guesses
from connectors.sources.values import Form
from connectors.transport.sample import likely_form, read_sample
from tests.connectors.rows import ID_NUMBER

TIMES = ["2026-11-01 02:30:00", "2026-11-02 03:00:00"]


def guessed(columns: dict[str, list[object]], tier: str = "B") -> dict[str, tuple[str | None, Form | None]]:
    """Return what is guessed of each column of a registration: field and form."""
    found = guesses("registration", columns, tier=tier)  # type: ignore[arg-type]
    return {one.column: (one.target, one.form) for one in found}


def test_columns_are_known_by_name_in_any_spelling_and_by_their_look() -> None:
    """Chinese, pinyin, camelCase and snake_case; a look that does not fit the name is not taken for it."""
    found = guessed(
        {
            "id": ["1", "2"],
            "courierNo": ["K1", "K2"],
            "peisong_fangshi": ["专送", "众包"],
            "gmt_modified": list(TIMES),
            "入职时间": ["1761964200000", "1761964300000"],
            "lon": ["116.403", "116.404"],
            "weidu": ["39.911", "39.912"],
            "联系电话": ["13800001111", "13800002222"],
            "f17": [ID_NUMBER, ID_NUMBER],
            "update_time": ["是", "否"],
            "remark": ["甲", "乙"],
        }
    )
    assert found == {
        "id": ("record_id", None),
        "courierNo": ("platform_rider_ref", None),
        "peisong_fangshi": ("employment", None),
        "gmt_modified": ("updated_at", "local_time"),
        "入职时间": ("effective_at", "epoch_ms"),
        "lon": ("work_area.lng", "text_for_number"),
        "weidu": ("work_area.lat", "text_for_number"),
        "联系电话": ("phone", None),
        "f17": ("id_number", None),
        "update_time": (None, None),
        "remark": (None, None),
    }


def test_codes_are_guessed_from_words_and_never_from_numbers() -> None:
    """A word may say what a code stands for; 1 and 2 are left to their sender."""
    columns = {"status": ["在职", "离职", "冻结"] * 4, "rider_type": ["1", "2"] * 6}
    codes = {one.target: one.codes for one in guesses("registration", columns, tier="A")}
    assert codes["op"] == {"在职": "upsert", "离职": "leave", "冻结": None}
    assert codes["employment"] == {"1": None, "2": None}


def test_a_forbidden_column_is_marked_by_its_name_or_its_values_and_shows_none() -> None:
    """Neither its values nor a field come with it; what tier A does not allow is marked as well."""
    columns = {
        "zzmm": ["某"],
        "f9": ["群众", "中共党员"],
        "mobile": ["13800001111"] * 2,
        "lng": ["116.40381"],
    }
    found = {one.column: one for one in guesses("registration", columns, tier="A")}
    assert (found["zzmm"].notes, found["f9"].notes) == (("forbidden_name",), ("forbidden_values",))
    assert not any(found[name].target or found[name].look.few for name in ("zzmm", "f9"))
    assert (found["mobile"].target, found["mobile"].notes) == (None, ("not_in_tier",))
    assert found["lng"].notes == ("too_precise",)


def test_a_point_in_one_column_is_known_with_its_order() -> None:
    """By the ranges of China, whatever it is called."""
    columns = {"a": ["116.403,39.911", "116.404,39.912"], "b": ["39.911,116.403", "39.912,116.404"]}
    found = {one.column: (one.point, one.look.kind) for one in guesses("registration", columns, tier="A")}
    assert found == {"a": ("work_area", "point_lng_lat"), "b": ("work_area", "point_lat_lng")}


def test_the_list_of_synonyms_names_fields_that_are_there_and_no_forbidden_word() -> None:
    """A synonym for a forbidden name would suggest what is then refused."""
    for feed_type in ("station", "registration", "request"):
        words = _table()[feed_type]
        for part in ("whole", "ending"):
            assert set(words[part]) <= standard_paths(feed_type)
        assert not [
            w for part in words.values() for listed in part.values() for w in listed if is_forbidden_column(w)
        ]


def test_the_way_a_dump_is_written_is_guessed() -> None:
    r"""Tabs, `\N` and no names: told apart from a CSV with a heading."""
    form, named = likely_form(b"1\tK1\t\\N\t2026-11-01 02:30:00\n2\tK2\tx\t2026-11-01 02:31:00\n")
    assert (form.escape, named) == ("backslash", False)
    sample = read_sample(b"1\tK1\t\\N\n", "registration", form=form, named=False)
    assert sample.columns == {"列1": ["1"], "列2": ["K1"], "列3": [""]}
    form, named = likely_form("骑手编号,姓名\nK1,某\n".encode("gb18030"))
    assert (form.escape, named) == ("none", True)


def test_a_sample_of_more_columns_than_a_form_takes_is_refused() -> None:
    """Each row of its own names: looking for all of them in all rows would take minutes."""
    rows = "\n".join(f'{{"a{n}": 1, "b{n}": 1}}' for n in range(151))
    with pytest.raises(FeedError, match="too_many_columns"):
        read_sample(rows.encode(), "registration", form=FileForm())
