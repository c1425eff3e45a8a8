"""Forms into Structs."""

from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.errors import HubError, Invalid
from rider_hub.web.forms import Form, parse_form


class Sample(msgspec.Struct):
    """One field of each kind."""

    name: Annotated[str, msgspec.Meta(title="姓名", max_length=10)]
    headcount: Annotated[int, msgspec.Meta(title="人数", ge=1, le=500)] | None = None
    since: Annotated[date, msgspec.Meta(title="开始日期")] | None = None
    kind: Literal["dedicated", "crowdsourced"] = "dedicated"
    services: list[Literal["water", "rest", "charge"]] = []
    agree: bool = False


def parse(*pairs: tuple[str, str]) -> Form[Sample]:
    """Parse an urlencoded body of these pairs."""
    return parse_form(urlencode(pairs).encode(), Sample)


def test_a_full_form_becomes_the_struct() -> None:
    """Text, whole number, date, choice, several choices and a tick each take their type."""
    form = parse(
        ("name", " 东四站 "),
        ("headcount", "12"),
        ("since", "2026-11-23"),
        ("kind", "crowdsourced"),
        ("services", "water"),
        ("services", "rest"),
        ("agree", "on"),
    )
    assert form.checked() == Sample(
        "东四站", 12, date(2026, 11, 23), "crowdsourced", ["water", "rest"], agree=True
    )


def test_empty_fields_are_missing_ones() -> None:
    """An optional field left empty takes its default; a box not ticked is false."""
    assert parse(("name", "甲"), ("headcount", ""), ("since", " ")).checked() == Sample("甲")


def test_all_faults_come_at_once_in_both_languages_without_the_value() -> None:
    """Each wrong field has one fault that names it and the cure, and not what was written."""
    form = parse(("headcount", "zz9"), ("since", "zz9"), ("kind", "zz9"), ("services", "zz9"))
    assert form.value is None
    assert [fault.path for fault in form.errors] == ["name", "headcount", "since", "kind", "services"]
    assert form.errors[0].zh == "请填写姓名"
    assert form.errors[1].zh == "人数：应为整数，数值应在 1 到 500 之间"
    assert "2026-11-23" in form.errors[2].en
    assert "zz9" not in str([(fault.zh, fault.en) for fault in form.errors])
    with pytest.raises(Invalid):
        form.checked()


def test_what_was_written_stays_in_the_form() -> None:
    """A faulty form is shown again as it was filled in."""
    form = parse(("headcount", "zz9"), ("services", "water"))
    assert form.text("headcount") == "zz9"
    assert form.has("services", "water")
    assert form.error("headcount") is form.errors[1]


def test_a_rule_over_several_fields_adds_its_fault() -> None:
    """A page's own rule makes the form faulty like the types do."""
    form = parse(("name", "甲")).failed(
        "since", "too_late", "开始日期不能晚于今天", "must not be later than today"
    )
    assert form.value is None
    assert form.error("since") is not None


@given(
    st.lists(
        st.tuples(st.sampled_from(["name", "headcount", "since", "kind", "agree", "x"]), st.text()),
        max_size=9,
    )
)
def test_any_pairs_give_a_value_or_faults(pairs: list[tuple[str, str]]) -> None:
    """No text of a field raises anything."""
    form = parse_form(urlencode(pairs, errors="replace").encode(), Sample)
    assert (form.value is None) == bool(form.errors)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_form_or_one_refusal(body: bytes) -> None:
    """What is no urlencoded text is refused as unreadable."""
    code, form = "", Form[Sample](value=Sample(""))
    try:
        form = parse_form(body, Sample)
    except HubError as refusal:
        code = refusal.code
    assert code in {"", "form_unreadable"}
    assert (form.value is None) == bool(form.errors)


async def test_other_bodies_are_refused_before_they_are_read(client: TestClient) -> None:
    """Multipart is refused by type, a long form by its length, also where it isn't stated."""
    assert (
        await client.post("/form", data=b"x", headers={"Content-Type": "multipart/form-data"})
    ).status == 415
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.post("/form", data=b"text=" + b"x" * 70_000, headers=kind)).status == 413

    async def chunks() -> object:
        for _ in range(70):
            yield b"x" * 1_000

    assert (await client.post("/form", data=chunks(), headers=kind)).status == 413


async def test_the_page_of_a_faulty_form_leads_to_each_field(client: TestClient) -> None:
    """The summary links to the fields, which are described by their faults."""
    answer = await client.post("/form", data={"text": "<b>写了</b>", "phone": "123"})
    page = await answer.text()
    assert answer.status == 422
    assert '<a href="#category">请选择遇到的困难</a>' in page
    assert 'id="category"' in page
    assert 'aria-describedby="phone-error" aria-invalid="true"' in page
    assert "&lt;b&gt;写了&lt;/b&gt;" in page
