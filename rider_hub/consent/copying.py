"""A rider's copy (PIPL 45): one JSON document of a versioned form, and the same to be read."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Look
from rider_hub.access.purposes import Purpose
from rider_hub.consent.ports import Ports, Section, export
from rider_hub.errors import Absent, Refused
from rider_hub.riders.own_phone import check_own_phone
from rider_hub.riders.tables import rider

__all__ = [
    "FORM",
    "VERSION",
    "CopiedSection",
    "Copy",
    "copy_for_staff",
    "copy_own",
    "copy_schema",
    "encoded",
    "stated",
]

FORM = "rider-hub-copy"
#: Grows when a field is renamed or goes; new fields and sections leave it.
VERSION = 1

_PRIVATE_LEFT_OUT = (
    "党员身份申报、同意记录、活动邀请和只给心理法律专员看的诉求不在此文件中：这些内容只给骑手本人，由本人在骑手页面下载。"
    "工作人员经办的文件一律如此，与是否申报无关。"
)
_NOT_FOUND = "匿名提交的诉求没有与任何人关联，系统找不到，因此不在此文件中。"


class CopiedSection(msgspec.Struct, frozen=True):
    """One kind of data: the title of each field, and the records by field."""

    key: str
    title: str
    tables: tuple[str, ...]
    fields: dict[str, str]
    records: list[dict[str, Any]]


class Copy(msgspec.Struct, frozen=True):
    """The whole document."""

    form: str
    version: int
    made_at: datetime
    #: The rider's pseudonyms in this hub: one, or more where registrations were linked later.
    riders: tuple[str, ...]
    #: "rider" or "staff": through whose hands the document went.
    made_by: str
    #: What is not in the document, and why.
    left_out: tuple[str, ...]
    sections: tuple[CopiedSection, ...]


async def copy_own(hub: Hub, actor: Actor, ports: Ports) -> tuple[Copy, list[Section]]:
    """Return the signed-in rider's copy, and its sections to be read.

    Raises PhoneNotConfirmed for another phone than the first: it may be another's.
    """
    if actor.rider_id is None:
        raise Refused
    async with hub.look(actor, "rider.own") as look:
        riders = await check_own_phone(look.connection, hub.keys, actor)
        sections = await _sections(hub, look, ports, riders, private=True)
    return _document(sections, look.now, riders, "rider", (_NOT_FOUND,)), sections


async def copy_for_staff(
    hub: Hub, actor: Actor, ports: Ports, rider_id: str, purpose: str
) -> tuple[Copy, list[Section]]:
    """Return a copy for a rider who asked at the counter; what is only the rider's own is never in it.

    Raises Invalid without a purpose, Absent where the rider is out of the actor's scope.
    """
    async with hub.look(
        actor, "rights.handle", target=f"rider:{rider_id} copy", purpose=stated(purpose)
    ) as look:
        query = select(rider.c.id).where(rider.c.id == rider_id, look.scope.where(rider.c.division))
        if (await look.connection.execute(query)).first() is None:
            raise Absent
        look.opened([rider_id])
        riders = [rider_id]
        sections = await _sections(hub, look, ports, riders, private=False)
    return _document(sections, look.now, riders, "staff", (_NOT_FOUND, _PRIVATE_LEFT_OUT)), sections


def stated(purpose: str) -> str:
    """Return what the trail will say of why staff act for a rider; raises Invalid where that says nothing."""
    return Purpose.stated({"rights": "办理骑手权利请求"}, "rights", purpose).text


def encoded(copy: Copy) -> bytes:
    """Return the document as it is handed over."""
    return msgspec.json.format(msgspec.json.encode(copy), indent=1)


def copy_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return {**msgspec.json.schema(Copy), "title": f"{FORM} {VERSION}"}


async def _sections(hub: Hub, look: Look, ports: Ports, riders: list[str], *, private: bool) -> list[Section]:
    return [
        section
        for rider_id in riders
        for section in await export(ports, look, hub.keys, rider_id, private=private)
        if section.records
    ]


def _document(
    sections: list[Section], at: datetime, riders: list[str], made_by: str, left_out: tuple[str, ...]
) -> Copy:
    return Copy(
        form=FORM,
        version=VERSION,
        made_at=at,
        riders=tuple(riders),
        made_by=made_by,
        left_out=left_out,
        sections=tuple(
            CopiedSection(
                key=one.key,
                title=one.title,
                tables=one.tables,
                fields=dict(one.fields),
                records=[dict(record) for record in one.records],
            )
            for one in sections
        ),
    )
