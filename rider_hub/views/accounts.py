"""系统管理 › 账号: the list of accounts and what administrators do to them (docs/accounts.md)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

from aiohttp import web

from rider_hub.access import ACTOR, HUB, Actor, Hub, Role, guarded
from rider_hub.access.account_listing import ShownAccount, list_accounts, missing_duties, show_account
from rider_hub.access.accounts import (
    change_details,
    disable,
    enable,
    grant,
    new_password,
    release,
    reset_password,
    reset_second_factor,
    unlock,
)
from rider_hub.access.inputs import takes
from rider_hub.access.parks import park_names
from rider_hub.access.policy import allows
from rider_hub.access.successions import followed
from rider_hub.access.users import add_user
from rider_hub.clock import local_date
from rider_hub.divisions.store import names
from rider_hub.errors import HubError
from rider_hub.organizations.store import titles
from rider_hub.views.account_forms import (
    DEPARTMENTS,
    ROLES,
    STANDINGS,
    Details,
    Given,
    NewAccount,
    scope_of,
)
from rider_hub.views.signin import with_faults
from rider_hub.web.forms import Form, read_form
from rider_hub.web.ledger import Action, Column, Ledger, ledger_routes, ledger_view
from rider_hub.web.query import Choice, Page, Query, Text
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone

__all__ = ["STATES", "routes"]

STATES = {
    "active": State("正常", Tone.DONE),
    "temporary": State("待改密码", Tone.TODO),
    "no_role": State("待授权", Tone.TODO),
    "held": State("待放行", Tone.TODO),
    "locked": State("已锁定", Tone.OVERDUE),
    "disabled": State("已停用", Tone.WITHDRAWN),
}
_CHOICES: dict[str, Any] = {"departments": DEPARTMENTS, "standings": STANDINGS, "roles": ROLES}

#: What is done to an account; the password of some is shown once.
_Done = Callable[[Hub, Actor, str], Awaitable[str | int | None]]


def routes() -> list[web.RouteDef]:
    """Return the pages of accounts."""
    viewed = [
        web.get("/accounts", _list),
        *(each for each in ledger_routes(_ACCOUNTS, "/accounts") if each.path != "/accounts"),
    ]
    made = [web.get("/accounts/new", _new), web.post("/accounts/new", _add)]
    changed = [
        web.get("/accounts/{username}/edit", _edit),
        web.post("/accounts/{username}/edit", _save),
        web.post("/accounts/{username}/disable", _doing(disable)),
        web.post("/accounts/{username}/enable", _doing(enable)),
        web.post("/accounts/{username}/password", _doing(reset_password)),
        web.post("/accounts/{username}/unlock", _doing(unlock)),
    ]
    granted = [
        web.get("/accounts/{username}/grant", _grant_page),
        web.post("/accounts/{username}/grant", _grant),
        web.post("/accounts/{username}/second-factor", _doing(reset_second_factor)),
        web.post("/accounts/{username}/release", _doing(release)),
    ]
    return [
        *guarded("users.change", made),
        *guarded("users.view", [*viewed, web.get("/accounts/{username}", _one)]),
        *guarded("users.change", changed),
        # Before there is a security administrator, the system administrator names the first: access decides.
        *guarded("users.view", granted[:2]),
        *guarded("users.grant", granted[2:]),
    ]


async def _list(request: web.Request) -> web.Response:
    view = await ledger_view(_ACCOUNTS, request, "/accounts")
    missing = missing_duties(await _all(request))
    return await render(request, "views/accounts.html", view=view, missing=missing)


async def _all(request: web.Request) -> list[ShownAccount]:
    hub = request.app[HUB]
    async with hub.look(request[ACTOR], "users.view") as look:
        return await list_accounts(look, hub.keys)


async def _load(request: web.Request, query: Query) -> Page:
    found = [one for one in await _all(request) if _asked(one, query)]
    rows = [_row(one) for one in found]
    if query.sort:
        rows.sort(key=lambda row: str(row[query.sort or ""] or ""), reverse=query.descending)
    end = None if query.size is None else query.offset + query.size
    return Page(rows[query.offset : end], len(rows), request.app[HUB].clock.now())


def _asked(one: ShownAccount, query: Query) -> bool:
    words, role, state = query.get("q"), query.get("role"), query.get("state")
    if words and words not in one.username and words not in one.display_name:
        return False
    return (role is None or role in one.roles) and state in {None, one.state}


def _row(one: ShownAccount) -> dict[str, Any]:
    return {
        "username": one.username,
        "display_name": one.display_name,
        "roles": [role.title_zh for role in one.roles],
        "scope_title": one.scope_title,
        "department": one.department.title_zh if one.department else None,
        "standing": one.standing.title_zh if one.standing else None,
        "state": STATES[one.state],
        "factor": "已设置" if one.factor_since else "未设置",
        "password_changed_at": one.password_changed_at,
        "created_at": one.created_at,
    }


async def _actions(request: web.Request) -> Sequence[Action]:
    may = allows(request[ACTOR], "users.change")
    return [Action("新增账号", "/accounts/new", primary=True)] if may else []


async def _find(request: web.Request) -> ShownAccount:
    hub = request.app[HUB]
    async with hub.look(request[ACTOR], "users.view") as look:
        return await show_account(look, hub.keys, request.match_info["username"])


async def _one(request: web.Request) -> web.Response:
    actor, it = request[ACTOR], await _find(request)
    titles_of, came_to = await _named(request, it)
    return await render(
        request,
        "views/account_details.html",
        it=it,
        came_to=came_to,
        titles=titles_of,
        states=STATES,
        path_of=f"/accounts/{quote(it.username, safe='')}",
        own=actor.id == f"user:{it.username}",
        may_change=allows(actor, "users.change"),
        may_grant=allows(actor, "users.grant") or bool(missing_duties(await _all(request))),
        may_reset_factor=allows(actor, "users.grant"),
    )


async def _named(request: web.Request, it: ShownAccount) -> tuple[dict[str, str], list[str]]:
    """Return the names of places and organizations by code, and the codes that came to its own."""
    hub = request.app[HUB]
    async with hub.look(request[ACTOR], "users.view") as look:
        now = await followed(look.connection, hub.keys, it.divisions, local_date(hub.clock.now()))
        places = await names(look.connection, now)
        organizations = await titles(look.connection, it.organizations)
        parks = await park_names(look.connection, it.parks)
    return {**places, **organizations, **parks}, sorted(now - {*it.divisions})


async def _new(request: web.Request) -> web.Response:
    return await render(request, "views/account_new.html", form=Form.filled(), **_CHOICES)


@takes(NewAccount)
async def _add(request: web.Request) -> web.Response:
    form = await read_form(request, NewAccount)
    if form.value is None:
        return await render(request, "views/account_new.html", status=422, form=form, **_CHOICES)
    given, password = form.value, new_password(form.value.username)
    try:
        await add_user(
            request.app[HUB],
            request[ACTOR],
            username=given.username,
            display_name=given.display_name,
            department=given.department,
            standing=given.standing,
            phone=given.phone,
            password=password,
            temporary=True,
        )
    except HubError as error:
        wrong = with_faults(form, error, "username")
        return await render(request, "views/account_new.html", status=error.status, form=wrong, **_CHOICES)
    return await _show_password(request, given.username, password, fresh=True)


async def _edit(request: web.Request) -> web.Response:
    it = await _find(request)
    form = Form.filled(display_name=it.display_name, department=it.department, standing=it.standing)
    return await render(request, "views/account_edit.html", form=form, it=it, **_CHOICES)


@takes(Details)
async def _save(request: web.Request) -> web.Response:
    it, form = await _find(request), await read_form(request, Details)
    if form.value is None:
        return await render(request, "views/account_edit.html", status=422, form=form, it=it, **_CHOICES)
    given = form.value
    try:
        await change_details(
            request.app[HUB],
            request[ACTOR],
            it.username,
            display_name=given.display_name,
            department=given.department,
            standing=given.standing,
            phone=given.phone,
        )
    except HubError as error:
        wrong = with_faults(form, error, "display_name")
        return await render(
            request, "views/account_edit.html", status=error.status, form=wrong, it=it, **_CHOICES
        )
    return _back(it.username)


async def _grant_page(request: web.Request) -> web.Response:
    it = await _find(request)
    lists = {
        name: "\n".join(getattr(it, name))
        for name in ("divisions", "parks", "platforms", "partners", "organizations")
    }
    form: Form[Any] = Form(
        values={
            "roles": [str(role) for role in it.roles],
            "scope_title": [it.scope_title],
            **{name: [text] for name, text in lists.items()},
        }
    )
    return await render(request, "views/account_grant.html", form=form, it=it, **_CHOICES)


@takes(Given)
async def _grant(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    it, form = await _find(request), await read_form(request, Given)
    given: dict[str, Any] = {}
    if form.value is not None:
        async with hub.look(actor, "users.view") as look:
            form, given = await scope_of(look, form)
    if form.value is None:
        return await render(request, "views/account_grant.html", status=422, form=form, it=it, **_CHOICES)
    try:
        await grant(hub, actor, it.username, **given)
    except HubError as error:
        wrong = with_faults(form, error, "roles")
        return await render(
            request, "views/account_grant.html", status=error.status, form=wrong, it=it, **_CHOICES
        )
    return _back(it.username)


def _doing(done: _Done) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of a button: it does one thing to the account and shows a password it made."""

    @takes()
    async def handle(request: web.Request) -> web.Response:
        username = request.match_info["username"]
        made = await done(request.app[HUB], request[ACTOR], username)
        return await _show_password(request, username, made) if isinstance(made, str) else _back(username)

    return handle


async def _show_password(
    request: web.Request, username: str, password: str, *, fresh: bool = False
) -> web.Response:
    return await render(
        request,
        "views/account_password.html",
        username=username,
        password=password,
        fresh=fresh,
        first=fresh and Role.SECURITY_ADMIN in missing_duties(await _all(request)),
    )


def _back(username: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/accounts/{quote(username, safe='')}"})


_ACCOUNTS = Ledger(
    key="accounts",
    title="账号",
    purpose="管理谁能登录、有什么角色、管哪些地方。",
    columns=[
        Column("username", "用户名", "code", sortable=True, width=12),
        Column("display_name", "姓名", sortable=True, width=8),
        Column("state", "状态", "state"),
        Column("roles", "角色", "tags", width=12),
        Column("factor", "二次验证", width=4),
        Column("scope_title", "范围", width=12),
        Column("department", "部门", width=8),
        Column("standing", "专兼职", width=4),
        Column("password_changed_at", "密码修改", "time", sortable=True),
        Column("created_at", "建立", "time", sortable=True, hidden=True),
    ],
    load=_load,
    personal=False,
    empty="还没有账号。",
    filters=[
        Text("q", "查找", hint="用户名或姓名"),
        Choice("role", "角色", ROLES),
        Choice("state", "状态", [(key, state.word) for key, state in STATES.items()]),
    ],
    row_url=lambda row: f"/accounts/{quote(row['username'], safe='')}",
    actions=_actions,
)
