"""Single sign-on against a real OpenID provider: who is proved comes in, and every doubt stays outside."""

import base64
import json
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from joserfc.jwk import OctKey, RSAKey
from sqlalchemy import select, update

from rider_hub.access import Hub, Role
from rider_hub.access.second_factor import confirm, offer_secret
from rider_hub.access.sso.links import confirm_identity, link_identity, unlink_identity
from rider_hub.access.tables import audit_row, user
from rider_hub.access.users import actor_of, add_user, find_user
from rider_hub.app import build_app
from rider_hub.clock import SystemClock
from rider_hub.demo.ground import console
from rider_hub.errors import Absent, Conflict, Invalid
from rider_hub.views.sso import PROVIDER
from tests.factories import make_hub
from tests.rider_hub.access.openid import (
    SECRET,
    Claims,
    Front,
    RealProvider,
    new_key,
    sign_on_settings,
    signed_on,
)

PASSWORD = "a password for tests"
SUBJECT = "s-4711"
Client = TestClient[web.Request, web.Application]


class Clock(SystemClock):
    """The real time, since the provider's is, and a test may be late."""

    late = timedelta()

    def now(self) -> datetime:
        """Return the time, as late as the test wants it."""
        return super().now() + self.late


@dataclass
class Site:
    """A hub with one linked account behind a real provider."""

    hub: Hub
    client: Client
    front: Front
    clock: Clock

    async def begun(self, path: str = "/login/sso") -> str:
        """Begin a sign-on; return the provider's address."""
        answer = await self.client.get(path, allow_redirects=False)
        assert answer.status == 303, await answer.text()
        return answer.headers["Location"]

    async def back(self, path: str) -> ClientResponse:
        """Come back from the provider."""
        return await self.client.get(path, allow_redirects=False)

    async def signed_in(self, login: str = SUBJECT, path: str = "/login/sso") -> ClientResponse:
        """Sign on from beginning to end."""
        return await self.back(await signed_on(await self.begun(path), login))

    async def inside(self) -> bool:
        """Say whether this browser is signed in."""
        return (await self.client.get("/jobs", allow_redirects=False)).status == 200

    async def refused(self, answer: ClientResponse, status: int, words: str) -> None:
        """Check that an answer is the log-in page with a reason, and opened nothing."""
        page = await answer.text()
        assert (answer.status, words in page) == (status, True), page
        assert 'name="password"' in page
        assert not await self.inside()


@pytest.fixture(scope="module")
def listening() -> Iterator[socket.socket]:
    """Give the one address that this module's provider is known by."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.fixture(scope="module")
def provider(listening: socket.socket) -> Iterator[RealProvider]:
    """Run the provider for this module."""
    running = RealProvider(f"http://127.0.0.1:{listening.getsockname()[1]}", new_key("first"))
    yield running
    running.end()


@pytest.fixture
async def front(provider: RealProvider, listening: socket.socket) -> AsyncIterator[Front]:
    """Stand before the provider for one test."""
    made = Front(provider)
    runner = await made.serve(listening.dup())
    yield made
    await runner.cleanup()


@pytest.fixture
async def site(database_url: str, tmp_path: Path, front: Front) -> AsyncIterator[Site]:
    """Serve a hub with the account `zhao`, linked to the person SUBJECT."""
    clock = Clock()
    async with make_hub(database_url, tmp_path, clock) as plain:
        settings = sign_on_settings(front.provider.issuer)
        hub = replace(plain, settings=replace(plain.settings, sign_on=settings))
        await new_account(hub, "zhao")
        await link_identity(hub, console(), username="zhao", subject=SUBJECT)
        row = await find_user(hub, "zhao")
        assert row is not None
        await confirm_identity(hub, actor_of(row), row["id"], SUBJECT)
        async with TestClient(TestServer(build_app(hub))) as client:
            yield Site(hub, client, front, clock)


async def new_account(hub: Hub, username: str) -> None:
    """Add an account that may see the jobs."""
    await add_user(
        hub, console(), username=username, display_name="测试员", password=PASSWORD, roles=[Role.SYSTEM_ADMIN]
    )


async def signed_in_by_password(client: Client, username: str) -> int:
    """Fill in the log-in page; return the answer's status."""
    page = await (await client.get("/login")).text()
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    form = {"username": username, "password": PASSWORD, "csrf": token}
    return (await client.post("/login", data=form, allow_redirects=False)).status


async def test_a_linked_person_comes_in_where_they_wanted_to_go(site: Site) -> None:
    """Code, PKCE, state and nonce; the button carries the page that was asked for; the trail knows who."""
    page = await (await site.client.get("/jobs")).text()
    link = re.search(r'href="(/login/sso\?next=[^"]+)">统一身份认证登录', page)
    assert link is not None
    at_provider = await site.begun(link[1])
    asked = parse_qs(urlsplit(at_provider).query)
    assert (asked["response_type"], asked["code_challenge_method"]) == (["code"], ["S256"])
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    answer = await site.back(await signed_on(at_provider, SUBJECT))
    assert (answer.status, answer.headers["Location"]) == (303, "/jobs")
    assert await site.inside()
    async with site.hub.database.read() as connection:
        rows = (
            await connection.execute(select(audit_row).where(audit_row.c.actor == "user:zhao"))
        ).mappings()
        assert ("session.open", "done") in {(row["operation"], row["outcome"]) for row in rows}


async def test_signing_out_ends_the_hubs_session(site: Site) -> None:
    """As after a password."""
    await site.signed_in()
    page = await (await site.client.get("/jobs")).text()
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    await site.client.post("/logout", data={"csrf": token}, allow_redirects=False)
    assert not await site.inside()


@pytest.mark.parametrize("login", ["zhao", "user:zhao", "S-4711", "zhao@hub.example"])
async def test_nobody_is_let_in_by_a_name(site: Site, login: str) -> None:
    """A person who is not linked is told their number; no account is found by name and none is made."""
    answer = await site.signed_in(login)
    await site.refused(answer, 403, "没有关联到本系统可用的账号")
    assert login in await answer.text()
    async with site.hub.database.read() as connection:
        assert len((await connection.execute(select(user.c.id))).all()) == 1


async def test_a_disabled_account_stays_outside(site: Site) -> None:
    """The provider still knows the person; the hub no longer does."""
    async with site.hub.database.write() as connection:
        await connection.execute(update(user).values(disabled_at=site.hub.clock.now()))
    await site.refused(await site.signed_in(), 403, "没有关联到本系统可用的账号")


async def test_links_are_an_administrators(site: Site) -> None:
    """One identity and one account each; unlinked it opens nothing; only who may change accounts links."""
    await new_account(site.hub, "qian")
    for username, subject in (("qian", SUBJECT), ("zhao", "another")):
        with pytest.raises(Conflict):
            await link_identity(site.hub, console(), username=username, subject=subject)
    with pytest.raises(Absent):
        await link_identity(site.hub, console(), username="nobody", subject="x")
    with pytest.raises(Invalid):
        await link_identity(site.hub, console(), username="qian", subject="")
    county = replace(console(), roles=frozenset({Role.COUNTY_STAFF}))
    with pytest.raises(Absent):
        await link_identity(site.hub, county, username="qian", subject="x")
    await unlink_identity(site.hub, console(), username="zhao")
    await site.refused(await site.signed_in(), 403, "没有关联")
    with pytest.raises(Absent):
        await unlink_identity(site.hub, console(), username="zhao")


async def _own_page(site: Site) -> tuple[str, str]:
    page = await (await site.client.get("/account")).text()
    return page, page.partition('name="csrf" value="')[2].partition('"')[0]


async def test_a_link_opens_nothing_before_the_holder_confirms_it(site: Site) -> None:
    """Whoever names an identity, only the account's holder, with the password, puts the link in force."""
    await unlink_identity(site.hub, console(), username="zhao")
    await link_identity(site.hub, console(), username="zhao", subject=SUBJECT)
    await site.refused(await site.signed_in(), 403, "没有关联")
    assert await signed_in_by_password(site.client, "zhao") == 303
    page, token = await _own_page(site)
    assert SUBJECT in page
    form = {"csrf": token, "subject": SUBJECT}
    wrong = await site.client.post("/account/identity", data=form | {"present": "not the password"})
    other = await site.client.post(
        "/account/identity", data=form | {"subject": "another", "present": PASSWORD}
    )
    assert (wrong.status, other.status) == (422, 404)
    done = await site.client.post("/account/identity", data=form | {"present": PASSWORD})
    assert SUBJECT not in await done.text()
    site.client.session.cookie_jar.clear()
    answer = await site.signed_in()
    assert answer.status in {200, 303}


async def test_a_holder_refuses_an_identity_that_is_not_theirs(site: Site) -> None:
    """One click takes the link away, and it can't be confirmed afterwards."""
    await unlink_identity(site.hub, console(), username="zhao")
    await link_identity(site.hub, console(), username="zhao", subject=SUBJECT)
    assert await signed_in_by_password(site.client, "zhao") == 303
    _, token = await _own_page(site)
    form = {"csrf": token, "subject": SUBJECT}
    page = await (await site.client.post("/account/identity/refuse", data=form)).text()
    assert SUBJECT not in page
    late = await site.client.post("/account/identity", data=form | {"present": PASSWORD})
    assert late.status == 404


def unsigned(claims: Claims) -> str:
    """Return a token of the algorithm `none`."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


def changed_bit(token: str) -> str:
    """Change one bit of a token's signature."""
    head, dot, signature = token.rpartition(".")
    return f"{head}{dot}{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


STRANGER = new_key("first")
PRIVATE_CLAIM = {"jwk": STRANGER.as_dict(private=False)}
FORGERIES: dict[str, Callable[[Front, Claims], str]] = {
    "expired": lambda f, c: f.signed(c | {"exp": c["iat"] - 100}),
    "old": lambda f, c: f.signed(c | {"iat": c["iat"] - 4000}),
    "of_the_future": lambda f, c: f.signed(c | {"iat": c["iat"] + 4000}),
    "not_yet": lambda f, c: f.signed(c | {"nbf": c["iat"] + 4000}),
    "without_end": lambda f, c: f.signed({k: v for k, v in c.items() if k != "exp"}),
    "wrong_nonce": lambda f, c: f.signed(c | {"nonce": "of another sign-on"}),
    "no_nonce": lambda f, c: f.signed({k: v for k, v in c.items() if k != "nonce"}),
    "other_audience": lambda f, c: f.signed(c | {"aud": "another-client"}),
    "shared_audience": lambda f, c: f.signed(c | {"aud": ["rider-hub", "another-client"]}),
    "other_party": lambda f, c: f.signed(c | {"azp": "another-client"}),
    "other_issuer": lambda f, c: f.signed(c | {"iss": "https://other.example"}),
    "no_subject": lambda f, c: f.signed({k: v for k, v in c.items() if k != "sub"}),
    "number_for_subject": lambda f, c: f.signed(c | {"sub": 4711}),
    "other_access_token": lambda f, c: f.signed(c | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    "alg_none": lambda _, c: unsigned(c),
    "hmac_by_secret": lambda f, c: f.signed(c, {"alg": "HS256"}, OctKey.import_key(SECRET)),
    "hmac_by_public_key": lambda f, c: f.signed(
        c, {"alg": "HS256"}, OctKey.import_key(base64.b64encode(f.provider.key.as_pem(private=False)))
    ),
    "algorithm_not_set": lambda f, c: f.signed(c, {"alg": "PS256"}, RSAKey.import_key(_free(f.provider.key))),
    "other_key": lambda f, c: f.signed(c, None, STRANGER),
    "key_in_the_token": lambda f, c: f.signed(c, PRIVATE_CLAIM, STRANGER),
    "changed_bit": lambda f, c: changed_bit(f.signed(c)),
    "no_token": lambda _, __: "",
}


def _free(key: RSAKey) -> dict[str, Any]:
    return {name: value for name, value in key.as_dict(private=True).items() if name != "alg"}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_token_that_proves_nothing_opens_nothing(site: Site, name: str) -> None:
    """Signed by the provider's own key where it is a claim that is wrong, so that nothing else refuses it."""
    site.front.forge = lambda claims: FORGERIES[name](site.front, claims)
    await site.refused(await site.signed_in(), 401, "没有通过校验")
    # The same way with the claims untouched comes in: it was the forgery that was refused.
    site.front.forge = site.front.signed
    assert (await site.signed_in()).status == 303
    assert await site.inside()


async def test_an_answer_serves_once_and_in_one_browser(site: Site) -> None:
    """The same answer again, one in another browser, without a state, with a guessed one: not valid."""
    path = await signed_on(await site.begun(), SUBJECT)
    async with TestClient(TestServer(build_app(site.hub))) as other:
        stolen = await other.get(path, allow_redirects=False)
        assert stolen.status == 400
        await signed_on((await other.get("/login/sso", allow_redirects=False)).headers["Location"], SUBJECT)
        assert (await other.get(path, allow_redirects=False)).status == 400
    kept = {cookie.key: cookie.value for cookie in site.client.session.cookie_jar}
    assert (await site.back(path)).status == 303
    site.client.session.cookie_jar.clear()
    for again in (path, "/login/sso/callback", "/login/sso/callback?state=guess&code=x"):
        answer = await site.client.get(again, cookies=kept, allow_redirects=False)
        assert (answer.status, "已失效" in await answer.text()) == (400, True)


async def test_a_sign_on_that_took_too_long_is_over(site: Site) -> None:
    """Ten minutes after it began."""
    path = await signed_on(await site.begun(), SUBJECT)
    site.clock.late = timedelta(minutes=11)
    await site.refused(await site.back(path), 400, "已失效")


async def test_a_code_of_another_sign_on_is_refused(site: Site) -> None:
    """An attacker's code put into a victim's answer: the provider holds it against the code challenge."""
    mine = await signed_on(await site.begun(), SUBJECT)
    async with TestClient(TestServer(build_app(site.hub))) as attacker:
        begun = await attacker.get("/login/sso", allow_redirects=False)
        theirs = parse_qs(urlsplit(await signed_on(begun.headers["Location"], "attacker")).query)
    query = {name: values[0] for name, values in parse_qs(urlsplit(mine).query).items()}
    swapped = "/login/sso/callback?" + urlencode(query | {"code": theirs["code"][0]})
    await site.refused(await site.back(swapped), 401, "没有通过校验")


@pytest.mark.parametrize("issuer", ["https://other.example", None])
async def test_an_answer_of_another_issuer_sends_its_code_nowhere(site: Site, issuer: str | None) -> None:
    """Mix-up (RFC 9207): this provider names itself in every answer; one that doesn't is not from it."""
    path = await signed_on(await site.begun(), SUBJECT)
    query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    changed = {"iss": issuer} if issuer else {}
    mixed = urlencode({k: v for k, v in query.items() if k != "iss"} | changed)
    await site.refused(await site.back(f"/login/sso/callback?{mixed}"), 401, "没有通过校验")
    assert "/token" not in site.front.asked


async def test_the_provider_may_change_its_keys_at_any_time(site: Site) -> None:
    """Between two sign-ons of one process; a forger does not make it read them each time."""
    await site.signed_in()
    site.front.provider.rotate(new_key("second"))
    site.client.session.cookie_jar.clear()
    for provider in site.client.app.values():  # type: ignore[union-attr]
        if hasattr(provider, "_keys_at"):
            provider._keys_at -= 60
    assert (await site.signed_in()).status == 303
    read = site.front.asked.count("/jwks")
    site.front.forge = lambda claims: changed_bit(site.front.signed(claims))
    for _ in range(3):
        assert (await site.signed_in()).status == 401
    assert (read, site.front.asked.count("/jwks")) == (2, 2)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks"])
async def test_while_the_provider_is_down_passwords_serve(site: Site, path: str) -> None:
    """The page says so in words, keeps the password's form, and the password opens the session."""
    site.front.broken.add(path)
    begun = await site.client.get("/login/sso", allow_redirects=False)
    if begun.status == 303:
        begun = await site.back(await signed_on(begun.headers["Location"], SUBJECT))
    await site.refused(begun, 503, "统一身份认证暂时不可用")
    assert await signed_in_by_password(site.client, "zhao") == 303
    assert await site.inside()


@pytest.mark.parametrize(
    "described",
    [{"issuer": "https://other.example"}, {"token_endpoint": None}, {"issuer": ["x"]}],
)
async def test_a_description_of_another_provider_is_not_taken(site: Site, described: dict[str, Any]) -> None:
    """Its issuer must be the very one that was set."""
    site.front.described = described
    answer = await site.client.get("/login/sso", allow_redirects=False)
    await site.refused(answer, 503, "统一身份认证暂时不可用")


async def test_a_person_who_turned_back_is_told_so(site: Site) -> None:
    """What the provider said of it is never shown."""
    state = parse_qs(urlsplit(await site.begun()).query)["state"][0]
    said = {"error": "access_denied", "error_description": "<b>call 110</b>", "state": state}
    said["iss"] = site.front.provider.issuer
    answer = await site.back("/login/sso/callback?" + urlencode(said))
    await site.refused(answer, 401, "没有完成登录")
    assert "110" not in await answer.text()


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "",
    ],
)
async def test_nobody_is_led_to_another_site(site: Site, target: str) -> None:
    """Whatever `next` says, the hub's own home is where it ends."""
    answer = await site.signed_in(path="/login/sso?" + urlencode({"next": target}))
    assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_a_hub_without_a_provider_has_no_such_page(database_url: str, tmp_path: Path) -> None:
    """No button, and absence."""
    async with make_hub(database_url, tmp_path) as hub, TestClient(TestServer(build_app(hub))) as client:
        assert "统一身份认证" not in await (await client.get("/login")).text()
        for path in ("/login/sso", "/login/sso/callback?state=x&code=y"):
            assert (await client.get(path, allow_redirects=False)).status == 404
        with pytest.raises(Invalid):
            await link_identity(hub, console(), username="zhao", subject="x")


@pytest.mark.parametrize(
    ("own", "trusted", "said", "place"),
    [
        (True, (), {"amr": ["pwd", "mfa"], "acr": "mfa"}, "/login/code?next=%2Fjobs"),
        (True, ("mfa",), {}, "/login/code?next=%2Fjobs"),
        (True, ("mfa",), {"amr": ["pwd", "mfa"]}, "/login/code?next=%2Fjobs"),
        (True, ("mfa",), {"amr": "mfa"}, None),
        (False, (), {"amr": ["pwd", "mfa"], "acr": "mfa"}, "/login/second-factor?next=%2Fjobs"),
        (False, ("mfa",), {"amr": ["pwd"]}, "/login/second-factor?next=%2Fjobs"),
        (False, ("mfa",), {"amr": ["pwd", "mfa"]}, "/jobs"),
        (False, ("gold",), {"acr": "gold"}, "/jobs"),
    ],
)
async def test_the_second_factor_is_the_hubs_unless_the_settings_trust_the_providers(
    site: Site, own: bool, trusted: tuple[str, ...], said: dict[str, Any], place: str | None
) -> None:
    """An own app is always asked for its code; without one a named value in the token serves."""
    object.__setattr__(site.hub.settings, "demo", False)  # the demo asks nobody for a second factor
    if own:
        async with site.hub.database.write() as connection:
            account = (await connection.execute(select(user.c.id))).scalar_one()
            secret = await offer_secret(connection, site.hub.keys, account)
            now = site.hub.clock.now()
            assert await confirm(connection, site.hub.keys, account, pyotp.TOTP(secret).at(now), now)
    provider = site.client.app[PROVIDER]  # type: ignore[index]
    provider.settings = replace(provider.settings, second_factors=frozenset(trusted))
    site.front.forge = lambda claims: site.front.signed(claims | said)
    answer = await site.signed_in(path="/login/sso?next=/jobs")
    if place is None:
        await site.refused(answer, 401, "没有通过校验")
        return
    assert (answer.status, answer.headers["Location"]) == (303, place)
    assert await site.inside() == (place == "/jobs")
