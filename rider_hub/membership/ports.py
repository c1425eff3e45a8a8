"""What membership hands over or wipes when a rider asks for a copy or for erasure."""

from collections.abc import Sequence

from rider_hub.access import Change, Keyring, Look
from rider_hub.consent.model import PURPOSE_TITLES
from rider_hub.consent.ports import Section
from rider_hub.membership.ledger import history
from rider_hub.membership.model import Declaration
from rider_hub.membership.store import erase_record, read_record
from rider_hub.membership.verification import unlist, verified_of
from rider_hub.organizations.store import titles
from rider_hub.web.values import minute

__all__ = ["erase", "export"]

_ACTS = {"given": "同意", "withdrawn": "撤回同意"}


async def erase(work: Change, keys: Keyring, rider_id: str) -> int:
    """Delete a rider's record and consents in the caller's transaction; returns how many rows went."""
    listed = await unlist(work.connection, keys, rider_id)
    return listed + await erase_record(work.connection, keys, rider_id)


async def export(look: Look, keys: Keyring, rider_id: str) -> Sequence[Section]:
    """Return a rider's declaration and consents as the rider reads them."""
    record = await read_record(look.connection, keys, rider_id)
    lines = await history(look.connection, keys, rider_id)
    bodies = await titles(look.connection, [record.body] if record.body else [])
    declared = (
        ()
        if record.kind is None
        else (
            ("申报类别", record.kind.title_zh),
            ("组织关系所在党组织", record.home_organization or ""),
            *(await _asked(look, keys, record)),
            ("愿意让谁看到", bodies.get(record.body or "", record.body or "")),
        )
    )
    consents = tuple(
        (PURPOSE_TITLES.get(entry.purpose, entry.purpose), f"{_ACTS[entry.act]} {minute(entry.at)}")
        for _, entry in lines
    )
    sections = (Section("党员身份申报", declared), Section("同意记录", consents))
    return [section for section in sections if section.entries]


async def _asked(look: Look, keys: Keyring, record: Declaration) -> tuple[tuple[str, str], ...]:
    if record.home_body is None:
        return ()
    answer = await verified_of(look.connection, keys, record)
    return (
        ("组织关系核验", "等待核验" if answer is None else "核验为是" if answer.verified else "核验为不是"),
    )
