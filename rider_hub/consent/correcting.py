"""Correction at a rider's wish (PIPL 46): asked for on the phone page, answered by staff in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, select, update

from rider_hub.access import Actor, Change, Hub, Look
from rider_hub.consent.copying import stated
from rider_hub.consent.tables import rights_request
from rider_hub.errors import Absent, Conflict, Failure, Invalid, Refused
from rider_hub.messages.service import post
from rider_hub.riders.correcting import checked_value, correct_registration, find_registration
from rider_hub.riders.corrections import Field
from rider_hub.riders.display import mask_name, mask_phone
from rider_hub.riders.own_phone import has_own_phone, own_reach
from rider_hub.riders.ports import contents, registrations_of
from rider_hub.riders.tables import registration, rider
from rider_hub.storage import insert_rows, new_id

__all__ = [
    "WISHES",
    "Asked",
    "answer_request",
    "ask",
    "correct_for_staff",
    "find_request",
    "opened_request",
    "own_requests",
]

#: What a rider may say is wrong, in words; and the field that answers it.
WISHES: Final[Mapping[str, tuple[str, Field | None]]] = {
    "name": ("姓名不对", "name"),
    "phone": ("手机号不对", "phone"),
    "station": ("配送站点不对", "station_ref"),
    "left": ("我已经离开这个平台", "state"),
    "not_me": ("这条登记不是我", "phone"),
    "other": ("其他内容不对", None),
}
#: Wishes that only a value answers; "not_me" alone takes a phone away.
_VALUED: Final = frozenset({"name", "phone", "station"})
#: A phone on which another's session stands can only ask for what staff will confirm in person.
_ERASE: Final = "erase"
_NOT_SHOWN: Final = "答复只对您第一次登录时的手机号显示"
_MOST_OPEN = 5
_WORDS = 200
_TEXT = "【骑手服务】您的更正请求有了答复，请登录骑手页面“我的权利”查看。"


@dataclass(frozen=True)
class Asked:
    """One request as staff and its rider read it."""

    id: str
    kind: str
    what: str
    rider_id: str | None
    registration_id: str
    value: str
    note: str
    answer: str
    state: str
    division: str
    filed_at: datetime
    due_at: datetime
    decided_at: datetime | None

    @property
    def title(self) -> str:
        """What is asked for, in words."""
        return "删除个人信息" if self.kind == _ERASE else WISHES.get(self.what, ("更正", None))[0]


async def ask(
    hub: Hub,
    actor: Actor,
    *,
    kind: str,
    due_at: datetime,
    what: str = "",
    registration_id: str = "",
    value: str = "",
    note: str = "",
) -> str:
    """File a rider's request and return its id; Invalid names fields, Conflict: too many are open."""
    rider_id = actor.rider_id
    if rider_id is None:
        raise Refused
    content = {"what": what, "registration": registration_id, "value": _line(value), "note": _line(note)}
    if kind == "correct" and (what not in WISHES or (what == "other" and not content["note"])):
        raise _wrong("note", "请写明哪里不对。", "Say what is wrong.")
    async with hub.change(actor, "rider.own") as work:
        place = select(rider.c.division).where(rider.c.id == rider_id)
        division = (await work.connection.execute(place)).scalar_one_or_none()
        if division is None:
            raise Refused  # a session left over of a rider who was erased
        reach = await own_reach(work.connection, hub.keys, actor)
        mine = [row for row in await registrations_of(work.connection, rider_id) if row["id"] in reach]
        if kind == "correct":
            about = next((row for row in mine if row["id"] == registration_id), None)
            if about is None:
                raise _wrong("registration", "请选择一条登记。", "Choose one of your registrations.")
            content["value"] = await _asked_value(work, about["platform"], content)
        query = select(rights_request.c.id).where(
            rights_request.c.rider_id == rider_id, rights_request.c.state == "open"
        )
        if len((await work.connection.execute(query)).all()) >= _MOST_OPEN:
            raise Conflict(
                "您已有几项请求正在办理，请等答复后再提。",
                "Several of your requests are being handled: wait for their answers.",
                code="too_many_rights_requests",
            )
        row_id = new_id()
        row = {
            "id": row_id,
            "kind": kind,
            "rider_id": rider_id,
            "division": division,
            "state": "open",
            "sealed": hub.keys.seal("personal", ("rights_request", "sealed", row_id), content),
            "filed_at": work.now,
            "due_at": due_at,
            "decided_at": None,
            "decided_by": None,
            "cleared_at": None,
        }
        await insert_rows(work.connection, rights_request, [row])
    return row_id


async def own_requests(look: Look, hub: Hub) -> list[Asked]:
    """Return the signed-in rider's own requests, the newest first; their words for the own phone alone."""
    query = select(rights_request).where(rights_request.c.rider_id == look.actor.rider_id)
    rows = await look.connection.execute(query.order_by(rights_request.c.filed_at.desc()))
    asked = [opened_request(hub, row) for row in rows.mappings()]
    if await has_own_phone(look.connection, hub.keys, look.actor):
        return asked
    return [replace(one, value="", note="", answer=_NOT_SHOWN if one.answer else "") for one in asked]


async def find_request(look: Look, hub: Hub, request_id: str) -> tuple[Asked, Sequence[Mapping[str, Any]]]:
    """Return one open request in scope with the rider's registrations, masked; raises Absent.

    The trail keeps whose data this opened.
    """
    row = await _in_scope(look, request_id)
    asked = opened_request(hub, row)
    rows = await registrations_of(look.connection, asked.rider_id or "")
    look.opened([asked.rider_id or ""])
    opened = [
        {
            "id": one["id"],
            "platform": one["platform"],
            "station_ref": one["station_ref"],
            "state": one["state"],
            "chosen": one["id"] == asked.registration_id,
            "name": mask_name(contents(hub.keys, one).get("name")),
            "phone": mask_phone(contents(hub.keys, one).get("phone")),
        }
        for one in rows
    ]
    return asked, opened


async def answer_request(
    hub: Hub, actor: Actor, request_id: str, *, accept: bool, answer: str, value: str = ""
) -> str | None:
    """Answer a request and, where it is right, carry it out; returns the county to be matched anew.

    `value` is what staff found right, by default what the rider gave. The rider reads the answer on the phone
    page, and why nothing was changed where nothing was. An erasure is carried out apart (consent/erasing.py).
    """
    words = _line(answer)
    if not words:
        raise _wrong("answer", "请写明办理结果或理由，骑手会看到。", "Say what was done or why not.")
    async with hub.change(actor, "rights.handle", target=f"rights:{request_id}", purpose=words[:80]) as work:
        row = await _in_scope(work, request_id)
        asked = opened_request(hub, row)
        work.opened([asked.rider_id or ""])
        county = None
        if accept and (field := WISHES.get(asked.what, ("", None))[1]) is not None:
            given = "" if asked.what == "not_me" else _line(value) or asked.value
            if asked.what in _VALUED and not given:
                zh = "请填写核对后的内容；骑手没有填写，不填不能更正。"
                raise _wrong("value", zh, "Give what you found right: the rider gave nothing.")
            county = await _correct(hub, work, asked.rider_id or "", asked.registration_id, (field, given))
        content = {"what": asked.what, "registration": asked.registration_id, "value": asked.value}
        content |= {"note": asked.note, "answer": words}
        decided = update(rights_request).where(
            rights_request.c.id == request_id, rights_request.c.state == "open"
        )
        sealed = hub.keys.seal("personal", ("rights_request", "sealed", request_id), content)
        state = "done" if accept else "refused"
        await work.connection.execute(
            decided.values(state=state, sealed=sealed, decided_at=work.now, decided_by=actor.id)
        )
        await _tell(hub, work, asked.rider_id or "")
    return county


async def correct_for_staff(
    hub: Hub, actor: Actor, rider_id: str, *, registration_ref: str, field: Field, value: str, purpose: str
) -> str:
    """Correct a field for a rider who asked at the counter; returns the county to be matched anew.

    `registration_ref` is "platform/reference". Raises Absent out of scope, Invalid for value or purpose.
    """
    why, target = stated(purpose), f"rider:{rider_id} correct {field}"
    async with hub.change(actor, "rights.handle", target=target, purpose=why) as work:
        query = select(rider.c.id).where(rider.c.id == rider_id, work.scope.where(rider.c.division))
        if (await work.connection.execute(query)).first() is None:
            raise Absent
        platform, _, ref = registration_ref.partition("/")
        mine = select(registration.c.id).where(
            registration.c.rider_id == rider_id,
            registration.c.platform == platform,
            registration.c.platform_rider_ref == ref,
        )
        found = (await work.connection.execute(mine)).scalar_one_or_none()
        work.opened([rider_id])
        return await _correct(hub, work, rider_id, found or "", (field, value))


async def _asked_value(work: Change, platform: str, content: Mapping[str, str]) -> str:
    """Return what a rider says is right, in its one form where it has one; raises Invalid."""
    what, value = content["what"], content["value"]
    if what == "station" and not (value or content["note"]):
        zh = "请填写站点编号，或在说明里写站点名称。"
        raise _wrong("value", zh, "Give the station's number, or its name in the note.")
    field = WISHES[what][1]
    if field not in ("name", "phone") or what == "not_me":
        return value
    if not value:
        raise _wrong("value", "请填写正确的内容。", "Say what is right.")
    try:
        return await checked_value(work, platform, field, value) or ""
    except Invalid as error:
        raise _wrong("value", error.zh, error.en) from None


async def _correct(
    hub: Hub, work: Change, rider_id: str, registration_id: str, right: tuple[Field, str]
) -> str:
    row = await find_registration(work, rider_id, registration_id)
    if row is None:
        raise Absent("这条登记已不在。", "There is no such registration any more.")
    await correct_registration(work, hub.keys, row, *right)
    return str(row["county"])


async def _tell(hub: Hub, work: Change, rider_id: str) -> None:
    for row in await registrations_of(work.connection, rider_id):
        if phone := contents(hub.keys, row).get("phone"):
            await post(work, hub.keys, "rights", phone, {"text": _TEXT})
            return


async def _in_scope(work: Look, request_id: str) -> RowMapping:
    query = select(rights_request).where(
        rights_request.c.id == request_id,
        rights_request.c.state == "open",
        work.scope.where(rights_request.c.division),
    )
    row: RowMapping | None = (await work.connection.execute(query)).mappings().first()
    if row is None:
        raise Absent
    return row


def opened_request(hub: Hub, row: RowMapping) -> Asked:
    """Open one row of the table; of an erased rider's nothing is left but kind, state and month."""
    content: dict[str, str] = {}
    if row["sealed"]:
        content = hub.keys.unseal("personal", ("rights_request", "sealed", row["id"]), row["sealed"])
    return Asked(
        id=row["id"],
        kind=row["kind"],
        what=content.get("what", ""),
        rider_id=row["rider_id"],
        registration_id=content.get("registration", ""),
        value=content.get("value", ""),
        note=content.get("note", ""),
        answer=content.get("answer", ""),
        state=row["state"],
        division=row["division"],
        filed_at=row["filed_at"],
        due_at=row["due_at"],
        decided_at=row["decided_at"],
    )


def _line(text: str) -> str:
    return " ".join(text.split())[:_WORDS]


def _wrong(path: str, zh: str, en: str) -> Invalid:
    return Invalid(zh, en, errors=[Failure(row=0, path=path, code="rights_request", zh=zh, en=en)])
