"""What membership hands over or wipes when a rider asks for a copy or for erasure."""

from collections.abc import Sequence

from rider_hub.access import Change, Keyring, Look
from rider_hub.consent.model import PURPOSE_TITLES
from rider_hub.consent.own_copy import trail
from rider_hub.consent.ports import Section
from rider_hub.membership.ledger import history
from rider_hub.membership.model import Declaration
from rider_hub.membership.store import erase_record, read_record
from rider_hub.membership.verification import unlist, verified_of
from rider_hub.organizations.store import titles

__all__ = ["erase", "export"]

_ACTS = {"given": "同意", "withdrawn": "撤回同意"}
_TABLES = ("declaration",)


async def erase(work: Change, keys: Keyring, rider_id: str) -> int:
    """Delete a rider's record and consents in the caller's transaction; returns how many rows went."""
    listed = await unlist(work.connection, keys, rider_id)
    return listed + await erase_record(work.connection, keys, rider_id)


async def export(look: Look, keys: Keyring, rider_id: str) -> Sequence[Section]:
    """Return a rider's declaration and consents as the rider reads them; for the rider alone."""
    record = await read_record(look.connection, keys, rider_id)
    lines = await history(look.connection, keys, rider_id)
    bodies = await titles(look.connection, {entry.body for _, entry in lines} | {record.body or ""})
    declared = Section(
        "declaration",
        "党员身份申报",
        ("declaration", "home_list"),
        {
            "kind": "申报类别",
            "home_organization": "组织关系所在党组织",
            "body": "愿意让谁看到",
            "declared_at": "申报时间",
            "verification": "组织关系核验",
        },
        []
        if record.kind is None
        else [
            {
                "kind": record.kind.title_zh,
                "home_organization": record.home_organization,
                "body": bodies.get(record.body or "", record.body),
                "declared_at": record.declared_at,
                "verification": await _asked(look, keys, record),
            }
        ],
    )
    consents = Section(
        "consents",
        "同意记录",
        _TABLES,
        {
            "purpose": "事项",
            "act": "同意或撤回",
            "body": "对谁",
            "notice_version": "告知书版本",
            "at": "时间",
        },
        [
            {
                "purpose": PURPOSE_TITLES.get(entry.purpose, entry.purpose),
                "act": _ACTS[entry.act],
                "body": bodies.get(entry.body, entry.body),
                "notice_version": entry.notice_version,
                "at": entry.at,
            }
            for _, entry in lines
        ],
    )
    opened = await trail(look, keys, rider_id, private=True)
    return [section for section in (declared, consents, opened) if section.records]


async def _asked(look: Look, keys: Keyring, record: Declaration) -> str | None:
    if record.home_body is None:
        return None
    answer = await verified_of(look.connection, keys, record)
    return "等待核验" if answer is None else "核验为是" if answer.verified else "核验为不是"
