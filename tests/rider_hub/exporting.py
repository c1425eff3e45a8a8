"""The way an export of people takes in tests: asked for on its page, approved by another, downloaded."""

from typing import Any

from aiohttp.test_utils import TestClient

from rider_hub.access import Actor, Hub, Role, Scope
from rider_hub.access.answering import answer

__all__ = ["ask_for_export", "second_person", "take_export"]


def second_person(*divisions: str, platforms: tuple[str, ...] = ()) -> Actor:
    """Return a colleague who may approve in these divisions."""
    role = Role.PLATFORM_ACCOUNT if platforms else Role.COUNTY_STAFF
    return Actor(
        id="user:second",
        display_name="第二人",
        roles=frozenset({role}),
        scope=Scope(divisions=divisions or (() if platforms else ("110101",)), platforms=platforms),
        scope_title="测试范围",
    )


async def ask_for_export(client: TestClient[Any, Any], path: str, query: str = "") -> str:
    """Ask for the export of a ledger on its page and return the id of the ask."""
    page = await (await client.get(f"{path}/export{query}")).text()
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    form = {"reason": "check", "purpose": "核对本月台账", "csrf": token}
    answered = await client.post(f"{path}/export{query}", data=form, allow_redirects=False)
    assert answered.status == 303, await answered.text()
    return answered.headers["Location"].rpartition("/")[2]


async def take_export(
    hub: Hub, client: TestClient[Any, Any], path: str, query: str = "", *, approver: Actor | None = None
) -> bytes:
    """Return the workbook of a ledger of people, once asked for and approved."""
    asked = await ask_for_export(client, path, query)
    await answer(hub, approver or second_person(), asked, approve=True)
    taken = await client.get(f"{path}/export.xlsx?approval={asked}")
    assert taken.status == 200, await taken.text()
    return await taken.read()
