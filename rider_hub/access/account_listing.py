"""Accounts as administrators see them: who, with which roles where, and in which state."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select

from rider_hub.access.account_rules import DUTIES, Department, Standing
from rider_hub.access.account_tables import second_factor, user
from rider_hub.access.actor import Role
from rider_hub.access.hub import Look
from rider_hub.access.keys import Keyring
from rider_hub.access.lockout import locked_accounts
from rider_hub.errors import Absent

__all__ = ["ShownAccount", "list_accounts", "missing_duties", "show_account"]


@dataclass(frozen=True)
class ShownAccount:
    """One account, without any secret of it."""

    username: str
    display_name: str
    roles: tuple[Role, ...]
    scope_title: str
    divisions: tuple[str, ...]
    parks: tuple[str, ...]
    platforms: tuple[str, ...]
    partners: tuple[str, ...]
    organizations: tuple[str, ...]
    department: Department | None
    standing: Standing | None
    states_phone: bool
    factor_since: datetime | None
    password_changed_at: datetime
    password_temporary: bool
    created_at: datetime
    disabled_at: datetime | None
    locked: bool
    held: bool

    @property
    def state(self) -> str:
        """Return the one word that matters most: disabled, no_role, held, locked, temporary or active."""
        if self.disabled_at is not None:
            return "disabled"
        if not self.roles:
            return "no_role"
        if self.held:
            return "held"
        if self.locked:
            return "locked"
        return "temporary" if self.password_temporary else "active"


async def list_accounts(look: Look, keys: Keyring) -> list[ShownAccount]:
    """Return all accounts by user name; a hub has some hundreds."""
    query = (
        select(user, second_factor.c.confirmed_at)
        .outerjoin(second_factor, second_factor.c.user_id == user.c.id)
        .order_by(user.c.username)
    )
    rows = (await look.connection.execute(query)).mappings().all()
    locked = await locked_accounts(look.connection, keys, [row["username"] for row in rows], look.now)
    return [_shown(row, locked=row["username"] in locked) for row in rows]


async def show_account(look: Look, keys: Keyring, username: str) -> ShownAccount:
    """Return one account; raises Absent where there is none."""
    found = [one for one in await list_accounts(look, keys) if one.username == username]
    if not found:
        raise Absent
    return found[0]


def missing_duties(accounts: list[ShownAccount]) -> list[Role]:
    """Return which of the three administrator duties nobody holds yet."""
    held = {role for one in accounts if one.disabled_at is None for role in one.roles}
    return sorted(DUTIES - held)


def _shown(row: RowMapping, *, locked: bool) -> ShownAccount:
    def texts(name: str) -> tuple[str, ...]:
        found = row[name]
        return tuple(str(each) for each in found) if isinstance(found, list) else ()

    return ShownAccount(
        username=str(row["username"]),
        display_name=str(row["display_name"]),
        roles=tuple(Role(name) for name in texts("roles")),
        scope_title=str(row["scope_title"]),
        divisions=texts("divisions"),
        parks=texts("parks"),
        platforms=texts("platforms"),
        partners=texts("partners"),
        organizations=texts("organizations"),
        department=Department(str(row["department"])) if row["department"] else None,
        standing=Standing(str(row["standing"])) if row["standing"] else None,
        states_phone=row["phone_index"] is not None,
        factor_since=row["confirmed_at"],
        password_changed_at=row["password_changed_at"],
        password_temporary=bool(row["password_temporary"]),
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        locked=locked,
        held=row["held_by"] is not None and row["confirmed_at"] is None,
    )
