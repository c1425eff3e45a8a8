"""The OpenAPI 3.1 document of the hub: from the routes, what is said beside them, and the record types."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from connectors.problems import sentences
from connectors.records import RECORD_TYPES, RFS_VERSION
from connectors.rules import RULES_IN_WORDS
from connectors.versions import versions
from rider_hub.errors import Absent, Conflict, HubError, Invalid, LimitReached, Unauthenticated
from rider_hub.intake.api_words import SIGNATURE
from rider_hub.intake.faults import row_words, whole_words
from rider_hub.lovestations.api import LOCATE_WORDS
from rider_hub.web.describing import Answer, Body, Description, Given, description_of
from rider_hub.web.problems import ProblemAnswer, http_words

__all__ = ["ALWAYS", "document", "documented_routes", "error_words"]

_REF: Final = "#/components/schemas/{name}"
_FEEDS, _LOOK_UP, _OPERATION = "报送 feeds", "查询 look up", "运行 operation"
#: Codes that any route may answer with, by status.
ALWAYS: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("bad_request",),
    404: ("not_found",),
    422: ("invalid",),
    429: ("limit_reached", "too_many_requests"),
    500: ("unexpected",),
    503: ("unavailable", "database_busy"),
}
_SCHEMES: Final = {
    SIGNATURE: {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "Standard Webhooks over the bytes as sent, with webhook-id and webhook-timestamp; "
        "docs/platforms.zh-CN.md shows it with curl and openssl.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "rider_hub_session",
        "description": "The session of somebody who signed in on the pages.",
    },
}


def documented_routes(routes: Iterable[web.AbstractRoute]) -> dict[tuple[str, str], Description]:
    """Return the described routes by path and method; HEAD is what aiohttp adds to each GET."""
    found: dict[tuple[str, str], Description] = {}
    for route in routes:
        said = description_of(route.handler)
        if said is not None and route.resource is not None and route.method != "HEAD":
            found[route.resource.canonical, route.method] = said
    return found


def document(routes: Iterable[web.AbstractRoute]) -> dict[str, Any]:
    """Return the document of an application's routes."""
    said = documented_routes(routes)
    schemas = _components(said.values())
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), description in sorted(said.items()):
        paths.setdefault(path, {})[method.lower()] = _operation(path, description)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rider Hub 骑手数据接口",
            "version": RFS_VERSION,
            "summary": "报送站点、骑手登记和诉求，读取回执 / Push stations, registrations and requests",
            "description": _about(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in (_FEEDS, _LOOK_UP, _OPERATION)],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SCHEMES},
    }


def _about() -> str:
    return (
        "每条错误都写明代码、中文和英文说明以及字段。同一条登记信息重复报送不会重复保存；不得报送政治面貌、宗教、健康、"
        "金融、生物特征和行踪轨迹：含这些字段的行整行拒收。\n\n"
        "Every error has a code, a sentence in Chinese and English, and the field. Sending a record twice "
        "stores it once. Political status, religion, health, finance, biometrics and tracks: refused. "
        f"A new major version is announced {versions().notice_months} months before the old one ends."
    )


def _components(said: Iterable[Description]) -> dict[str, Any]:
    types: dict[str, type] = {kind.__name__: kind for kind in (*RECORD_TYPES.values(), ProblemAnswer)}
    for description in said:
        for kind in _types(description):
            types[kind.__name__] = kind
    _, schemas = msgspec.json.schema_components(list(types.values()), ref_template=_REF)
    found: dict[str, Any] = {name: dict(schema) for name, schema in schemas.items()}
    for name, kind in RECORD_TYPES.items():
        schema = found[kind.__name__]
        schema["description"] = f"{schema['description']} {RULES_IN_WORDS[name]}"
    codes = {**{code: (text.zh, text.en) for code, text in sentences()["row"].items()}, **row_words()}
    code = found["Failure"]["properties"]["code"]
    code["description"] = "\n".join(f"- `{name}`: {zh} / {en}" for name, (zh, en) in sorted(codes.items()))
    return found


def _types(description: Description) -> list[type]:
    media = description.body.media.values() if description.body else ()
    return [kind for kind in (*(a.type for a in description.answers), *media) if isinstance(kind, type)]


def _operation(path: str, description: Description) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": description.name,
        "summary": description.zh,
        "description": f"{description.zh}。\n\n{description.en}.",
        "tags": [_tag(path)],
    }
    if description.given:
        found["parameters"] = [_parameter(one) for one in description.given]
    if description.body:
        found["requestBody"] = _body(description.body)
    found["responses"] = {
        **{str(answer.status): _answer(answer) for answer in description.answers},
        **_errors(path, description),
    }
    if description.security:
        found["security"] = [{description.security: []}]
    return found


def _tag(path: str) -> str:
    if path.startswith(("/api/v1/feeds", "/api/v1/receipts")):
        return _FEEDS
    return _LOOK_UP if path.startswith("/api/v1/") else _OPERATION


def _parameter(given: Given) -> dict[str, Any]:
    return {
        "name": given.name,
        "in": given.where,
        "required": given.required,
        "description": f"{given.zh} / {given.en}",
        "schema": dict(given.schema),
    }


def _schema(kind: type | Mapping[str, Any]) -> dict[str, Any]:
    return {"$ref": _REF.format(name=kind.__name__)} if isinstance(kind, type) else dict(kind)


def _body(body: Body) -> dict[str, Any]:
    content = {}
    for media, kind in body.media.items():
        content[media] = {"schema": _schema(kind)}
        if media in body.examples:
            content[media]["example"] = body.examples[media]
    return {"required": True, "description": f"{body.zh} / {body.en}", "content": content}


def _answer(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": f"{answer.zh} / {answer.en}",
        "content": {answer.media: {"schema": _schema(answer.type)}},
    }
    if answer.headers:
        found["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in answer.headers.items()
        }
    return found


def _errors(path: str, description: Description) -> dict[str, Any]:
    codes: dict[int, tuple[str, ...]] = dict(description.errors)
    if path.startswith("/api/"):
        for status, general in ALWAYS.items():
            codes[status] = (*codes.get(status, ()), *(c for c in general if c not in codes.get(status, ())))
    words = error_words()
    return {
        str(status): {
            "description": "\n".join(f"- `{code}`: {words[code][0]} / {words[code][1]}" for code in named),
            "content": {
                "application/problem+json": {
                    "schema": {
                        "allOf": [
                            {"$ref": _REF.format(name=ProblemAnswer.__name__)},
                            {"properties": {"code": {"enum": list(named)}}},
                        ]
                    }
                }
            },
        }
        for status, named in sorted(codes.items())
    }


def error_words() -> dict[str, tuple[str, str]]:
    """Return the sentences of every code a route may answer with."""
    general: dict[str, tuple[str, str]] = {
        "unexpected": (
            "系统出现意外错误，已记录，请稍后再试。",
            "An unexpected error was logged: try again later.",
        ),
        "database_busy": ("数据库正忙，请稍后再试。", "The database is busy: try again shortly."),
        Invalid.default_code: ("内容有误，见 errors。", "What was sent can't be used as it is: see errors."),
        Unauthenticated.default_code: ("请先登录或签名。", "Sign in or sign the request first."),
        Conflict.default_code: ("情况已变化，请刷新后再试。", "It changed meanwhile: read it again."),
        "csrf": ("页面已过期，请刷新后再提交。", "The page has expired: reload it and send again."),
        LimitReached.default_code: (
            "每分钟报送次数过多，请按 Retry-After 稍后再试。",
            "Too many pushes a minute: try again after Retry-After seconds.",
        ),
        "snapshot_invalid": (
            "全量名册的声明有误，见 errors。",
            "The snapshot's declaration is wrong: see errors.",
        ),
        "snapshot_differs": (
            "这个名册编号已用于另一范围、时间或总数。",
            "This rfs-snapshot came with another scope, as-of or total.",
        ),
        HubError.default_code: ("请求的格式有误。", "The request is malformed."),
        Absent.default_code: (Absent().zh, Absent().en),
    }
    feed = {code: (text.zh, text.en) for code, text in sentences()["feed"].items()}
    return feed | whole_words() | http_words() | LOCATE_WORDS | general
