"""The forms of account administration, and what lists typed into them mean."""

import re
from typing import Annotated, Any

import msgspec

from rider_hub.access import Look, Role
from rider_hub.access.account_rules import Department, Standing
from rider_hub.access.actor import STAFF_ROLES
from rider_hub.divisions.store import find_divisions
from rider_hub.web.forms import Form

__all__ = ["DEPARTMENTS", "ROLES", "STANDINGS", "Details", "Given", "NewAccount", "codes", "scope_of"]

DEPARTMENTS = [(each.value, each.title_zh) for each in Department]
STANDINGS = [(each.value, each.title_zh) for each in Standing]
ROLES = [(role.value, role.title_zh) for role in Role if role in STAFF_ROLES]
_BETWEEN = re.compile(r"[\s,，、;；]+")
_MOST = 200


class Details(msgspec.Struct):
    """What an account says of its person."""

    display_name: Annotated[str, msgspec.Meta(title="姓名", max_length=64)]
    department: Annotated[Department, msgspec.Meta(title="所属部门")] | None = None
    standing: Annotated[Standing, msgspec.Meta(title="专职或兼职")] | None = None
    phone: Annotated[str, msgspec.Meta(title="手机号", max_length=32)] = ""


class NewAccount(Details, kw_only=True):
    """A new account; its roles come in a step of their own."""

    username: Annotated[str, msgspec.Meta(title="用户名", max_length=32)]


class Given(msgspec.Struct):
    """Roles and scope as the security administrator gives them."""

    roles: Annotated[list[Role], msgspec.Meta(title="角色")] = []
    scope_title: Annotated[str, msgspec.Meta(title="范围名称", max_length=128)] = ""
    divisions: Annotated[str, msgspec.Meta(title="行政区划", max_length=4000)] = ""
    parks: Annotated[str, msgspec.Meta(title="园区", max_length=4000)] = ""
    platforms: Annotated[str, msgspec.Meta(title="平台企业", max_length=1000)] = ""
    partners: Annotated[str, msgspec.Meta(title="合作企业", max_length=1000)] = ""
    organizations: Annotated[str, msgspec.Meta(title="党组织", max_length=4000)] = ""


def codes(text: str) -> list[str]:
    """Return the entries of a list typed with blanks, commas or lines between."""
    return sorted({each for each in _BETWEEN.split(text) if each})[:_MOST]


async def scope_of(look: Look, form: Form[Given]) -> tuple[Form[Given], dict[str, Any]]:
    """Return what the form gives, and the form with a fault where a division does not exist."""
    given = form.checked()
    lists = {
        name: codes(getattr(given, name))
        for name in ("divisions", "parks", "platforms", "partners", "organizations")
    }
    known = await find_divisions(look.connection, lists["divisions"])
    if unknown := [code for code in lists["divisions"] if code not in known]:
        shown = "、".join(unknown[:5])
        form = form.failed(
            "divisions",
            "division_unknown",
            f"没有这些区划代码：{shown}。",
            "There is no division of these codes.",
        )
    title = given.scope_title or "、".join(known[code].name for code in lists["divisions"] if code in known)
    return form, {"roles": given.roles, "scope_title": title, **lists}
