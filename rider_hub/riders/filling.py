"""Records of somebody who does not know all of a registration: what they leave empty stays as it was."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from connectors.batch import Checked
from connectors.forms import canonical, digest_of
from connectors.records import Registration
from rider_hub.access import Change, Keyring
from rider_hub.riders.model import Outcome, RegistrationState
from rider_hub.riders.ports import contents
from rider_hub.riders.rows import record_of
from rider_hub.riders.store import find_registrations, touch

__all__ = ["fill"]


async def fill(
    work: Change,
    keys: Keyring,
    platform: str,
    checked: Sequence[Checked],
    own: Collection[str] | None = None,
) -> tuple[list[Checked], list[Outcome]]:
    """Fill the gaps of records from what is stored; return those that then say something new, and the rest.

    Name and phone that are not given are the stored ones; so is the day of beginning where it is the time of
    the record, which is how "not given" is written. The rest are noted as seen and end as unchanged.
    Where `own` names stations, riders last at another begin without what is stored of them: naming a
    reference must not bring anybody the name and phone that another handed in.
    """
    refs = {record_of(one).platform_rider_ref for one in checked}
    known = await find_registrations(work.connection, platform, refs)
    taken: list[Checked] = []
    same: list[tuple[Outcome, RowMapping]] = []
    for one in checked:
        record = record_of(one)
        there = known.get(record.platform_rider_ref)
        if there is None or record.op != "upsert" or (own is not None and there["station_ref"] not in own):
            taken.append(one)
            continue
        stored = contents(keys, there)
        filled = _filled(record, there, stored)
        if _says_nothing_new(filled, there, stored):
            same.append((Outcome(one.row, "unchanged"), there))
        elif filled is record:
            taken.append(one)
        else:
            taken.append(Checked(one.row, filled, digest_of(canonical(filled))))
    rows = [there for _, there in same]
    ids, riders = [row["id"] for row in rows], [row["rider_id"] for row in rows]
    await touch(work.connection, ids, riders, work.now)
    return taken, [outcome for outcome, _ in same]


def _filled(record: Registration, there: RowMapping, stored: Mapping[str, Any]) -> Registration:
    gaps: dict[str, Any] = {
        name: stored[name] for name in ("name", "phone") if getattr(record, name) is None and stored.get(name)
    }
    if "phone" in gaps and record.phone_ext is None and stored.get("phone_ext"):
        gaps["phone_ext"] = stored["phone_ext"]
    if record.effective_at == record.updated_at and _is_there(record, there):
        gaps["effective_at"] = there["effective_at"]
    return msgspec.structs.replace(record, **gaps) if gaps else record


def _is_there(record: Registration, there: RowMapping) -> bool:
    mine = (RegistrationState.ACTIVE, record.station_ref, record.employment)
    return mine == (there["state"], there["station_ref"], there["employment"])


def _says_nothing_new(record: Registration, there: RowMapping, stored: Mapping[str, Any]) -> bool:
    if not _is_there(record, there) or record.effective_at != there["effective_at"]:
        return False
    if record.id_number is not None or record.id_hash is not None or record.work_area is not None:
        return False
    return all(getattr(record, name) == stored.get(name) for name in ("name", "phone", "phone_ext"))
