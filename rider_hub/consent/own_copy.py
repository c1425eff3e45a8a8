"""What the archive, the trail and the outbox tell a rider of themselves; part of every copy."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select

from rider_hub.access import Keyring, Look
from rider_hub.access.trail import opened_of
from rider_hub.consent.ports import Section
from rider_hub.consent.tables import rights_request
from rider_hub.errors import Refused
from rider_hub.messages.service import waiting_for
from rider_hub.riders.corrections import corrections_of, opened
from rider_hub.riders.identity import explain
from rider_hub.riders.model import EMPLOYMENT_TITLES, LinkState, RegistrationState
from rider_hub.riders.ports import contents, registrations_of
from rider_hub.riders.signin import codes_of
from rider_hub.riders.tables import (
    identity_link,
    registration_history,
    rider,
    work_area_mark,
    work_area_review,
)

__all__ = ["export", "trail"]

#: A trail is kept for some months; nobody is opened more often in that time.
_ROWS = 5000


async def export(look: Look, keys: Keyring, rider_id: str) -> Sequence[Section]:
    """Return the rider's archive, sign-ins, waiting messages, rights requests, and who opened what."""
    rows = await registrations_of(look.connection, rider_id)
    held = [contents(keys, row) for row in rows]
    ids = [row["id"] for row in rows]
    phones = {content["phone"] for content in held if content.get("phone")}
    return [
        await _rider(look, rider_id),
        _registrations(rows, held),
        await _history(look, ids),
        await _work_areas(look, ids),
        await _links(look, ids),
        await _corrections(look, keys, ids),
        Section(
            "sign_in_codes",
            "登录验证码",
            ("sign_in_code",),
            {"created_at": "最近一次获取", "asked": "一小时内次数"},
            await codes_of(look.connection, keys, phones),
        ),
        Section(
            "messages",
            "待发消息",
            ("outbox",),
            {"kind": "种类", "created_at": "时间", "text": "内容"},
            await waiting_for(look.connection, keys, phones),
        ),
        await _handled(look, keys, rider_id),
        await trail(look, keys, rider_id, private=False),
    ]


async def _rider(look: Look, rider_id: str) -> Section:
    row = (await look.connection.execute(select(rider).where(rider.c.id == rider_id))).mappings().first()
    if row is None:
        raise Refused  # a session left over of a rider who was erased
    names = ("id", "division", "first_seen_at", "last_seen_at", "chosen_community")
    titles = {
        "id": "本系统内的编号",
        "division": "所在区划代码",
        "first_seen_at": "首次收到",
        "last_seen_at": "最近收到",
        "chosen_community": "本人选择的社区",
    }
    return Section("rider", "骑手", ("rider",), titles, [{name: row[name] for name in names}])


def _registrations(rows: Sequence[Any], held: Sequence[dict[str, Any]]) -> Section:
    plain = ("platform", "platform_rider_ref", "station_ref", "area_community", "area_lng", "area_lat")
    times = ("effective_at", "version_at", "seen_at")
    records = [
        {"name": content.get("name"), "phone": content.get("phone"), "phone_ext": content.get("phone_ext")}
        | {name: row[name] for name in (*plain, *times, "county")}
        | {
            "state": RegistrationState(row["state"]).title_zh,
            "employment": EMPLOYMENT_TITLES.get(row["employment"] or ""),
            "has_identity_number": row["identity_index"] is not None,
        }
        for row, content in zip(rows, held, strict=True)
    ]
    titles = {
        "name": "姓名",
        "phone": "手机号",
        "phone_ext": "分机",
        "platform": "平台",
        "platform_rider_ref": "平台内编号",
        "station_ref": "站点",
        "area_community": "常跑片区（社区代码）",
        "area_lng": "常跑片区经度",
        "area_lat": "常跑片区纬度",
        "effective_at": "生效时间",
        "version_at": "平台更新时间",
        "seen_at": "最近收到",
        "county": "区县代码",
        "state": "状态",
        "employment": "配送方式",
        "has_identity_number": "留有证件号码的加密比对值（不可还原）",
    }
    return Section("registrations", "平台登记", ("registration",), titles, records)


async def _history(look: Look, ids: Sequence[str]) -> Section:
    c = registration_history.c
    query = select(registration_history).where(c.registration_id.in_(ids)).order_by(c.version_at, c.id)
    records = [
        {
            "version_at": row["version_at"],
            "state": RegistrationState(row["state"]).title_zh,
            "employment": EMPLOYMENT_TITLES.get(row["employment"] or ""),
            "station_ref": row["station_ref"],
            "recorded_at": row["recorded_at"],
        }
        for row in (await look.connection.execute(query)).mappings()
    ]
    titles = {
        "version_at": "平台更新时间",
        "state": "状态",
        "employment": "配送方式",
        "station_ref": "站点",
        "recorded_at": "收到时间",
    }
    return Section("history", "登记变化", ("registration_history",), titles, records)


async def _work_areas(look: Look, ids: Sequence[str]) -> Section:
    mark, review = work_area_mark.c, work_area_review.c
    marks = select(mark.version_at).where(mark.registration_id.in_(ids)).order_by(mark.version_at)
    records: list[dict[str, Any]] = [
        {"at": at, "what": "平台报送了常跑片区（这里不留地点）"}
        for at in (await look.connection.execute(marks)).scalars()
    ]
    reviews = select(work_area_review).where(review.registration_id.in_(ids))
    for row in (await look.connection.execute(reviews.order_by(review.registration_id))).mappings():
        if row["held_at"]:
            records.append({"at": row["held_at"], "what": f"变动 {row['changes']} 次，待工作人员核对"})
        else:
            records.append({"at": row["decided_at"], "what": "工作人员已核对，恢复使用"})
    tables = ("work_area_mark", "work_area_review")
    return Section("work_areas", "常跑片区的变动", tables, {"at": "时间", "what": "说明"}, records)


async def _links(look: Look, ids: Sequence[str]) -> Section:
    c = identity_link.c
    query = select(identity_link).where(or_(c.registration_a.in_(ids), c.registration_b.in_(ids)))
    records = [
        {"why": explain(LinkState(row["state"]), row["evidence"]), "at": row["created_at"]}
        for row in (await look.connection.execute(query.order_by(c.created_at, c.id))).mappings()
    ]
    return Section("links", "登记关联", ("identity_link",), {"why": "说明", "at": "时间"}, records)


async def _corrections(look: Look, keys: Keyring, ids: Sequence[str]) -> Section:
    records = [
        {
            "field": kept["field"],
            "value": opened(keys, kept).value,
            "made_at": kept["made_at"],
            "conflict_at": kept["conflict_at"],
        }
        for rows in (await corrections_of(look.connection, ids)).values()
        for kept in rows
    ]
    titles = {"field": "字段", "value": "更正为", "made_at": "更正时间", "conflict_at": "平台再次报送旧值"}
    return Section("corrections", "已更正的内容", ("registration_correction",), titles, records)


async def _handled(look: Look, keys: Keyring, rider_id: str) -> Section:
    c = rights_request.c
    query = select(rights_request).where(c.rider_id == rider_id).order_by(c.filed_at, c.id)
    records = []
    for row in (await look.connection.execute(query)).mappings():
        content = (
            keys.unseal("personal", ("rights_request", "sealed", row["id"]), row["sealed"])
            if row["sealed"]
            else {}
        )
        record = {name: row[name] for name in ("kind", "state", "filed_at", "due_at", "decided_at")}
        records.append(record | {"content": [f"{name}: {value}" for name, value in content.items() if value]})
    titles = {
        "kind": "事项",
        "state": "进展",
        "filed_at": "提出时间",
        "due_at": "办理时限",
        "decided_at": "办结时间",
        "content": "内容",
    }
    return Section("rights_requests", "权利请求", ("rights_request",), titles, records)


async def trail(look: Look, keys: Keyring, rider_id: str, *, private: bool) -> Section:
    """Return who opened the rider's data; with `private` only what is kept under a pseudonym of its own."""
    rows = await opened_of(look.connection, keys, [rider_id], private=private, at_most=_ROWS)
    if private:
        open_ones = await opened_of(look.connection, keys, [rider_id], private=False, at_most=_ROWS)
        known = {row["id"] for row in open_ones}
        rows = [row for row in rows if row["id"] not in known]
    names = ("at", "actor_title", "operation", "purpose", "outcome")
    titles = {
        "at": "时间",
        "actor_title": "谁",
        "operation": "做了什么",
        "purpose": "用途",
        "outcome": "结果",
    }
    records = [{name: row[name] for name in names} for row in rows]
    key, title = ("private_trail", "谁看过我单独同意的内容") if private else ("trail", "谁看过我的信息")
    return Section(key, title, ("audit_row", "audit_subject"), titles, records)
