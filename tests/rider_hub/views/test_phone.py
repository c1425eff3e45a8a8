"""The riders' pages: sign in, find a love station, declare, answer and withdraw, all without scripts."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from sqlalchemy import select, update

from rider_hub.access import HUB, Hub, guarded
from rider_hub.access.guard import operation_of
from rider_hub.access.sessions import identify, protect
from rider_hub.clock import FixedClock
from rider_hub.consent.ports import PORTS, Ports
from rider_hub.consent.service import publish_notices
from rider_hub.membership import ports as membership_ports
from rider_hub.messages.delivery import deliver
from rider_hub.messages.ports import FilePort
from rider_hub.organizations.tables import party_organization
from rider_hub.outreach import answers
from rider_hub.outreach.sending import invite, worklist
from rider_hub.outreach.service import surface
from rider_hub.riders.tables import rider
from rider_hub.storage import insert_rows
from rider_hub.views import phone
from rider_hub.web import SHELL, Shell, problems, security_headers, static_routes
from tests.factories import make_hub
from tests.rider_hub.divisions.world import COMMUNITIES
from tests.rider_hub.membership.factories import add_riders
from tests.rider_hub.outreach.factories import JOB, OFF_PEAK, add_activity, secretary
from tests.rider_hub.views import county

Visitor = TestClient[web.Request, web.Application]
WIRED = Ports(
    on_withdrawn=(answers.cancel_withdrawn,), export_private=(membership_ports.export, answers.export)
)
PHONE = "19900000001"
BODY = "ZB-0"
HERE = Path(phone.__file__).parent / "templates"


def build(hub: Hub) -> web.Application:
    """Build the riders' pages as the app does."""
    app = web.Application(middlewares=[security_headers, problems, identify, protect])
    app[HUB] = hub
    app[PORTS] = WIRED
    app[SHELL] = Shell(template_folders=[HERE], clock=hub.clock)
    app.add_routes([*phone.routes(), *guarded("public", static_routes())])
    return app


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Give a hub with the county, published notices and one rider, on a Monday afternoon."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as opened:
        await county.fill(opened)
        await publish_notices(opened, JOB)
        await add_riders(opened, 1, COMMUNITIES[0])
        yield opened


@pytest.fixture
async def client(hub: Hub, aiohttp_client: AiohttpClient) -> Visitor:
    """Give a visitor who is not signed in."""
    visitor: Visitor = await aiohttp_client(build(hub))
    return visitor


async def _post(client: Visitor, path: str, **fields: str) -> ClientResponse:
    page = await (await client.get("/r/login")).text()
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token is not None
    return await client.post(path, data={"csrf": token[1], **fields}, allow_redirects=False)


async def _sign_in(client: Visitor, hub: Hub, path: str = "/r/") -> None:
    answer = await _post(client, "/r/login", phone=PHONE, next=path)
    assert answer.status == 200
    lines = (hub.settings.data_dir / "messages.jsonl").read_text("utf-8").splitlines()
    code = re.findall(r'"code":"(\d{6})"', lines[-1])[0]
    signed = await _post(client, "/r/code", phone=PHONE, code=code, next=path)
    assert (signed.status, signed.headers["Location"]) == (303, path)


async def _declare(client: Visitor, **changed: str) -> ClientResponse:
    fields = {
        "notice_version": "1",
        "kind": "full",
        "home_organization": "外省某镇某村党支部(示例)",
        "body": BODY,
        "invitations": "yes",
        "invitations_version": "1",
    }
    return await _post(client, "/r/declaration", **(fields | changed))


async def test_home_offers_services_to_everyone(client: Visitor) -> None:
    """Without signing in: love stations first, difficulties next, and no script on the page."""
    page = await (await client.get("/r/")).text()
    assert page.index("附近驿站") < page.index("反映困难") < page.index("党员身份申报（自愿）")
    assert "<script" not in page


async def test_every_page_stands_behind_the_policy(client: Visitor) -> None:
    """No route is unguarded, and one's own pages lead a visitor to sign in and back."""
    assert all(operation_of(route.handler) for route in client.app.router.routes())
    for path in ("/r/me", "/r/data", "/r/declaration", "/r/invitations", "/r/invitations/open"):
        answer = await client.get(path, allow_redirects=False)
        assert answer.status in {302, 303}
        assert answer.headers["Location"].startswith("/r/login?next=/r/")


async def test_a_rider_signs_in_and_out(client: Visitor, hub: Hub) -> None:
    """The code opens a session; after signing out the own pages are closed again."""
    await _sign_in(client, hub, "/r/me")
    page = await (await client.get("/r/me")).text()
    assert "骑*" in page
    assert "199****0001" in page
    assert PHONE not in page
    await _post(client, "/r/logout")
    assert (await client.get("/r/me", allow_redirects=False)).status != 200


async def test_signing_in_tells_nothing_of_others_phones(client: Visitor) -> None:
    """The page after an unknown phone is the one after a known phone, but for the number itself."""
    pages = []
    for number in (PHONE, "19900009999"):
        text = await (await _post(client, "/r/login", phone=number)).text()
        pages.append(re.sub(r'value="[^"]*"', "", text))
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("/r/login", {"phone": "12"}, "请输入 11 位手机号"),
        ("/r/login", {}, "手机号"),
        ("/r/code", {"phone": PHONE, "code": "000000"}, "验证码不对或已失效"),
    ],
)
async def test_faults_stand_beside_their_field(
    client: Visitor, path: str, fields: dict[str, str], words: str
) -> None:
    """A refused form comes back with what to do, not with a problem page."""
    answer = await _post(client, path, **fields)
    assert answer.status in {401, 422}
    text = await answer.text()
    assert words in text
    assert "error-summary" in text


async def test_one_is_never_led_out_of_the_site(client: Visitor, hub: Hub) -> None:
    """A next address elsewhere leads home."""
    for target in ("https://example.com/", "//example.com", "/r/\\example.com", "/users"):
        page = await (await client.get("/r/login", params={"next": target})).text()
        assert '<input type="hidden" name="next" value="/r/">' in page


async def test_love_stations_are_found_by_community(client: Visitor) -> None:
    """Typing part of a name gives communities, choosing one gives stations with their state now."""
    page = await (await client.get("/r/stations", params={"q": "社区"})).text()
    link = re.search(r"/r/stations\?community=(\d{12})", page)
    assert link is not None
    page = await (await client.get(f"/r/stations?community={link[1]}")).text()
    assert "驿站" in page
    assert "开放中" in page
    assert "没有找到" in await (await client.get("/r/stations", params={"q": "不存在的地方"})).text()
    for odd in ("1", "abc", "999999999999"):
        assert (await client.get(f"/r/stations?community={odd}")).status == 200
    assert (await client.get("/r/stations?community=%00")).status == 422


async def test_the_street_s_name_finds_its_communities(client: Visitor) -> None:
    """Riders know streets better than communities: a street's name lists all of its communities."""
    every = await (await client.get("/r/stations", params={"q": "社区"})).text()
    places = re.findall(r"community=(\d{12})\">[^<]*<span class=\"small\">([^<]+)<", every)
    assert places
    for street in {street for _, street in places}:
        page = await (await client.get("/r/stations", params={"q": street})).text()
        found = set(re.findall(r"/r/stations\?community=(\d{12})", page))
        assert found == {code for code, other in places if other == street}


async def test_a_rider_corrects_the_community(client: Visitor, hub: Hub) -> None:
    """A community from the list is kept and shown; another code is refused with words."""
    await _sign_in(client, hub)
    assert (await _post(client, "/r/me/community", community=COMMUNITIES[1])).status == 303
    assert "您自己选的社区" in await (await client.get("/r/me")).text()
    refused = await _post(client, "/r/me/community", community="110101")
    assert (refused.status, "没有这个社区" in await refused.text()) == (422, True)


async def test_declaring_asks_one_question_a_screen(client: Visitor, hub: Hub) -> None:
    """Notice and consent come first, then kind, home organization, body and invitations; then it is shown."""
    await _sign_in(client, hub)
    first = await (await client.get("/r/declaration")).text()
    assert "告知书全文" in first
    fields: dict[str, str] = {}
    for name, value, asked in (
        ("notice_version", "1", "您是？"),
        ("kind", "probationary", "您的组织关系在哪里？"),
        ("home_organization", "外省某镇某村党支部(示例)", "愿意让哪个党组织看到？"),
        ("body", BODY, "愿意收到它的活动邀请吗？"),
    ):
        fields[name] = value
        text = await (await _post(client, "/r/declaration", **fields)).text()
        assert f"<h1>{asked}</h1>" in text
        for kept, held in fields.items():
            assert f'name="{kept}" value="{held}"' in text
    done = await _post(client, "/r/declaration", **fields, invitations="no", invitations_version="1")
    assert done.status == 303
    shown = await (await client.get("/r/declaration")).text()
    assert "预备党员" in shown
    assert "撤回同意，删除申报" in shown
    assert "现在不会邀请您" in shown
    data = await (await client.get("/r/data")).text()
    assert re.search(r"<li>.*同意：.*告知书第 1 版）</li>", data)


async def test_verification_asks_for_a_declaration_first(client: Visitor, hub: Hub) -> None:
    """Who has not declared is told so before a search, and led there; many hits say that there are more."""
    await _sign_in(client, hub)
    before = await (await client.get("/r/verification?q=党支部")).text()
    assert "<h1>请先申报</h1>" in before
    assert 'href="/r/declaration"' in before
    assert "<form" not in before
    assert (await _declare(client)).status == 303
    async with hub.change(county.COUNTY_STAFF, "imports.change") as work:
        query = select(party_organization).where(party_organization.c.code == BODY)
        one = dict((await work.connection.execute(query)).mappings().one())
        added = [{**one, "code": f"MORE-{n:02}", "name": f"骑手第{n:02}党支部"} for n in range(20)]
        await insert_rows(work.connection, party_organization, added)
    assert "还有更多" in await (await client.get("/r/verification?q=骑手第")).text()
    assert "还有更多" not in await (await client.get("/r/verification?q=骑手第01")).text()


async def test_without_consent_the_notice_is_asked_again(client: Visitor, hub: Hub) -> None:
    """Answers without the consent lead back to the notice, and nothing is kept."""
    await _sign_in(client, hub)
    answer = await _declare(client, notice_version="")
    assert "告知书全文" in await answer.text()
    assert "我的申报" not in await (await client.get("/r/declaration")).text()
    refused = await _declare(client, body="NOWHERE")
    assert (refused.status, "请从列出的党组织中选择一个" in await refused.text()) == (422, True)


async def test_an_invitation_is_answered_and_withdrawn_from(client: Visitor, hub: Hub) -> None:
    """Sent by the secretary, accepted on the phone; withdrawing takes it from both pages at once."""
    await _sign_in(client, hub)
    assert (await _declare(client)).status == 303
    await add_activity(hub, body=BODY)
    await surface(hub, JOB)
    (task,) = await worklist(hub, secretary(BODY))
    assert "还没有给您的邀请" in await (await client.get("/r/invitations")).text()
    await invite(hub, secretary(BODY), task.invitation.id)
    assert "愿意参加" in await (await client.get("/r/invitations")).text()
    assert (await _post(client, f"/r/invitations/{task.invitation.id}", answer="yes")).status == 303
    assert "您的答复：<b>愿意参加</b>" in await (await client.get("/r/invitations")).text()
    assert "主题党日" in await (await client.get("/r/data")).text()
    assert (await _post(client, "/r/consents/withdraw", purpose="declaration")).status == 303
    assert "还没有给您的邀请" in await (await client.get("/r/invitations")).text()
    assert await worklist(hub, secretary(BODY)) == []
    assert "党员身份申报（自愿）" in await (await client.get("/r/declaration")).text()


async def test_open_activities_can_be_chosen_and_left(client: Visitor, hub: Hub) -> None:
    """One consent on a page of its own, one button to end it."""
    await _sign_in(client, hub)
    assert "由谁来邀请您？" in await (await client.get("/r/invitations/open")).text()
    given = await _post(client, "/r/consents", purpose="open_activities", body=BODY, notice_version="1")
    assert given.headers["Location"] == "/r/invitations"
    assert "您愿意收到附近开放活动的邀请" in await (await client.get("/r/invitations")).text()
    await _post(client, "/r/consents/withdraw", purpose="open_activities")
    assert "我想收到邀请" in await (await client.get("/r/invitations")).text()


async def test_riders_see_who_opened_their_data(client: Visitor, hub: Hub) -> None:
    """A look at name and phone by staff stands on the page with post, place and purpose."""
    await _sign_in(client, hub)
    assert "没有工作人员打开过您的信息" in await (await client.get("/r/data")).text()
    async with hub.look(county.COUNTY_STAFF, "riders.unmask", purpose="核对登记") as look:
        look.opened([f"{COMMUNITIES[0]}{1:020d}"])
    async with hub.look(secretary(BODY), "invitations.view") as look:
        look.opened([f"{COMMUNITIES[0]}{1:020d}"])
        look.opened([f"{COMMUNITIES[0]}{2:020d}"])
    page = await (await client.get("/r/data")).text()
    assert "查看姓名和电话（核对登记）" in page
    assert page.count("查看活动邀请") == 1
    assert "tester" not in page
    assert len(re.findall(r"<h2[^>]*>谁看过", page)) == 1
    async with hub.database.write() as connection:
        # Whoever has a phone a platform sent, and not that of the first sign-in, learns of no invitation.
        await connection.execute(update(rider).values(first_phone=b"another"))
    page = await (await client.get("/r/data")).text()
    assert "查看姓名和电话（核对登记）" in page
    assert "查看活动邀请" not in page


async def test_forms_without_the_token_are_refused(client: Visitor, hub: Hub) -> None:
    """A changing form from elsewhere does nothing."""
    await _sign_in(client, hub)
    await deliver(hub, FilePort(hub.settings.data_dir / "messages.jsonl"))
    answer = await client.post("/r/consents/withdraw", data={"purpose": "declaration"})
    assert answer.status == 403
