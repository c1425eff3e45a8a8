"""Tables of staff accounts, second factors, sessions and counted sign-in attempts."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table

from rider_hub.storage import UtcDateTime, keyed_column, metadata, sealed_column

__all__ = [
    "recovery_code",
    "rider_session",
    "second_factor",
    "session",
    "setup_token",
    "sign_in_attempt",
    "sign_in_code",
    "sign_in_step",
    "user",
]


def _phone_of(content: Mapping[str, Any]) -> str | None:
    return content.get("phone") or None


user = Table(
    "user_account",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("username", String(64), nullable=False, unique=True),
    Column("display_name", String(64), nullable=False),
    Column("password_hash", String(256), nullable=False),
    #: Hashes of the passwords before this one, newest first: they may not be used again.
    Column("password_history", JSON, nullable=False),
    Column("password_changed_at", UtcDateTime, nullable=False),
    #: Somebody else chose the password: it opens nothing but the page that changes it.
    Column("password_temporary", Boolean, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("divisions", JSON, nullable=False),
    Column("platforms", JSON, nullable=False),
    Column("organizations", JSON, nullable=False),
    Column("scope_title", String(128), nullable=False),
    #: The county department one belongs to, and whether full time (专职) or beside other work (兼职).
    Column("department", String(24)),
    Column("standing", String(12)),
    #: {"phone"} of the person behind the account, and the index registrations have of theirs.
    sealed_column("sealed", "account", nullable=True),
    keyed_column("phone_index", "index", field="phone", of=_phone_of, nullable=True),
    #: Goes up with every change of password, roles, scope or state; a session of an older one is over.
    Column("epoch", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    #: Names of partners and codes of parks, beside divisions and platforms; NULL where there are none.
    Column("partners", JSON),
    Column("parks", JSON),
    #: Who reset the password or enabled the account; until another releases it, no factor is no log-in.
    Column("held_by", String(80)),
    keyed_column("row_mac", "lasting", nullable=True),
)

#: The secret of an authenticator app, sealed; `pending` is one shown and not yet confirmed.
second_factor = Table(
    "second_factor",
    metadata,
    Column("user_id", String(32), ForeignKey("user_account.id"), primary_key=True),
    sealed_column("sealed", "account", row="user_id", nullable=True),
    sealed_column("pending", "account", row="user_id", nullable=True),
    #: The 30-second step of the last code that was accepted; only a later one is accepted after it.
    Column("last_step", Integer, nullable=False),
    Column("confirmed_at", UtcDateTime),
)

#: Codes of 80 random bits for whoever lost the app; only their hash is kept, and each works once.
recovery_code = Table(
    "recovery_code",
    metadata,
    Column("user_id", String(32), ForeignKey("user_account.id"), primary_key=True),
    Column("code_hash", String(64), primary_key=True),
    Column("used_at", UtcDateTime),
)

#: Between the password and the rest of a sign-in. It is no session: it opens the next question alone.
sign_in_step = Table(
    "sign_in_step",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", String(32), ForeignKey("user_account.id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("factor_shown", Boolean, nullable=False),
    #: False where a provider signed the person on: then no password is asked to be changed.
    Column("by_password", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

#: A session of a member of staff; only the token's hash is kept.
session = Table(
    "session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    #: What a page calls the session by; it opens nothing.
    Column("id", String(32), nullable=False),
    Column("user_id", String(32), ForeignKey("user_account.id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("browser", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Index("ix_session_user_id", "user_id"),
)

#: A rider's session. Who and when is inside the envelope, which needs the cookie's token and the key file;
#: what is outside, the day after which the row may go, is the same for all riders of a day.
rider_session = Table(
    "rider_session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    sealed_column("sealed", "account", row="token_hash"),
    Column("keep_until", UtcDateTime, nullable=False),
)

#: How often something was tried: keyed by whom and from where, so that the table names neither.
sign_in_attempt = Table(
    "sign_in_attempt",
    metadata,
    keyed_column("key", "lasting", primary_key=True),
    #: Keyed index of the account alone, where the counter is one of an account's: unlocking deletes these.
    keyed_column("account", "lasting", nullable=True),
    Column("count", Integer, nullable=False),
    Column("window_at", UtcDateTime, nullable=False),
    Column("locked_until", UtcDateTime),
    Index("ix_sign_in_attempt_account", "account"),
)

#: The token on the console of a hub without accounts: one row, only its hash.
setup_token = Table(
    "setup_token",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_hash", String(64), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)

#: A code sent to a phone; keyed by the phone's blind index, and only its MAC is kept.
sign_in_code = Table(
    "sign_in_code",
    metadata,
    keyed_column("phone_index", "lasting", primary_key=True),
    keyed_column("code_mac", "lasting"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    #: How many codes were asked for since window_at: guessing is bounded by codes an hour times attempts.
    Column("asked", Integer, nullable=False),
    Column("window_at", UtcDateTime, nullable=False),
)
