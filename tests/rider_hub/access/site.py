"""The application as a visitor meets it: real HTTP, forms with their token, one or several processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network

import pyotp
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from rider_hub.access import Hub, Role
from rider_hub.access.account_tables import second_factor
from rider_hub.access.first_start import console
from rider_hub.access.users import add_user, find_user
from rider_hub.app import build_app

__all__ = ["PASSWORD", "Visitor", "add", "code_of", "cookie_of", "strict", "visitor"]

PASSWORD = "a password for tests"


class Visitor(TestClient[web.Request, web.Application]):
    """A browser at the application; `address` is where a trusted proxy says it comes from."""

    address = "192.0.2.10"

    async def show(self, path: str) -> tuple[int, str]:
        """Open a page without following where it leads."""
        answer = await self.get(path, allow_redirects=False, headers={"X-Forwarded-For": self.address})
        return answer.status, await answer.text()

    async def send(self, path: str, page: str | None = None, **fields: str | list[str]) -> ClientResponse:
        """Send a form of a page (by default that of its own path) and don't follow where it leads."""
        _, text = await self.show(page or path)
        token = text.partition('name="csrf" value="')[2].partition('"')[0]
        given = {name: [value] if isinstance(value, str) else value for name, value in fields.items()}
        pairs = [(name, each) for name, values in given.items() for each in values]
        headers = {"X-Forwarded-For": self.address}
        return await self.post(path, data=[("csrf", token), *pairs], allow_redirects=False, headers=headers)

    async def sign_in(self, username: str, password: str = PASSWORD) -> ClientResponse:
        """Send the first form of a sign-in."""
        return await self.send("/login", username=username, password=password)


@asynccontextmanager
async def visitor(hub: Hub, address: str = "192.0.2.10") -> AsyncIterator[Visitor]:
    """Give a visitor of an application of its own around the hub: each is one process of a deployment."""
    async with Visitor(TestServer(build_app(hub))) as opened:
        opened.address = address
        yield opened


def strict(hub: Hub) -> Hub:
    """Return the hub as it runs in a county and not in the demo: second factors are asked for."""
    proxies = (ip_network("127.0.0.0/8"),)
    return replace(hub, settings=replace(hub.settings, demo=False, trusted_proxies=proxies))


async def add(
    hub: Hub, username: str, *roles: Role, temporary: bool = False, phone: str | None = None
) -> str:
    """Add an account of the county by the console; returns its id."""
    return await add_user(
        hub,
        console(),
        username=username,
        display_name="测试员",
        password=PASSWORD,
        roles=roles,
        divisions=["110101"],
        temporary=temporary,
        phone=phone,
    )


async def code_of(hub: Hub, username: str, *, pending: bool = False, steps: int = 0) -> str:
    """Return what the authenticator app of an account shows now, or some steps of 30 seconds away."""
    row = await find_user(hub, username)
    assert row is not None
    async with hub.database.read() as connection:
        query = select(second_factor).where(second_factor.c.user_id == row["id"])
        kept = (await connection.execute(query)).mappings().one()
    column = "pending" if pending else "sealed"
    secret = hub.keys.unseal("account", ("second_factor", column, row["id"]), kept[column])["secret"]
    return pyotp.TOTP(secret).at(int(hub.clock.now().timestamp()) + 30 * steps)


def cookie_of(answer: ClientResponse, name: str) -> str:
    """Return the Set-Cookie line of one cookie of an answer, empty where there is none."""
    return next((line for line in answer.headers.getall("Set-Cookie", []) if line.startswith(f"{name}=")), "")
