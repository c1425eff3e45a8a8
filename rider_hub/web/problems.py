"""Errors as answers: one middleware, one table, problem+json or a page, whichever was asked for."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import msgspec
from aiohttp import web

from connectors.errors import FeedError
from rider_hub.errors import Failure, HubError
from rider_hub.logs import frames_of, logger
from rider_hub.web.shell import SHELL, is_fragment, render

__all__ = ["PROBLEM", "Problem", "ProblemAnswer", "http_words", "problem_response", "problems"]

#: Answers of the HTTP layer itself, in words. Others of 4xx and 5xx get the general sentence.
_WORDS: dict[int, tuple[str, str, str]] = {
    400: (
        "bad_request",
        "请求的格式有误，请从页面上重新操作。",
        "The request is malformed: start again from the page.",
    ),
    403: ("forbidden", "您不能进行这项操作。", "You may not do this."),
    404: (
        "not_found",
        "没有找到这个页面。请检查网址，或从首页重新进入。",
        "No such page: check the address or start from home.",
    ),
    405: ("method_not_allowed", "这个地址不支持这种操作。", "This address doesn't support the method."),
    411: ("length_required", "请求缺少长度说明。", "The request must state its length."),
    413: ("too_large", "提交的内容太大，请减少后重试。", "What was sent is too large: send less."),
    415: ("unsupported_media_type", "不支持这种内容格式。", "This content type isn't supported."),
    429: ("too_many_requests", "操作太频繁，请稍后再试。", "Too many requests: try again later."),
    503: ("unavailable", "系统正忙，请稍后再试。", "The hub is busy: try again later."),
}
_GENERAL = ("http_error", "这次操作没有完成，请稍后再试。", "This couldn't be done: try again later.")
_TITLES = {
    401: "请先登录",
    403: "不能进行这项操作",
    404: "没有找到",
    409: "情况已变化",
    413: "内容太大",
    422: "内容有误",
    429: "操作太频繁",
}
#: Where the status alone would say something else: a sender signs, and does not sign in.
_CODE_TITLES = {
    "signature_missing": "缺少签名",
    "signature_invalid": "签名不正确",
    "timestamp_out_of_tolerance": "签名时间不正确",
}
_SERVER_FAULT = 500
_UNAUTHENTICATED = 401
_REDIRECTS = 400  # below it an HTTPException is no error
PROBLEM = "application/problem+json"
"""The media type of errors."""

_JSON = ("application/json", PROBLEM)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ProblemAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as programs read it (RFC 9457): what happened, where, and how to mend it."""

    type: str
    title: str
    status: int
    code: str
    zh: str
    en: str
    errors: list[Failure]
    #: Finds the log line of an unexpected error.
    id: str = ""


@dataclass(frozen=True)
class Problem:
    """What happened, in one shape for pages and programs (RFC 9457)."""

    status: int
    code: str
    zh: str
    en: str
    errors: Sequence[Failure] = ()
    #: Finds the log line of an unexpected error.
    id: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Return the heading of the page."""
        if self.code in _CODE_TITLES:
            return _CODE_TITLES[self.code]
        return _TITLES.get(self.status, "系统出错了" if self.status >= _SERVER_FAULT else "没有完成")

    def answer(self) -> ProblemAnswer:
        """Return the problem as programs read it."""
        return ProblemAnswer(
            type=f"urn:rider-hub:problem:{self.code}",
            title=self.title,
            status=self.status,
            code=self.code,
            zh=self.zh,
            en=self.en,
            errors=list(self.errors),
            id=self.id,
        )


def http_words() -> dict[str, tuple[str, str]]:
    """Return the sentences of the HTTP layer's own codes."""
    return {code: (zh, en) for code, zh, en in (*_WORDS.values(), _GENERAL)}


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as a problem; it belongs inside `security_headers` and outside everything else."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        if answer.status < _REDIRECTS:
            raise
        return await problem_response(request, _of_http(answer))
    except (HubError, FeedError) as error:
        errors = getattr(error, "errors", ())
        wait = getattr(error, "retry_after", None)
        headers = {} if wait is None else {"Retry-After": str(wait)}
        problem = Problem(error.status, error.code, error.zh, error.en, errors, headers=headers)
        return await problem_response(request, problem)
    except Exception as error:  # noqa: BLE001 - the last line: whatever else happens is logged, not shown
        return await problem_response(request, _unexpected(request, error))


async def problem_response(request: web.Request, problem: Problem) -> web.StreamResponse:
    """Return a problem in the form that was asked for; a page without a visitor leads to the sign-in."""
    shell = request.app.get(SHELL)
    if shell is None or _wants_json(request):
        body = msgspec.json.encode(problem.answer())
        return web.Response(body=body, status=problem.status, content_type=PROBLEM, headers=problem.headers)
    if problem.status == _UNAUTHENTICATED and not (login := _login(request)).startswith(request.path + "?"):
        if is_fragment(request):
            return web.Response(status=204, headers={"HX-Redirect": login})
        if request.method == "GET":
            return web.Response(status=303, headers={"Location": login})
    template = "error_phone.html" if shell.is_phone(request) else "error.html"
    response = await render(request, template, status=problem.status, problem=problem)
    response.headers.update(problem.headers)
    return response


def _wants_json(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    return request.path.startswith("/api/") or any(kind in accept for kind in _JSON)


def _login(request: web.Request) -> str:
    shell = request.app[SHELL]
    path = shell.phone_login_path if shell.is_phone(request) else shell.login_path
    came_from = request.path_qs if request.method == "GET" and not is_fragment(request) else "/"
    return f"{path}?next={quote(came_from, safe='/')}"


def _of_http(answer: web.HTTPException) -> Problem:
    code, zh, en = _WORDS.get(answer.status, _GENERAL)
    kept = {name: answer.headers[name] for name in ("Allow", "Retry-After") if name in answer.headers}
    return Problem(answer.status, code, zh, en, headers=kept)


def _unexpected(request: web.Request, error: Exception) -> Problem:
    mark = secrets.token_hex(4)
    resource = request.match_info.route.resource
    logger("web").error(
        "unexpected",
        id=mark,
        method=request.method,
        route=resource.canonical if resource is not None else "",
        kind=type(error).__name__,
        where=frames_of(error),
    )
    return Problem(
        _SERVER_FAULT,
        "unexpected",
        f"系统出现意外错误，已记录。请稍后再试；如仍不行，请把编号 {mark} 告诉系统管理员。",
        f"An unexpected error was logged. Try again later, or give the administrator the number {mark}.",
        id=mark,
    )
