"""Errors of the hub that a person may see: a code, a Chinese and an English sentence; never a trace."""

from collections.abc import Sequence

from connectors.batch import Failure

__all__ = [
    "Absent",
    "Conflict",
    "Failure",
    "HubError",
    "Invalid",
    "LimitReached",
    "Refused",
    "SettingsError",
    "Unauthenticated",
    "Unavailable",
]


class HubError(Exception):
    """The root of all errors the hub raises on purpose; says what, where and how to mend it."""

    status = 400
    default_code = "bad_request"
    #: Seconds after which it is worth trying again, where that is known.
    retry_after: int | None = None

    def __init__(
        self,
        zh: str,
        en: str,
        *,
        code: str | None = None,
        errors: Sequence[Failure] = (),
        status: int | None = None,
    ) -> None:
        super().__init__(en)
        self.code = code or self.default_code
        self.zh = zh
        self.en = en
        self.errors = tuple(errors)
        if status is not None:
            self.status = status


class Invalid(HubError):
    """What was sent can't be used as it is; `errors` name the fields."""

    status = 422
    default_code = "invalid"


class Unauthenticated(HubError):
    """Nobody is signed in, or the signature doesn't verify."""

    status = 401
    default_code = "unauthenticated"


class Absent(HubError):
    """There is no such thing, or it is not the viewer's to see: one answer for both."""

    status = 404
    default_code = "not_found"

    def __init__(
        self,
        zh: str = "没有找到这条内容，或不在您的管理范围内。",
        en: str = "Not found, or outside your scope.",
    ) -> None:
        super().__init__(zh, en)


class Refused(Absent):
    """The viewer may not do this; looks like absence, and is audited as a refusal."""


class LimitReached(Refused):
    """The viewer may do this, but has done it too often; says when again, and is audited as a refusal."""

    status = 429
    default_code = "limit_reached"

    def __init__(self, zh: str, en: str, *, retry_after: int) -> None:
        super().__init__(zh, en)
        self.retry_after = retry_after


class Conflict(HubError):
    """The thing changed meanwhile, or is not in a state that allows this."""

    status = 409
    default_code = "conflict"


class Unavailable(HubError):
    """Something the hub stands on can't serve for the moment; the same again will do later."""

    status = 503
    default_code = "unavailable"
    retry_after = 5


class SettingsError(HubError):
    """The settings can't be used; every fault is listed at once."""

    default_code = "settings_invalid"
