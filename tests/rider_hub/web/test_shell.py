"""The shell around pages: menu, current item, who is signed in."""

from dataclasses import replace
from pathlib import Path

import jinja2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from rider_hub.access import Actor, Role, Scope
from rider_hub.web import MenuItem, Shell
from rider_hub.web.shell import _current
from tests.rider_hub.web import content, gallery

SMALL_MENU = [
    MenuItem("desk", "工作台", "/", "desk"),
    MenuItem("riders", "骑手台账", "/riders", "riders"),
    MenuItem("links", "身份关联", "/riders/links", "riders"),
]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/", "desk"),
        ("/riders", "riders"),
        ("/riders/R1", "riders"),
        ("/riders/links/1", "links"),
        ("/ridersx", None),
    ],
)
def test_the_menu_marks_the_nearest_page_above(path: str, key: str | None) -> None:
    """The item with the longest path that begins this one is current; the desk is current only itself."""
    assert _current(SMALL_MENU, path) == key


def test_the_menu_holds_what_the_role_may_use() -> None:
    """An item behind an operation appears for the roles of that operation alone."""
    shell = Shell(menu=content.MENU)
    administrator = Actor("user:2", "李四", frozenset({Role.SYSTEM_ADMIN}), Scope.all())
    assert "system" not in [item.key for item in shell.menu_for(content.STAFF)]
    assert "system" in [item.key for item in shell.menu_for(administrator)]


async def test_the_top_bar_says_who_where_and_how_much(client: TestClient) -> None:
    """Name, role, scope, open tasks and the narrower divisions stand in the top bar."""
    page = await (await client.get("/")).text()
    for words in ("张三丰收", "街道社区工作人员", "东城区 / 东华门街道", "待办 <b>3</b>", "韶九社区"):
        assert words in page


@pytest.mark.parametrize(("role", "shown"), [(Role.STREET_STAFF, True), (Role.AUDIT_ADMIN, False)])
async def test_the_search_box_is_for_whoever_may_search(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch, role: Role, *, shown: bool
) -> None:
    """It leads to the riders, so it stands where those may be seen, and says what can be searched for."""
    monkeypatch.setattr(gallery, "STAFF", replace(content.STAFF, roles=frozenset({role})))
    page = await (await (await aiohttp_client(gallery.build())).get("/")).text()
    assert ("手机号、后四位或全名" in page) is shown
    assert ('role="search"' in page) is shown


async def test_changing_forms_and_htmx_carry_the_token(client: TestClient) -> None:
    """The visitor's token stands in every form that changes something, and in what htmx sends."""
    page = await (await client.get("/riders")).text()
    assert page.count('name="csrf" value="gallery-token"') == page.count('method="post"')
    assert '{"X-CSRF-Token": "gallery-token"}' in page


def test_a_template_of_a_capability_is_named_after_it() -> None:
    """rider_hub/<capability>/templates/x.html is <capability>/x.html, and can't stand for another's."""
    shell = Shell(template_folders=[Path(gallery.__file__).parent / "parts" / "templates"])
    assert shell.environment.get_template("parts/desk.html")
    with pytest.raises(jinja2.TemplateNotFound):
        shell.environment.get_template("desk.html")


def test_a_name_that_is_not_given_is_an_error() -> None:
    """A misspelt name in a template fails and is not shown as nothing."""
    with pytest.raises(jinja2.UndefinedError):
        Shell().environment.from_string("{{ misspelt }}").render()


async def test_rider_pages_have_no_menu_and_no_script(client: TestClient) -> None:
    """The phone layout stands alone."""
    page = await (await client.get("/r/")).text()
    assert "<script" not in page
    assert "骑手台账" not in page


def test_phone_pages_are_those_below_their_path() -> None:
    """/r and /r/… are the riders', /riders is not."""
    request = [type("R", (), {"path": path})() for path in ("/r", "/r/", "/r/form", "/riders")]
    shown: list[web.Request] = request  # type: ignore[assignment]
    assert [Shell().is_phone(each) for each in shown] == [True, True, True, False]
