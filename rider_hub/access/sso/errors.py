"""Why a sign-on did not succeed, in words for the log-in page; what the provider said is never echoed."""

from rider_hub.errors import HubError

__all__ = ["NotLinked", "ProviderDown", "SignOnDenied", "SignOnExpired", "SignOnRefused"]


class ProviderDown(HubError):
    """The provider doesn't answer, or not as one; signing in by password is not concerned."""

    status = 503
    default_code = "sso_unavailable"

    def __init__(self, why: str) -> None:
        super().__init__(
            "统一身份认证暂时不可用，请稍后再试，或用本系统的账号和密码登录。",
            "Single sign-on is not available: try again later, or sign in by password.",
        )
        #: For the log alone.
        self.why = why


class SignOnExpired(HubError):
    """The browser did not begin this sign-on, or too long ago, or it was finished already."""

    default_code = "sso_expired"

    def __init__(self) -> None:
        super().__init__(
            "这次登录已失效，请重新点击“统一身份认证登录”。",
            "This sign-on is no longer valid: begin again from the log-in page.",
        )


class SignOnDenied(HubError):
    """The provider says that the visitor was not signed on."""

    status = 401
    default_code = "sso_denied"

    def __init__(self) -> None:
        super().__init__(
            "统一身份认证没有完成登录，请重试，或用本系统的账号和密码登录。",
            "The provider did not complete the sign-on: try again, or sign in by password.",
        )


class SignOnRefused(HubError):
    """What the provider sent can't be believed."""

    status = 401
    default_code = "sso_refused"

    def __init__(self, why: str) -> None:
        super().__init__(
            "统一身份认证返回的结果没有通过校验，未能登录。请重试；如仍不行，请联系系统管理员。",
            "The provider's answer did not verify: try again, or tell the administrator.",
        )
        #: For the log alone.
        self.why = why


class NotLinked(HubError):
    """The person is proved, but no account in use is theirs; none is made and none is looked for by name."""

    status = 403
    default_code = "sso_not_linked"

    def __init__(self, subject: str) -> None:
        super().__init__(
            "您的统一身份认证账号没有关联到本系统可用的账号。请把这个编号告诉系统管理员："
            f"{subject}。在此之前请用账号和密码登录。",
            f"No account in use is linked to your identity. Tell the administrator this number: {subject}.",
        )
