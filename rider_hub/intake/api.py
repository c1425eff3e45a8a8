"""Routes for senders: push a feed, check one without storing, read a receipt; signed, never by session."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NoReturn

import msgspec
from aiohttp import web

from connectors.errors import FeedError
from connectors.problems import feed_error
from connectors.records import FeedType, Registration, Request, Station
from connectors.transport.http_push import MAX_SENT, MIB, PushRow, read_push
from connectors.versions import VERSION_HEADER, Version, spoken, version_headers
from rider_hub.access import HUB, Actor, Hub, guarded
from rider_hub.access.inputs import takes
from rider_hub.errors import Absent, Unauthenticated
from rider_hub.intake import api_words as words
from rider_hub.intake import store
from rider_hub.intake.answers import UNUSABLE, refusal
from rider_hub.intake.batches import Source, keyed_digest, take_batch
from rider_hub.intake.checking import check_batch
from rider_hub.intake.faults import whole
from rider_hub.intake.gate import GATE, Gate, Room
from rider_hub.intake.messages import count_try, once, pace_of
from rider_hub.intake.model import Receipt, ReceiptState, Sender, as_feed_type
from rider_hub.intake.needs import needs_of
from rider_hub.intake.proofs import Proof, prove
from rider_hub.intake.rehearsal import rehearse_batch
from rider_hub.intake.snapshot_model import Declared, SnapshotState, declared_by
from rider_hub.intake.snapshots import with_snapshot
from rider_hub.parameters import parameter
from rider_hub.web.describing import described
from rider_hub.web.problems import PROBLEM

__all__ = ["prepare", "routes"]

_CHUNK = 64 * 1024
_MAX_KEY = 128
_HELD = 202
#: Stands for the key where a batch is only checked; no key of a push is like it, as keys are printable.
_CHECKED = "\x00check"


def routes() -> list[web.RouteDef]:
    """Return the senders' routes. The signature is checked inside: the policy then rules the use case."""
    return guarded(
        "public",
        [
            web.get("/api/v1/feeds/{platform}/requirements", _requirements),
            web.post("/api/v1/feeds/{platform}/{type:(?!requirements$)[^{}/]+}", _push),
            web.post("/api/v1/feeds/{platform}/{type}/check", _check),
            web.get("/api/v1/receipts/{id}", _receipt),
        ],
        signed=True,
    )


def prepare(app: web.Application) -> None:
    """Set up the gate that pushes go through."""
    app[GATE] = Gate()


@described(words.PUSH)
@takes(rows=(Station, Registration, Request))
async def _push(request: web.Request) -> web.StreamResponse:
    """Take a signed batch; 200 with the receipt, 202 where it is held whole, 422 where no row can be used.

    Signed with a test key it is answered alike, marked `test`, and nothing of it is stored.
    """
    async with request.app[GATE].room() as room:
        return await _take(request, room)


async def _take(request: web.Request, room: Room) -> web.StreamResponse:
    hub, platform = request.app[HUB], request.match_info["platform"]
    body, proof = await _signed_body(request, platform, room)
    version = _version(request)
    feed_type = _feed_type(request)
    key = request.headers.get("Idempotency-Key", proof.message_id)
    if not (0 < len(key) <= _MAX_KEY and key.isascii() and key.isprintable()):
        raise whole("idempotency_key_invalid")
    sender = await _sender(hub, proof, platform)
    declared = _declared(hub, request, feed_type)
    # Another declaration under the same key or message is another push.
    digest = keyed_digest(hub, body + declared.text.encode() if declared else body)
    source = Source("push", key, digest, name=proof.message_id, snapshot=declared)
    bound = _bound(hub, feed_type, key, digest)
    take = rehearse_batch if proof.is_test else take_batch
    async with (
        request.app[GATE].turn(),
        once(hub, proof.counted, proof.message_id, bound, a_minute=pace_of(sender)),
    ):
        rows = await _rows(request, body)
        receipt = await take(hub, proof.actor, sender, feed_type=feed_type, rows=rows, source=source)
    headers = version_headers(version)
    if not receipt.test:  # of a test there is no receipt to read again
        headers = {"Location": f"/api/v1/receipts/{receipt.id}", **headers}
    if receipt.replayed:
        headers["Idempotent-Replayed"] = "true"
    if receipt.received and receipt.rejected == receipt.received:
        return _json(refusal(receipt), status=UNUSABLE, headers=headers, content_type=PROBLEM)
    status = _HELD if receipt.state is ReceiptState.HELD or _waits(receipt) else 200
    return _json(receipt.to_json(), status=status, headers=headers)


@described(words.CHECK)
@takes(rows=(Station, Registration, Request))
async def _check(request: web.Request) -> web.StreamResponse:
    """Check a signed batch as a push would and store nothing of it."""
    async with request.app[GATE].room() as room:
        return await _look_through(request, room)


async def _look_through(request: web.Request, room: Room) -> web.StreamResponse:
    hub, platform = request.app[HUB], request.match_info["platform"]
    body, proof = await _signed_body(request, platform, room)
    version = _version(request)
    feed_type = _feed_type(request)
    sender = await _sender(hub, proof, platform)
    # Bound in the same names as pushes: the path is not signed, so a caught check could be sent as a push.
    bound = _bound(hub, feed_type, _CHECKED, keyed_digest(hub, body))
    async with (
        request.app[GATE].turn(),
        once(hub, proof.counted, proof.message_id, bound, a_minute=pace_of(sender), again_is_cheap=False),
        hub.look(proof.actor, "feeds.check", target=f"feed:{platform}") as look,
    ):
        rows = await _rows(request, body)
        batch = await check_batch(look.connection, sender, feed_type, rows, look.now, keys=hub.keys)
    total = len(batch.outcomes)
    return _json(
        {
            "total": total,
            "accepted": total - batch.rejected,
            "rejected": batch.rejected,
            "frame": {"verdict": batch.judgement.verdict, "evidence": batch.judgement.evidence},
            "failures": [msgspec.to_builtins(failure) for failure in batch.failures],
            **({"test": True} if proof.is_test else {}),
        },
        headers=version_headers(version),
    )


@described(words.REQUIREMENTS)
async def _requirements(request: web.Request) -> web.StreamResponse:
    """Answer what the sender's agreement asks of its rows. The signature is over an empty body."""
    hub, platform = request.app[HUB], request.match_info["platform"]
    try:
        proof = await prove(hub, platform, request.headers, b"")
    except FeedError as error:
        raise _unauthenticated(error) from error
    await _count_read(hub, proof.actor)
    version = _version(request)
    sender = await _sender(hub, proof, platform)
    return _json(needs_of(sender), headers=version_headers(version))


@described(words.RECEIPT)
async def _receipt(request: web.Request) -> web.StreamResponse:
    """Answer a sender's own receipt; another's and none look alike. The signature is over an empty body."""
    hub = request.app[HUB]
    async with hub.database.read() as connection:
        platform = await store.platform_of_receipt(connection, request.match_info["id"])
    try:
        actor = (await prove(hub, platform or "", request.headers, b"", tests=False)).actor
    except FeedError as error:
        if error.code == "signature_invalid":
            raise Absent from error
        raise _unauthenticated(error) from error
    await _count_read(hub, actor)
    async with hub.look(actor, "feeds.push") as look:
        found = await store.find_receipt(look.connection, request.match_info["id"], look.scope)
        found = found and await with_snapshot(look.connection, found)
    if found is None:
        raise Absent
    return _json(found.to_json())


async def _count_read(hub: Hub, actor: Actor) -> None:
    """Count a read apart from pushes, two for each: at its limit a sender can still read each receipt."""
    platform = actor.scope.platforms[0]
    async with hub.database.read() as connection:
        sender = await store.find_sender(connection, platform, actor.scope)
    if sender is not None:
        await count_try(hub, f"read:{actor.id}", 2 * pace_of(sender))


async def _signed_body(request: web.Request, platform: str, room: Room) -> tuple[bytes, Proof]:
    """Read the body as it was sent, within the limit; return it with its proof if the signature is right."""
    if (request.content_length or 0) > MAX_SENT:
        _refuse_large()
    body = bytearray()
    async for piece in request.content.iter_chunked(_CHUNK):
        room.take(len(piece))
        body += piece
        if len(body) > MAX_SENT:
            _refuse_large()
    sent = bytes(body)
    try:
        return sent, await prove(request.app[HUB], platform, request.headers, sent)
    except FeedError as error:
        raise _unauthenticated(error) from error


def _bound(hub: Hub, feed_type: FeedType, key: str, digest: bytes) -> bytes:
    return hub.keys.blind("lasting", "message", f"{feed_type}\n{key}\n{digest.hex()}")


def _declared(hub: Hub, request: web.Request, feed_type: FeedType) -> Declared | None:
    """Read what the push's headers say of a snapshot; only riders' registrations come in snapshots."""
    ahead = timedelta(minutes=parameter("intake.ahead").value)
    declared = declared_by(request.headers, hub.clock.now(), ahead)
    if declared is not None and feed_type != "registration":
        raise whole("snapshot_not_offered")
    return declared


def _waits(receipt: Receipt) -> bool:
    return receipt.snapshot is not None and receipt.snapshot["state"] == SnapshotState.HELD


def _unauthenticated(error: FeedError) -> Unauthenticated:
    return Unauthenticated(error.zh, error.en, code=error.code)


def _refuse_large() -> NoReturn:
    raise feed_error("body_too_large", status=413, limit=MAX_SENT // MIB)


async def _rows(request: web.Request, body: bytes) -> Iterator[PushRow]:
    """Find what is wrong with the body as a whole in a thread: inflating 128 MiB takes half a second."""
    encoding = request.headers.get("Content-Encoding", "")
    kind = request.content_type
    return await asyncio.to_thread(read_push, body, content_type=kind, content_encoding=encoding)


def _version(request: web.Request) -> Version:
    return spoken(request.headers.get(VERSION_HEADER), request.app[HUB].clock.now().date())


def _feed_type(request: web.Request) -> FeedType:
    feed_type = as_feed_type(request.match_info["type"])
    if feed_type is None:
        raise whole("feed_not_offered")
    return feed_type


async def _sender(hub: Hub, proof: Proof, platform: str) -> Sender:
    async with hub.look(proof.actor, proof.operation, target=f"sender:{platform}") as look:
        sender = await store.find_sender(look.connection, platform, look.scope)
    if sender is None:
        raise Absent
    return sender


def _json(
    content: Any,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> web.Response:
    body = msgspec.json.encode(content)
    return web.Response(body=body, status=status, headers=headers, content_type=content_type)
