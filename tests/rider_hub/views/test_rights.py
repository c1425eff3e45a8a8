"""The pages of rights: copy, correction, deletion by code, the queue of staff, the public page; no script."""

import json
import re
import time
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from sqlalchemy import select

from rider_hub.access import HUB, Actor, Hub, Role, guarded
from rider_hub.access.rider_sessions import KNOWN
from rider_hub.access.sessions import identify, protect
from rider_hub.clock import FixedClock
from rider_hub.consent.copying import FORM, VERSION, Copy, copy_schema
from rider_hub.consent.correcting import ask
from rider_hub.consent.ports import PORTS
from rider_hub.messages.delivery import deliver
from rider_hub.messages.ports import FilePort
from rider_hub.messages.service import post
from rider_hub.organizations.tables import platform
from rider_hub.parameters import parameter
from rider_hub.riders.store import is_known
from rider_hub.riders.tables import registration, rider
from rider_hub.storage import upsert_rows
from rider_hub.views import about, phone, rights
from rider_hub.views.ports import wired
from rider_hub.web import SHELL, Shell, problems, security_headers, static_routes
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.consent.whole_rider import COMMUNITY, HOME, NAME, PHONE, REFS, add_crowd, whole_rider
from tests.rider_hub.outreach.factories import OFF_PEAK
from tests.rider_hub.requests.site import TOKEN, Visitor, build_site

Client = TestClient[web.Request, web.Application]
HERE = Path(phone.__file__).parent / "templates"


def _build(hub: Hub) -> web.Application:
    app = web.Application(middlewares=[security_headers, problems, identify, protect])
    app[HUB], app[PORTS], app[KNOWN] = hub, wired(), is_known
    app[SHELL] = Shell(template_folders=[HERE], clock=hub.clock)
    app.add_routes([*phone.routes(), *about.routes(), *guarded("public", static_routes())])
    return app


async def _post(client: Client, path: str, **fields: str) -> ClientResponse:
    page = await (await client.get("/r/login")).text()
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token is not None
    return await client.post(path, data={"csrf": token[1], **fields}, allow_redirects=False)


async def _code(hub: Hub) -> str:
    await deliver(hub, FilePort(hub.settings.data_dir / "messages.jsonl"))
    lines = (hub.settings.data_dir / "messages.jsonl").read_text("utf-8").splitlines()
    return str(re.findall(r'"code":"(\d{6})"', "".join(lines))[-1])


async def _signed_in(hub: Hub, aiohttp_client: AiohttpClient) -> Client:
    client: Client = await aiohttp_client(_build(hub))
    hub.clock.advance(minutes=2)  # type: ignore[attr-defined]
    assert (await _post(client, "/r/login", phone=PHONE)).status == 200
    assert (await _post(client, "/r/code", phone=PHONE, code=await _code(hub))).status == 303
    return client


async def test_the_copy_is_whole_documented_and_the_riders_own(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """One request gives everything, private parts included, in the published form; the page says the same."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await whole_rider(hub)
        client = await _signed_in(hub, aiohttp_client)
        answer = await client.get("/r/rights/copy.json")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        content = await answer.read()
        copy = msgspec.json.decode(content, type=Copy)
        assert (copy.form, copy.version, copy.made_by) == (FORM, VERSION, "rider")
        assert copy_schema()["$defs"]["Copy"]["required"] == list(json.loads(content))
        for secret in (NAME, PHONE, HOME, *REFS, "急救技能"):
            assert secret in content.decode()
        assert not re.search(r"验证码 \d{6}", content.decode())
        for section in copy.sections:
            assert all(record.keys() <= section.fields.keys() for record in section.records)
        page = await (await client.get("/r/rights/copy")).text()
        assert all(secret in page for secret in (NAME, PHONE, HOME))
        overview = await (await client.get("/r/rights")).text()
        assert "姓名不对" in overview
        assert "<script" not in overview + page


async def test_the_copy_takes_less_than_a_minute(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """Promise 38: a rider with rows of every kind, among 3,000 others, has the file within 60 s of asking."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        await add_crowd(hub, whole.rider)
        client = await _signed_in(hub, aiohttp_client)
        async with hub.change(Actor.job("test"), "messages.send") as work:
            for number in range(200):
                await post(
                    work, hub.keys, "notice", PHONE if number == 0 else "19900000000", {"text": "您好"}
                )
        asked = time.monotonic()
        answer = await client.get("/r/rights/copy.json")
        copy = msgspec.json.decode(await answer.read(), type=Copy)
        assert time.monotonic() - asked < 60
        assert {name for section in copy.sections for name in section.tables} >= {
            *("rider", "registration", "registration_history", "registration_correction", "identity_link"),
            *("assignment", "match_change", "service_request", "request_event", "quarantine", "outbox"),
            *("declaration", "invitation", "rights_request", "audit_subject"),
        }
        assert sum(len(section.records) for section in copy.sections) > 200


async def test_the_copy_is_read_in_words(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """Places, platforms, states and acts stand by name, what is empty not at all; codes stay in the file."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        due = hub.clock.now()
        async with hub.database.write() as connection:
            named = [{"code": "ding", "name": "叮叮外卖(示例)"}, {"code": "jia", "name": "佳佳外卖(示例)"}]
            await upsert_rows(connection, platform, named, key=["code"])
        await ask(hub, whole.rider, kind="erase", what="erase", due_at=due)
        client = await _signed_in(hub, aiohttp_client)
        raw = await (await client.get("/r/rights/copy.json")).text()
        assert all(code in raw for code in ("own_choice", "invitations.view", '"open"', COMMUNITY))
        for path in ("/r/rights/copy", "/r/data"):
            page = await (await client.get(path)).text()
            plain = re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)
            said = set(re.findall(r"<dd>(.*?)</dd>", plain)) - {PHONE}
            assert len(said) > 5
            assert {
                one for one in said if re.search(r"[a-z]{3}|^\d{6,12}$", one) and "：此" not in one
            } == set()
            assert "代码" not in page
            assert "（— 米）" not in page
            assert not re.search(r"</h2>\s*(<h2|</main)", page)
        page = await (await client.get("/r/rights/copy")).text()
        for words in (
            "东四第一社区",
            "叮叮外卖",
            "办理中",
            "删除个人信息",
            "等待答复",
            "查看姓名和电话",
            "登记变化（",
        ):
            assert words in page


async def test_another_phone_gets_no_copy_and_can_not_erase(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """Who signs in with a number that was not the first is told so, and a deletion goes to staff."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        whole = await whole_rider(hub)
        async with hub.database.write() as connection:
            mine = rider.update().where(rider.c.id == whole.rider.rider_id)
            await connection.execute(mine.values(first_phone=b"another's"))
        client = await _signed_in(hub, aiohttp_client)
        for path in ("/r/rights/copy.json", "/r/rights/copy"):
            answer = await client.get(path)
            content = await answer.text()
            assert answer.status == 403
            assert "只对您第一次登录时的手机号开放" in content
            assert not [secret for secret in (NAME, PHONE, HOME, '"declaration"') if secret in content]
        assert (await _post(client, "/r/rights/erase")).status == 303
        assert (await _post(client, "/r/rights/erase/confirm", code="123456")).status == 404
        async with hub.database.read() as connection:
            assert (await connection.execute(select(registration.c.id))).first() is not None
        overview = await (await client.get("/r/rights")).text()
        assert "删除个人信息" in overview


async def test_deletion_takes_a_code_and_ends_the_session(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """A wrong code erases nothing; the right one erases, shows codes and what stays, and signs out."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await whole_rider(hub)
        elsewhere = await _signed_in(hub, aiohttp_client)
        hub.clock.advance(minutes=2)  # type: ignore[attr-defined]
        client = await _signed_in(hub, aiohttp_client)
        assert "发验证码" in await (await client.get("/r/rights/erase")).text()
        assert (await _post(client, "/r/rights/erase")).status == 409
        hub.clock.advance(minutes=2)  # type: ignore[attr-defined]
        assert (await _post(client, "/r/rights/erase")).status == 200
        code = await _code(hub)
        wrong = "000000" if code != "000000" else "111111"
        refused = await _post(client, "/r/rights/erase/confirm", code=wrong)
        assert refused.status == 422
        asked = await refused.text()
        assert wrong not in asked
        assert 'action="/r/rights/erase">' in asked
        assert "不删了" in asked
        done = await _post(client, "/r/rights/erase/confirm", code=code)
        text = await done.text()
        assert done.status == 200
        again = re.findall(r"<b>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){5})</b>", text)
        assert len(again) == len(REFS)
        assert "六个月" in text
        for one in (client, elsewhere):
            assert (await one.get("/r/rights")).url.path == "/r/login"
        assert (await _post(client, "/r/again", code="AAAA-AAAA-AAAA-AAAA")).status == 422
        assert "可以重新登记了" in await (await _post(client, "/r/again", code=again[0])).text()
        async with hub.database.read() as connection:
            kept = set((await connection.execute(select(registration.c.platform_rider_ref))).scalars())
        assert kept == {"D00002"}


async def test_a_correction_is_asked_for_screen_by_screen(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """What, which registration, what is right; then it stands with its time on the page of rights."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await whole_rider(hub)
        client = await _signed_in(hub, aiohttp_client)
        assert "哪里不对" in await (await client.get("/r/rights/correct")).text()
        which = await (await client.get("/r/rights/correct?what=phone")).text()
        ids = re.findall(r'name="registration" value="(\w{32})"', which)
        assert len(ids) == len(REFS)
        form = await (await client.get(f"/r/rights/correct?what=phone&registration={ids[0]}")).text()
        assert "正确的手机号" in form
        sent = await _post(
            client, "/r/rights/correct", what="phone", registration=ids[0], value="19911112222"
        )
        assert (sent.status, sent.headers["Location"]) == (303, "/r/rights?done=1")
        assert (await _post(client, "/r/rights/correct", what="other", registration=ids[0])).status == 422
        assert (await _post(client, "/r/rights/correct", what="name", registration="f" * 32)).status == 422
        overview = await (await client.get("/r/rights?done=1")).text()
        assert "手机号不对" in overview
        assert "不认可的" not in overview
        assert "最迟" in overview


async def test_staff_answer_from_the_queue(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """The queue names no person; the page masks; refusing needs words, which the rider reads."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await whole_rider(hub)
        visitor = Visitor(county_staff())
        site = build_site(hub, visitor, rights.routes())
        site[PORTS] = wired()
        client = await aiohttp_client(site)
        queue = await (await client.get("/rights")).text()
        (path,) = set(re.findall(r'href="(/rights/\w{32})"', queue))
        assert NAME not in queue
        page = await (await client.get(path)).text()
        assert PHONE not in page
        assert "199****3210".replace("3210", PHONE[-4:]) in page
        bad = await client.post(path, data={"csrf": TOKEN, "decision": "refused", "answer": " "})
        assert bad.status == 422
        visitor.actor = staff(Role.STREET_STAFF, divisions=("110101002",))
        assert (await client.get(path)).status == 404
        assert (
            await client.post(path, data={"csrf": TOKEN, "decision": "done", "answer": "好的好的"})
        ).status == 404
        visitor.actor = county_staff()
        done = await client.post(
            path, data={"csrf": TOKEN, "decision": "refused", "answer": "登记无误"}, allow_redirects=False
        )
        assert done.status == 303
        again = await client.post(path, data={"csrf": TOKEN, "decision": "done", "answer": "再答一次"})
        assert again.status == 404
        assert "<form" not in (decided := await (await client.get(path)).text()).split("<main")[1]
        assert "登记无误" in decided
        for state, there in (("open", False), ("done", False), ("refused", True)):
            assert (path in await (await client.get(f"/rights?state={state}")).text()) is there
        visitor.actor = staff(Role.STREET_STAFF, divisions=("110101002",))
        assert (await client.get(path)).status == 404


@pytest.mark.parametrize("path", ["/about/privacy"])
async def test_the_public_page_needs_no_sign_in(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient, path: str
) -> None:
    """What is never collected, each limit with its figure, each right, each notice with its day."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        client: Client = await aiohttp_client(_build(hub))
        assert "告知书尚未发布" in await (await client.get(path)).text()
        await whole_rider(hub)
        text = await (await client.get(path)).text()
        assert "从不收集" in text
        assert "365 天" in text
        assert f"{parameter('audit.kept').value:.0f} 个月；依法不少于" in text
        assert "{" not in re.sub(r"<style.*?</style>", "", text)
        for title in ("党员身份申报告知书", "开放活动邀请告知书", "2026-11-02"):
            assert title in text
        assert path in await (await client.get("/r/")).text()
