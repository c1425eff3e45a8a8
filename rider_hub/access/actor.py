"""Whoever acts: a member of staff, a rider, a sender of feeds, a job, an operator, or nobody yet."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from aiohttp import web

from rider_hub.access.scope import Scope

__all__ = ["ACTOR", "PUBLIC", "STAFF_ROLES", "Actor", "Grant", "Role"]


class Role(StrEnum):
    """What a person or program is to the hub (GLOSSARY: roles); the scope says where."""

    COUNTY_STAFF = "county_staff"
    STREET_STAFF = "street_staff"
    BRANCH_SECRETARY = "branch_secretary"
    INSTRUCTOR = "instructor"
    PLATFORM_ACCOUNT = "platform_account"
    PARTNER_ACCOUNT = "partner_account"
    COUNSELLING_OFFICER = "counselling_officer"
    AUDIT_ADMIN = "audit_admin"
    SECURITY_ADMIN = "security_admin"
    SYSTEM_ADMIN = "system_admin"
    RIDER = "rider"
    SENDER = "sender"
    TEST_SENDER = "test_sender"
    STATION_LINK = "station_link"
    JOB = "job"
    PUBLIC = "public"

    @property
    def title_zh(self) -> str:
        """The name of the role on pages."""
        return _TITLES[self]


#: Roles a staff account may have; the others are proved in other ways.
STAFF_ROLES = frozenset(Role) - {
    Role.RIDER,
    Role.SENDER,
    Role.TEST_SENDER,
    Role.STATION_LINK,
    Role.JOB,
    Role.PUBLIC,
}

_TITLES = {
    Role.COUNTY_STAFF: "区县工作人员",
    Role.STREET_STAFF: "街道社区工作人员",
    Role.BRANCH_SECRETARY: "支部书记",
    Role.INSTRUCTOR: "党建工作指导员",
    Role.PLATFORM_ACCOUNT: "平台账号",
    Role.PARTNER_ACCOUNT: "合作企业账号",
    Role.COUNSELLING_OFFICER: "心理法律专员",
    Role.AUDIT_ADMIN: "审计管理员",
    Role.SECURITY_ADMIN: "安全管理员",
    Role.SYSTEM_ADMIN: "系统管理员",
    Role.RIDER: "骑手",
    Role.SENDER: "数据报送方",
    Role.TEST_SENDER: "测试报送方",
    Role.STATION_LINK: "站点上报链接",
    Role.JOB: "定时任务",
    Role.PUBLIC: "访客",
}


@dataclass(frozen=True)
class Grant:
    """Emergency access that a second person gave: a role, where, and until when."""

    id: str
    number: str
    role: Role
    scope: Scope
    scope_title: str
    ends_at: datetime


@dataclass(frozen=True)
class Actor:
    """One who acts, with roles and the scope they hold in."""

    id: str
    display_name: str
    roles: frozenset[Role]
    scope: Scope
    scope_title: str = ""
    #: Codes of the party organizations this person works for (a secretary's branch).
    organizations: frozenset[str] = frozenset()
    #: Set when the actor is a rider signed in on the phone page.
    rider_id: str | None = None
    session: str | None = None
    #: Set when the actor is a link that takes files of one station: its platform and reference.
    station: tuple[str, str] | None = None
    #: Keyed index of the phone a rider signed in with.
    phone: bytes | None = None
    #: Keyed index of the phone of the person behind a staff account, the same as the one of a rider's
    #: registration: nobody verifies, approves or audits themselves by a second log-in. None where not stated.
    person: bytes | None = None
    #: Emergency access that is live; roles and scope stay the own ones, `policy.acting` says what is lent.
    grants: tuple[Grant, ...] = ()
    #: Who this was before an operation lent it more.
    own: "Actor | None" = None

    @property
    def mark(self) -> str:
        """What the audit trail puts before the purpose of an act under emergency access."""
        numbers = "、".join(grant.number for grant in self.grants)
        return f"【紧急访问 {numbers}】" if numbers else ""

    @property
    def role_titles(self) -> str:
        """The roles' names on pages."""
        return "、".join(role.title_zh for role in sorted(self.roles))

    @classmethod
    def job(cls, name: str) -> "Actor":
        """Return the actor of one scheduled job."""
        return cls(id=f"job:{name}", display_name=name, roles=frozenset({Role.JOB}), scope=Scope.all())

    @classmethod
    def rider(cls, rider_id: str, session: str | None = None, phone: bytes | None = None) -> "Actor":
        """Return a rider who proved who they are; sees only what is their own."""
        roles = frozenset({Role.RIDER})
        return cls(
            id=f"rider:{rider_id}",
            display_name="骑手",
            roles=roles,
            scope=Scope(),
            rider_id=rider_id,
            session=session,
            phone=phone,
        )

    @classmethod
    def sender(cls, platform: str) -> "Actor":
        """Return a platform's program whose signature was verified."""
        return cls(
            id=f"sender:{platform}",
            display_name=platform,
            roles=frozenset({Role.SENDER}),
            scope=Scope(platforms=(platform,)),
        )

    @classmethod
    def test_sender(cls, platform: str) -> "Actor":
        """Return a platform's program that signed with a test key: it may try, and store nothing."""
        return cls(
            id=f"test:{platform}",
            display_name=platform,
            roles=frozenset({Role.TEST_SENDER}),
            scope=Scope(platforms=(platform,)),
        )

    @classmethod
    def station_link(cls, link_id: str, platform: str, station_ref: str) -> "Actor":
        """Return whoever holds a link that takes files of one station; it proves no person, sees no row."""
        return cls(
            id=f"link:{link_id}",
            display_name=Role.STATION_LINK.title_zh,
            roles=frozenset({Role.STATION_LINK}),
            scope=Scope(),
            scope_title=f"{platform} {station_ref}",
            station=(platform, station_ref),
        )


PUBLIC = Actor(id="public", display_name="访客", roles=frozenset({Role.PUBLIC}), scope=Scope())

#: Where the identity middleware leaves the actor of a request.
ACTOR = web.RequestKey("actor", Actor)
