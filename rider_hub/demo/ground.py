"""Brings the demo's ground into a hub by the use cases an operator calls: codes, borders, registries."""

import functools
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from rider_hub.access import Actor, Hub, Role, Scope
from rider_hub.access.users import actor_of, add_user, find_user
from rider_hub.consent.service import publish_notices
from rider_hub.demo.world_model import Organization, World
from rider_hub.divisions.rows import ImportReport
from rider_hub.divisions.service import import_boundaries, import_divisions
from rider_hub.errors import Invalid
from rider_hub.lovestations.service import import_love_stations
from rider_hub.organizations.model import global_ref
from rider_hub.organizations.service import add_platforms, import_instructors, import_organizations

__all__ = ["Account", "bring_in_ground", "console"]

#: The registries hold since before the demo's story, which goes back some weeks.
_SINCE = "2026-01-01"


@dataclass(frozen=True)
class Account:
    """A demo account, told on the console; its password is made anew each time."""

    username: str
    password: str
    words: str
    actor: Actor


def console() -> Actor:
    """Return the operator at the console, who sets the demo up."""
    roles = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.COUNTY_STAFF})
    return Actor("operator:console", "控制台", roles, Scope.all())


async def bring_in_ground(hub: Hub, world: World) -> list[Account]:
    """Import all that stands before the first feed comes, and return the accounts made."""
    actor = console()
    await publish_notices(hub, actor)
    _whole(
        await import_divisions(
            hub, actor, _rows(world.divisions), title="统计用区划代码（2023）", as_of=world.today
        )
    )
    borders = functools.partial(import_boundaries, hub, actor, region=world.county, as_of=world.today)
    _whole(await borders(world.street_polygons, level="street", title="街道边界（公开数据）"))
    _whole(await borders(world.community_polygons, level="community", title="社区示意边界", sketch=True))
    _whole(await add_platforms(hub, actor, _rows(world.platforms)))
    stations = {station.ref: global_ref(station.platform, station.ref) for station in world.stations}
    _whole(
        await import_organizations(
            hub, actor, [_organization(each, stations) for each in world.organizations]
        )
    )
    _whole(
        await import_instructors(
            hub,
            actor,
            [
                {"code": i.code, "title": i.label, "division": i.street, "valid_from": _SINCE}
                for i in world.instructors
            ],
        )
    )
    _whole(
        await import_love_stations(hub, actor, [_love_station(each) for each in _rows(world.love_stations)])
    )
    return [await _add(hub, actor, **account) for account in _accounts(world)]


def _rows(values: Iterable[Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = msgspec.to_builtins(list(values))
    return rows


def _organization(organization: Organization, stations: Mapping[str, str]) -> dict[str, Any]:
    covers = [f"{cover.kind}:{stations.get(cover.ref, cover.ref)}" for cover in organization.covers]
    return {
        "code": organization.code,
        "name": organization.name,
        "kind": organization.kind,
        "host_kind": organization.host_kind,
        "host_ref": stations.get(organization.host, organization.host),
        "parent": organization.parent,
        "division": organization.division,
        "covers": ";".join(covers),
        "valid_from": _SINCE,
    }


def _love_station(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": row["code"],
        "name": row["name"],
        "division": row["community"],
        "lng": row["lng"],
        "lat": row["lat"],
        "frame": "wgs84",
        "services": "、".join(row["services"]),
        "opening_hours": row["opening_hours"],
        "capacity": row["capacity"],
        "verified_on": row["last_verified"],
        "valid_from": _SINCE,
    }


def _accounts(world: World) -> list[dict[str, Any]]:
    names = {division.code: division.name for division in world.divisions}
    county = world.county
    street = str(world.street_polygons["code"].min())
    bodies = {member.body for member in world.members if member.consent}
    industry = next(each.code for each in world.organizations if each.kind == "industry_organization")
    return [
        {
            "username": "qu",
            "words": f"{names[county]}工作人员（匹配、审批、数据接入、全区台账）",
            "roles": [Role.COUNTY_STAFF],
            "divisions": [county],
        },
        {
            "username": "fuhe",
            "words": f"{names[county]}工作人员（第二人：审批导出、紧急访问）",
            "roles": [Role.COUNTY_STAFF],
            "divisions": [county],
        },
        {
            "username": "jiedao",
            "words": f"{names[street]}工作人员（只看本街道）",
            "roles": [Role.STREET_STAFF],
            "divisions": [street],
        },
        {
            "username": "shuji",
            "words": f"{names[county]}行业党委及获同意的党组织的书记（活动邀请）",
            "roles": [Role.BRANCH_SECRETARY],
            "divisions": [county],
            "organizations": sorted(bodies | {industry}),
        },
        {
            "username": "xitong",
            "words": "系统管理员（账号、定时任务）",
            "roles": [Role.SYSTEM_ADMIN],
            "divisions": [county],
        },
        {
            "username": "anquan",
            "words": "安全管理员（角色和范围、紧急访问）",
            "roles": [Role.SECURITY_ADMIN],
            "divisions": [county],
        },
        {
            "username": "shenji",
            "words": "审计管理员（审计日志）",
            "roles": [Role.AUDIT_ADMIN],
            "divisions": [county],
        },
    ]


async def _add(
    hub: Hub, actor: Actor, *, username: str, words: str, roles: list[Role], **scope: Any
) -> Account:
    # Digits and a to f never spell a user name, which a password may not hold.
    password = f"Demo-{secrets.token_hex(6)}"
    await add_user(
        hub,
        actor,
        username=username,
        display_name=f"演示·{roles[0].title_zh}",
        password=password,
        roles=roles,
        scope_title=words.split("（", maxsplit=1)[0].removesuffix("工作人员"),
        **scope,
    )
    row = await find_user(hub, username)
    if row is None:
        raise Invalid("演示账号没有建成。", "The demo account was not made.")
    return Account(username, password, words, actor_of(row))


def _whole(report: ImportReport) -> None:
    if not report.ok:
        raise Invalid(
            "演示数据没有全部导入。", "The demo's data did not come in whole.", errors=report.failures
        )
