"""Whether the hub lives, whether it is ready, and its figures: for whoever runs it."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from rider_hub.access import HUB, guarded
from rider_hub.web.describing import Answer, Description, described

__all__ = ["routes"]


def _state(word: str) -> dict[str, object]:
    return {"type": "object", "properties": {"status": {"const": word}}, "required": ["status"]}


def routes() -> list[web.RouteDef]:
    """Return the public routes of operation; none of them says anything of a person."""
    return guarded(
        "public", [web.get("/healthz", _healthz), web.get("/readyz", _readyz), web.get("/metrics", _metrics)]
    )


@described(
    Description(
        "healthz",
        "进程是否在运行",
        "Whether the process lives",
        (Answer("在运行", "It lives", _state("ok")),),
    )
)
async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


@described(
    Description(
        "readyz",
        "能否提供服务（数据库可用）",
        "Whether it can serve: the database answers",
        (Answer("可以服务", "It is ready", _state("ready")),),
        errors={500: ("unexpected",), 503: ("unavailable",)},
    )
)
async def _readyz(request: web.Request) -> web.Response:
    await request.app[HUB].database.ping()
    return web.json_response({"status": "ready"})


@described(
    Description(
        "metrics",
        "运行指标（Prometheus 文本格式），不含个人信息",
        "Figures in the text format of Prometheus; no person is in them",
        (Answer("指标", "The figures", {"type": "string"}, media="text/plain"),),
    )
)
async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
