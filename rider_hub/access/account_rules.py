"""Rules of staff accounts: departments, phones, and who may give which roles (docs/accounts.md).

The system administrator makes accounts and resets passwords; the security administrator gives roles and
scopes and resets second factors; so no one of them can make an account of the own choice, or take one over.
"""

import re
from collections.abc import Collection
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.identity import is_mobile, normalise_phone
from rider_hub.access.account_tables import user
from rider_hub.access.actor import STAFF_ROLES, Actor, Role
from rider_hub.access.keys import Keyring
from rider_hub.access.policy import allows
from rider_hub.errors import Failure, Invalid

__all__ = [
    "DUTIES",
    "Department",
    "Standing",
    "check_grant",
    "check_partner",
    "check_roles",
    "check_username",
    "invalid",
    "sealed_phone",
]

#: The three administrator duties of MLPS level 3; no account holds two.
DUTIES = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})
#: Addresses of pages beside those of accounts.
_TAKEN = frozenset({"new", "export.xlsx"})
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,31}")


class Department(StrEnum):
    """The county department a member of staff belongs to (75号文 第十条)."""

    ORGANIZATION = "organization"
    SOCIAL_WORK = "social_work"
    MARKET_REGULATION = "market_regulation"
    SUBDISTRICT = "subdistrict"
    OTHER = "other"

    @property
    def title_zh(self) -> str:
        """The department's name on pages."""
        return _DEPARTMENTS[self]


_DEPARTMENTS = {
    Department.ORGANIZATION: "组织部门",
    Department.SOCIAL_WORK: "社会工作部门",
    Department.MARKET_REGULATION: "市场监管部门(含市场监管所)",
    Department.SUBDISTRICT: "街道(乡镇)、社区(村)",
    Department.OTHER: "其他单位",
}


class Standing(StrEnum):
    """Whether party-building work is all one does or comes beside other work."""

    FULL_TIME = "full_time"
    PART_TIME = "part_time"

    @property
    def title_zh(self) -> str:
        """The word on pages."""
        return "专职" if self is Standing.FULL_TIME else "兼职"


def check_username(username: str) -> None:
    """Raise Invalid for a user name that could not be told apart or typed on any keyboard."""
    if not _USERNAME.fullmatch(username) or username in _TAKEN:
        raise invalid(
            "username",
            "username_invalid",
            "用户名为 2 到 32 位字母、数字、点、横线或下划线，以字母或数字开头。",
            "A user name has 2 to 32 letters, digits, dots, dashes, underscores; first a letter or digit.",
        )


def check_roles(roles: Collection[Role]) -> None:
    """Raise Invalid for roles that are no staff's, or two of the three administrator duties."""
    if not set(roles) <= STAFF_ROLES:
        raise invalid(
            "roles", "role_not_of_staff", "账号只能有工作人员的角色。", "An account has roles of staff only."
        )
    if len(DUTIES & set(roles)) > 1:
        raise invalid(
            "roles",
            "duties_not_separated",
            "系统、安全、审计管理员必须是三个账号。",
            "System, security and audit administrator must be three accounts.",
        )


async def check_grant(connection: AsyncConnection, actor: Actor, roles: Collection[Role]) -> None:
    """Raise Invalid unless the actor may give these roles.

    Roles are the security administrator's to give. Until a hub has one, the system administrator makes the
    first security and audit administrators, or nobody could.
    """
    if not roles or allows(actor, "users.grant"):
        return
    first_duties = set(roles) <= {Role.SECURITY_ADMIN, Role.AUDIT_ADMIN}
    if not (first_duties and await _is_without(connection, roles)):
        raise invalid(
            "roles",
            "roles_are_granted",
            "角色和范围由安全管理员分配：请先新增账号，再请安全管理员授权。",
            "Roles and scope are given by the security administrator: add the account without roles first.",
        )


def check_partner(roles: Collection[Role], partners: Collection[str]) -> None:
    """Raise Invalid for a partner's account that names no partner: it would be held to nobody's stations."""
    if Role.PARTNER_ACCOUNT in roles and len(partners) != 1:
        raise invalid(
            "partners",
            "partner_not_one",
            "合作企业账号须写明一家合作企业，名称与站点数据中的一致。",
            "A partner's account names one partner, as its stations do.",
        )


def sealed_phone(keys: Keyring, user_id: str, phone: str | None) -> dict[str, Any]:
    """Return the columns of the phone of the person behind an account; raises Invalid for no mobile number.

    The index is the one riders' registrations have of their phones: one person with two log-ins is found.
    """
    if not phone:
        return {"sealed": None, "phone_index": None}
    found = normalise_phone(phone)
    if found is None or found[1] is not None or not is_mobile(found[0]):
        raise invalid("phone", "phone_invalid", "请输入 11 位手机号。", "Enter a mobile number of 11 digits.")
    sealed = keys.seal("account", ("user_account", "sealed", user_id), {"phone": found[0]}, pad=64)
    return {"sealed": sealed, "phone_index": keys.blind("index", "phone", found[0])}


def invalid(path: str, code: str, zh: str, en: str) -> Invalid:
    """Return the fault of one field."""
    return Invalid(zh, en, errors=[Failure(row=0, path=path, code=code, zh=zh, en=en)])


async def _is_without(connection: AsyncConnection, roles: Collection[Role]) -> bool:
    query = select(user.c.roles).where(user.c.disabled_at.is_(None))
    held = {role for found in (await connection.execute(query)).scalars() for role in found}
    return not held & {str(role) for role in roles}
